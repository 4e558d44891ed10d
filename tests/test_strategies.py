"""One replica and several train the same model: by the Estimator, the input pipeline and the strategies of a run.

Replicas are logical processors. The network is a small one, of one block.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf

import input_fn
import model_fn
from cluster import strategy
from cluster.topology import ALONE
from model_fn import layers, network
from settings import Constant, DistributionStrategy, SummaryLevel, WeightDecayOf
from summaries import tags
from tests.common import make_augmentation, make_examples, make_learning_rate, make_model, make_settings, run_main
from tests.processes import start_cluster
from tests.test_end_to_end import TINY, scalars

STEPS, BATCH = 50, 16
SMALL = network.Architecture((1,), (4,), bottleneck=False, large_image_stem=False)
ONE = DistributionStrategy.ONE_DEVICE
MIRRORED = DistributionStrategy.MIRRORED
MULTI_WORKER = DistributionStrategy.MULTI_WORKER_MIRRORED
PARAMETER_SERVER = DistributionStrategy.PARAMETER_SERVER


class Losses(tf.compat.v1.train.SessionRunHook):
    """The loss of each step, as the Estimator has it."""

    def __init__(self):
        self.found = []

    def begin(self):
        (self._loss,) = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)[-1:]

    def before_run(self, run_context):
        return tf.compat.v1.train.SessionRunArgs(self._loss)

    def after_run(self, run_context, run_values):
        self.found.append(float(run_values.results))


def train(
    folder,
    *,
    replicas=1,
    kind=DistributionStrategy.AUTO,
    sync_batch_norm=False,
    frozen=False,
    num_examples=50,
    batch=BATCH,
    slices=1,
    order=None,
):
    """Losses by step, what the last checkpoint holds by name, and the metrics of an evaluation of 50 examples.

    `frozen`: batches are normalised as where a model is used, so that it makes no difference what a share is. `order`:
    of the examples in each batch.
    """
    model = make_model(
        learning_rate=make_learning_rate(Constant(0.05)),
        sync_batch_norm=sync_batch_norm,
        nesterov=True,
        weight_decay_of=WeightDecayOf.ALL_TRAINED,
        ema_decay=0.9,
        accumulate_steps=slices,
    )
    settings = make_settings(
        model_dir=str(folder),
        model=model,
        batch_size=batch,
        train_steps=STEPS,
        evaluation_interval=STEPS,
        cpu_replicas=replicas,
        distribution_strategy=kind,
    )
    params = model_fn.Params(
        model,
        network.PLAIN,
        tuple("abcdefghij"),
        summary_interval=STEPS,
        summaries=SummaryLevel.MINIMAL,
        deterministic=True,
    )
    config = strategy.make_run_config(settings, ALONE)
    losses = Losses()
    sizes = {"image_size": 8, "batch_size": batch}
    batches = input_fn.training_input_fn(
        make_examples(num_examples), augmentation=make_augmentation(), seed=0, first_step=lambda: 0, **sizes
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(network.ARCHITECTURES, model.network, SMALL)
        if frozen:
            patch.setattr(network, "build", build_frozen)
        # The same first weights, whatever the graph holds before them.
        initializer = tf.compat.v1.variance_scaling_initializer(2.0, "fan_out", seed=1)
        patch.setattr(layers, "_HE", initializer)
        patch.setattr(tf.compat.v1, "glorot_uniform_initializer", lambda: initializer)
        estimator = tf.estimator.Estimator(model_fn.model_fn, config=config, params=params)
        estimator.train(in_order(batches, order), hooks=[losses], max_steps=STEPS)
        metrics = estimator.evaluate(input_fn.evaluation_input_fn(make_examples(50, seed=1), crop=1.0, **sizes))
    check_first_averages(values_in(f"{folder}/model.ckpt-0"))
    return losses.found, values_in(folder), metrics


def values_in(checkpoint):
    reader = tf.train.load_checkpoint(str(checkpoint))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def check_first_averages(values):
    """They begin with the first values of what they are of."""
    names = [name for name in values if name.startswith("averages/")]
    assert names
    for name in names:
        np.testing.assert_array_equal(values[name], values[name.removeprefix("averages/")], err_msg=name)


def in_order(batches, order):
    """The same batches, their examples in another order."""
    if order is None:
        return batches
    return lambda input_context=None: batches(input_context).map(
        lambda *batch: tf.nest.map_structure(lambda tensor: tf.gather(tensor, order), batch)
    )


def build_frozen(images, architecture, *, training, build=network.build, **options):
    return build(images, architecture, training=False, **options)


def assert_same(found, expected, *, replicas):
    (losses, values, metrics), (losses_of_one, values_of_one, metrics_of_one) = found, expected
    assert len(losses) == STEPS
    np.testing.assert_allclose(losses, losses_of_one, rtol=1e-4)
    assert values.keys() == values_of_one.keys()
    for name, value in values.items():
        # Sums over replicas, how many there are among them.
        divisor = replicas if name == "interval_means/sums" else 1
        np.testing.assert_allclose(value / divisor, values_of_one[name], rtol=1e-3, atol=1e-4, err_msg=name)
    assert metrics[tags.LOSS] == pytest.approx(metrics_of_one[tags.LOSS], rel=1e-4)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What one replica trains, by the options of `train`."""
    return functools.cache(lambda **options: train(tmp_path_factory.mktemp("one"), **options))


OTHERS = [(4, MIRRORED), (2, PARAMETER_SERVER), (1, MIRRORED), (1, MULTI_WORKER)]


@pytest.mark.parametrize(
    ("replicas", "kind"), [(2, MIRRORED), *(pytest.param(*each, marks=pytest.mark.cluster) for each in OTHERS)]
)
def test_with_batch_norm_frozen_any_number_of_replicas_trains_the_same(one, tmp_path, replicas, kind):
    """50 steps, the batches of which span ends of the 50 examples' epochs."""
    found = train(tmp_path, replicas=replicas, kind=kind, frozen=True)
    assert_same(found, one(frozen=True), replicas=replicas)


@pytest.mark.cluster
@pytest.mark.parametrize(("replicas", "kind"), [(2, MIRRORED), (4, MIRRORED), (2, PARAMETER_SERVER)])
def test_with_statistics_over_all_replicas_any_number_of_them_trains_the_same(one, tmp_path, replicas, kind):
    assert_same(train(tmp_path, replicas=replicas, kind=kind, sync_batch_norm=True), one(), replicas=replicas)


@pytest.mark.parametrize(
    ("replicas", "kind", "slices"),
    [(1, ONE, 2), (1, ONE, 4), (2, MIRRORED, 2), (2, PARAMETER_SERVER, 2), (1, MULTI_WORKER, 2)],
)
def test_with_batch_norm_frozen_slices_of_a_batch_train_as_the_whole(one, tmp_path, replicas, kind, slices):
    found = train(tmp_path, replicas=replicas, kind=kind, slices=slices, frozen=True)
    assert_same(found, one(frozen=True), replicas=replicas)


@pytest.mark.parametrize("kind", [MIRRORED, PARAMETER_SERVER])
def test_slices_are_normalised_over_all_replicas(one, tmp_path, kind):
    """Two replicas' halves of a slice are one's whole slice, where that one gets the examples in this order."""
    order = tuple(np.arange(BATCH).reshape([2, 2, -1]).swapaxes(0, 1).ravel())
    found = train(tmp_path, replicas=2, kind=kind, slices=2, sync_batch_norm=True)
    assert_same(found, one(slices=2, order=order), replicas=2)


@pytest.mark.cluster
@pytest.mark.parametrize("kind", [MIRRORED, PARAMETER_SERVER])
def test_more_replicas_than_examples_train_as_one_does(one, tmp_path, kind):
    """Each of the three has a place in every batch of four, and one of them a second."""
    few = {"num_examples": 3, "batch": 4, "frozen": True}
    assert_same(train(tmp_path, replicas=4, kind=kind, **few), one(**few), replicas=4)


@pytest.mark.cluster
def test_two_workers_with_statistics_over_both_train_the_model_of_one_process(start, shapes10_dir, tmp_path):
    """As a user starts them."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    arguments = [f"--data_dir={shapes10_dir}", *TINY, "--train_steps=12", "--sync_batch_norm"]
    arguments += ["--ema_decay=0.9", "--cutout=0.25", "--mixup=0.2"]
    tasks = start_cluster(start, [f"--model_dir={tmp_path}/two", *arguments], scratch)
    said = [(task.finish(), "".join(task.said)) for task in tasks]
    assert [status for status, _ in said] == [0, 0], said
    run_main(f"--model_dir={tmp_path}/one", *arguments)
    for folder in ("", "eval"):
        one, two = (dict(scalars(tmp_path / name / folder, tags.LOSS)) for name in ("one", "two"))
        assert two == pytest.approx(one, rel=1e-3)

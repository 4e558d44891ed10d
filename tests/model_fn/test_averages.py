"""Averages of weights: by their formula, over a resume, and in the place of the weights where a network is used."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import input_fn
import model_fn
from model_fn import averages, network, objective
from settings import Constant, SummaryLevel
from summaries import tags
from tests.common import make_augmentation, make_examples, make_learning_rate, make_model

DECAY = 0.3
MODEL = make_model(learning_rate=make_learning_rate(Constant(0.05)), ema_decay=DECAY)
PARAMS = model_fn.Params(
    MODEL, network.PLAIN, tuple("abcdefghij"), summary_interval=2, summaries=SummaryLevel.MINIMAL, deterministic=False
)
SMALL = network.Architecture((1,), (4,), bottleneck=False, large_image_stem=False)


@pytest.fixture(scope="module", autouse=True)
def small_network():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(network.ARCHITECTURES, MODEL.network, SMALL)
        yield


def averaged(values, decay, *, first):
    """The average after each of `values`, those of a variable after updates 0, 1 and so on, in float64."""
    found = [np.asarray(first, np.float64)]
    for step, value in enumerate(values):
        kept = min(decay, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * np.asarray(value, np.float64))
    return found[1:]


@pytest.mark.parametrize("decay", [0.2, 0.999])
def test_an_average_forgets_by_its_decay_and_faster_to_begin_with(decay):
    values = np.random.RandomState(0).normal(size=[6, 3])
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variable = tf.compat.v1.get_variable("v", initializer=tf.random.uniform([3]))
        step = tf.compat.v1.placeholder(tf.int64, [])
        update = averages.Averages([variable]).update(decay=decay, step=step)
        average = next(v for v in tf.compat.v1.global_variables() if v.op.name == "averages/v")
        assert not average.trainable
        session.run(tf.compat.v1.global_variables_initializer())
        first, found = session.run(variable), [session.run(average)]
        for number, value in enumerate(values):
            variable.load(value, session)
            session.run(update, {step: number})
            found.append(session.run(average))
    np.testing.assert_allclose(found, [first, *averaged(values, decay, first=first)], rtol=1e-5, atol=1e-6)


class Weights(tf.compat.v1.train.SessionRunHook):
    """The network's variables before the first step and after each, by name."""

    def __init__(self):
        self.found = []

    def begin(self):
        self._wanted = {v.op.name: v for v in network.variables() if "Momentum" not in v.op.name}

    def after_create_session(self, session, coord):
        self.found.append(session.run(self._wanted))

    def after_run(self, run_context, run_values):
        self.found.append(run_context.session.run(self._wanted))


def estimator(folder, params=PARAMS):
    config = tf.estimator.RunConfig(model_dir=str(folder), tf_random_seed=0, save_summary_steps=0)
    return tf.estimator.Estimator(model_fn.model_fn, config=config, params=params)


def train(folder, *, first_step, max_steps):
    hook = Weights()
    batches = input_fn.training_input_fn(
        make_examples(50),
        image_size=8,
        augmentation=make_augmentation(),
        batch_size=8,
        seed=0,
        first_step=lambda: first_step,
    )
    estimator(folder).train(batches, hooks=[hook], max_steps=max_steps)
    return hook.found


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of four steps and, resumed, five more: its folder, and its variables before the first and after each."""
    folder = tmp_path_factory.mktemp("run")
    begun, went_on = train(folder, first_step=0, max_steps=4), train(folder, first_step=4, max_steps=9)
    return folder, [*begun, *went_on[1:]]


def in_checkpoint(folder):
    reader = tf.train.load_checkpoint(str(folder))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_a_run_that_goes_on_goes_on_with_its_averages(trained):
    """Of all that the network has: batch norm's moving statistics are averaged, too."""
    folder, weights = trained
    found = in_checkpoint(folder)
    names = set(weights[0])
    assert {name.rpartition("/")[2] for name in names} == {
        *("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
    }
    assert {name.removeprefix("averages/") for name in found if name.startswith("averages/")} == names
    for name in names:
        first, *others = [each[name] for each in weights]
        expected = averaged(others, DECAY, first=first)[-1]
        np.testing.assert_allclose(found[f"averages/{name}"], expected, rtol=1e-4, atol=1e-6, err_msg=name)
        np.testing.assert_array_equal(found[name], weights[-1][name])


def by_hand(folder, images, *, scope):
    """Logits of a network of the variables of a checkpoint that are called `scope` and their own names."""
    values = in_checkpoint(folder)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        net = network.build(tf.constant(images), SMALL, num_classes=10, training=False)
        for variable in tf.compat.v1.global_variables():
            variable.load(values[scope + variable.op.name], session)
        return session.run(net.logits)


def test_evaluations_and_predictions_are_those_of_the_averages(trained):
    folder, _ = trained
    examples = make_examples(16, seed=1)
    batches = input_fn.evaluation_input_fn(examples, image_size=8, crop=1.0, batch_size=16)
    images = examples.images / np.float32(127.5) - 1
    own, average = (by_hand(folder, images, scope=scope) for scope in ("", "averages/"))
    assert np.abs(own - average).max() > 0.01
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        labels = tf.constant(examples.labels)
        expected = session.run(tf.reduce_mean(objective.cross_entropy(tf.constant(average), labels, label_smoothing=0)))
    metrics = estimator(folder).evaluate(batches)
    assert metrics[tags.CROSS_ENTROPY] == pytest.approx(expected, rel=1e-5)
    exponentials = np.exp(average)
    found = [each["probabilities"] for each in estimator(folder).predict(batches)]
    np.testing.assert_allclose(found, exponentials / exponentials.sum(axis=1, keepdims=True), atol=1e-5)


def test_whoever_has_only_a_checkpoint_finds_its_averages_in_it(trained, tmp_path):
    folder, _ = trained
    checkpoint = tf.train.latest_checkpoint(str(folder))
    images = make_examples(4, seed=1).images / np.float32(127.5) - 1
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        with averages.in_place_if_in(checkpoint):
            net = network.build(tf.constant(images), SMALL, num_classes=10, training=False)
        assert all(v.op.name.startswith("averages/network/") for v in tf.compat.v1.global_variables())
        tf.compat.v1.train.Saver().restore(session, checkpoint)
        found = session.run(net.logits)
    np.testing.assert_allclose(found, by_hand(folder, images, scope="averages/"), rtol=1e-5)


def test_a_run_without_averages_has_none(tmp_path):
    params = dataclasses.replace(PARAMS, model=dataclasses.replace(MODEL, ema_decay=0.0))
    batches = input_fn.training_input_fn(
        make_examples(50), image_size=8, augmentation=make_augmentation(), batch_size=8, seed=0, first_step=lambda: 0
    )
    estimator(tmp_path, params).train(batches, max_steps=1)
    assert not [name for name in in_checkpoint(tmp_path) if "averages" in name]
    with tf.Graph().as_default(), averages.in_place_if_in(tf.train.latest_checkpoint(str(tmp_path))):
        assert tf.compat.v1.get_variable("v", []).op.name == "v"
    with tf.Graph().as_default(), averages.in_place_if_in(str(tmp_path / "nowhere")):
        assert tf.compat.v1.get_variable("v", []).op.name == "v"

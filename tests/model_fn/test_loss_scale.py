"""Loss scaling: its state against plain Python's, and steps that are skipped in training runs in float16."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import hooks
import model_fn
from cluster import strategy
from cluster.topology import ALONE
from model_fn import loss_scale, network
from model_fn.loss_scale import LossScale
from settings import Arithmetic, Constant, DataFormat, DistributionStrategy, Precision, SummaryLevel
from summaries import collect, tags
from tests.common import make_learning_rate, make_model, make_settings

BATCH = 8
SMALL = network.Architecture((1,), (4,), bottleneck=False, large_image_stem=False)
FLOAT16 = Arithmetic(Precision.FLOAT16, DataFormat.CHANNELS_LAST, on_gpu=False)
PARAMS = model_fn.Params(
    make_model(learning_rate=make_learning_rate(Constant(0.05)), ema_decay=0.9),
    FLOAT16,
    tuple("abcdefghij"),
    summary_interval=2,
    summaries=SummaryLevel.MINIMAL,
    deterministic=True,
)
MIRRORED, CENTRAL = DistributionStrategy.MIRRORED, DistributionStrategy.PARAMETER_SERVER
# Of these nothing is left as it was by a step that is skipped.
COUNTING = ("global_step", "loss_scale/state", "interval_means/sums")


class State:
    """A scale, in plain Python."""

    def __init__(self):
        self.scale, self.in_a_row, self.skipped = 2.0**15, 0, 0

    def step(self, overflow):
        if overflow:
            self.scale, self.in_a_row, self.skipped = max(self.scale / 2, 1.0), 0, self.skipped + 1
            return
        self.in_a_row += 1
        if self.in_a_row == loss_scale.INTERVAL:
            self.scale, self.in_a_row = min(self.scale * 2, 2.0**24), 0


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0], ids="{:.0%} overflow".format)
def test_the_scale_follows_the_rules(monkeypatch, share):
    monkeypatch.setattr(loss_scale, "INTERVAL", 4)
    overflows = np.random.RandomState(0).uniform(size=100) < share
    expected, found = State(), []
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        # As of many replicas, three of which overflow.
        sums = tf.compat.v1.placeholder(tf.float32, [1])
        scaling = LossScale()
        update = scaling.decide(sums).update()
        (state,) = tf.compat.v1.global_variables()
        session.run(state.initializer)
        for overflow in overflows:
            session.run(update, {sums: [3.0 * overflow]})
            expected.step(overflow)
            found.append((session.run(state).tolist(), [expected.scale, expected.in_a_row, expected.skipped]))
    assert [of_graph for of_graph, _ in found] == [of_python for _, of_python in found]


def test_the_scale_doubles_after_two_thousand_steps_and_not_before():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        update = LossScale().decide(tf.zeros([1])).update()
        (state,) = tf.compat.v1.global_variables()
        session.run(state.initializer)
        scales = []
        for _ in range(2001):
            session.run(update)
            scales.append(session.run(state)[0])
    assert scales == [2**15] * 1999 + [2**16] * 2


def test_what_is_too_small_for_float16_is_kept():
    """The gradient of `1e-9 * sum(v)`, which would be zero on its way through float16."""

    def loss(variable):
        return tf.reduce_sum(tf.cast(tf.cast(variable, tf.float16) * 1e-4, tf.float32)) * 1e-5

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variable = tf.compat.v1.get_variable("v", [3])
        [(gradient, of)] = LossScale().gradients(loss(variable))
        lost = tf.gradients(loss(variable), variable)[0]
        assert of is variable
        session.run(tf.compat.v1.global_variables_initializer())
        gradient, lost = session.run([gradient, lost])
    np.testing.assert_allclose(gradient, 1e-9, rtol=1e-3)
    assert not lost.any()


@pytest.mark.parametrize(
    ("loss", "gradients", "overflow"),
    [
        (1.0, [[0.0, 3e38], [-1e-40]], 0),
        (np.nan, [[0.0, 0.0], [0.0]], 1),
        (1.0, [[0.0, np.inf], [0.0]], 1),
        (1.0, [[0.0, 0.0], [-np.inf]], 1),
        (1.0, [[np.nan, 0.0], [0.0]], 1),
    ],
)
def test_an_overflow_is_any_number_that_is_not_finite(loss, gradients, overflow):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        given = [(tf.constant(gradient), None) for gradient in gradients]
        assert session.run(LossScale().overflows(given, tf.constant(loss))).tolist() == [overflow]


@pytest.mark.parametrize(
    ("scale", "overflows", "loss", "told"),
    [
        (2.0, 0, 2.5, 2.5),
        (2.0, 1, 2.5, 2.5),
        (2.0, 1, np.nan, 1e30),
        (2.0, 1, np.inf, 1e30),
        (1.0, 0, 2.5, 2.5),
        (1.0, 1, 2.5, np.nan),
        (1.0, 1, np.inf, np.nan),
    ],
)
def test_a_loss_is_told_as_no_number_where_no_smaller_scale_can_help(monkeypatch, scale, overflows, loss, told):
    monkeypatch.setattr(loss_scale, "INITIAL_SCALE", scale)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        found = LossScale().decide(tf.constant([float(overflows)])).told(tf.constant(loss))
        session.run(tf.compat.v1.global_variables_initializer())
        np.testing.assert_equal(session.run(found), np.float32(told))


def test_curves_leave_a_step_out_whose_loss_is_no_number():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for totals, counted in (([2.0, 5.0, 1.0], [2.0, 5.0, 1.0]), ([2.0, np.nan, 1.0], [0.0, 0.0, 0.0])):
            assert session.run(loss_scale.counted(tf.constant(totals))).tolist() == counted


def image_batches(steps, *, replicas=1, overflowing=()):
    """Batches for each step and replica in turn. Of the (step, replica) of `overflowing` they hold infinity."""

    def batch(k):
        images = tf.random.stateless_uniform([BATCH, 8, 8, 3], tf.stack([tf.constant(7, tf.int64), k]), -1, 1)
        places = [step * replicas + replica for step, replica in overflowing]
        is_wrong = tf.reduce_any(tf.equal(k, tf.constant(places, tf.int64))) if places else False
        labels = {"label": tf.range(BATCH), "weight": tf.ones([BATCH]), "index": tf.range(BATCH, dtype=tf.int64)}
        return {"image": tf.where(is_wrong, float("inf"), images)}, labels

    return lambda: tf.data.Dataset.range(steps[0] * replicas, steps[1] * replicas).map(batch)


class Watch(tf.compat.v1.train.SessionRunHook):
    """Keeps what stands in every copy of every variable after each step, by name of the copy, and the loss as told."""

    def __init__(self):
        self.values, self.losses = [], []

    def begin(self):
        copies = [copy for v in tf.compat.v1.global_variables() for copy in getattr(v, "values", [v])]
        self._copies = {copy.name: copy for copy in copies}
        (self._loss,) = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)[-1:]

    def after_create_session(self, session, coord):
        self.values.append(session.run(self._copies))

    def before_run(self, run_context):
        return tf.compat.v1.train.SessionRunArgs(self._loss)

    def after_run(self, run_context, run_values):
        self.losses.append(float(run_values.results))
        self.values.append(run_context.session.run(self._copies))


def train(folder, batches, *others, replicas=1, kind=DistributionStrategy.AUTO, **model):
    watch = Watch()
    settings = make_settings(
        model_dir=str(folder),
        batch_size=BATCH * replicas,
        train_steps=100,
        evaluation_interval=100,
        cpu_replicas=replicas,
        distribution_strategy=kind,
    )
    params = dataclasses.replace(PARAMS, model=dataclasses.replace(PARAMS.model, **model))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(network.ARCHITECTURES, params.model.network, SMALL)
        estimator = tf.estimator.Estimator(
            model_fn.model_fn, config=strategy.make_run_config(settings, ALONE), params=params
        )
        estimator.train(batches, hooks=[*others, watch])
    return watch


def changed(before, after):
    """The names of variables that a step changed, without those that count."""
    names = {name for name, value in before.items() if not np.array_equal(value, after[name])}
    return {name for name in names if not name.startswith(COUNTING)}


@pytest.mark.parametrize(
    ("replicas", "kind", "model"),
    [
        (1, DistributionStrategy.ONE_DEVICE, {"nesterov": True}),
        (1, DistributionStrategy.ONE_DEVICE, {"accumulate_steps": 2}),
        (2, MIRRORED, {}),
        pytest.param(2, MIRRORED, {"sync_batch_norm": True}, marks=pytest.mark.cluster),
        pytest.param(2, CENTRAL, {}, marks=pytest.mark.cluster),
    ],
)
def test_a_step_that_overflows_on_one_replica_changes_nothing_on_any(tmp_path, replicas, kind, model):
    """Weights, their momentum, moving averages of both kinds. And the steps around it change all of them."""
    skipped = 2
    batches = image_batches((0, 5), replicas=replicas, overflowing=[(skipped, replicas - 1)])
    watch = train(tmp_path, batches, replicas=replicas, kind=kind, **model)
    assert len(watch.losses) == 5
    everything = {name for name in watch.values[0] if not name.startswith((*COUNTING, "live_rate"))}
    assert len(everything) >= 2 * 17 + 11, "the network's, their averages, and the momentum of what is trained"
    for step in range(1, 5):  # At first the gradient of a block is zero, as its last gamma is.
        assert changed(*watch.values[step : step + 2]) == (set() if step == skipped else everything), step
    states = [values["loss_scale/state:0"].tolist() for values in watch.values]
    assert states == [[2**15, 0, 0], [2**15, 1, 0], [2**15, 2, 0], [2**14, 0, 1], [2**14, 1, 1], [2**14, 2, 1]]
    assert [values["global_step:0"] for values in watch.values] == list(range(6))
    assert np.isfinite(watch.losses).all()
    for values in watch.values[1:]:
        assert all(np.isfinite(value).all() for value in values.values())


def test_a_gradient_that_overflows_under_a_finite_loss_is_skipped_too(tmp_path, monkeypatch):
    """As where the scale is too large. It finds to one that is not by itself."""
    monkeypatch.setattr(loss_scale, "INITIAL_SCALE", 2.0**24)
    watch = train(tmp_path, image_batches((0, 12)))
    scales = [values["loss_scale/state:0"][0] for values in watch.values]
    applied = [bool(changed(*watch.values[step : step + 2])) for step in range(12)]
    skipped = applied.count(False)
    assert 2 <= skipped <= 9
    assert applied == [False] * skipped + [True] * (12 - skipped)
    assert scales == [2.0 ** (24 - min(step, skipped)) for step in range(13)]
    assert max(watch.losses) < 10, "the losses themselves"


def test_a_run_goes_on_with_the_scale_that_it_had(tmp_path, monkeypatch):
    monkeypatch.setattr(loss_scale, "INTERVAL", 2)
    overflowing = [(3, 0)]
    whole = train(tmp_path / "whole", image_batches((0, 8), overflowing=overflowing))
    train(tmp_path / "resumed", image_batches((0, 5), overflowing=overflowing))
    rest = train(tmp_path / "resumed", image_batches((5, 8), overflowing=overflowing))
    scales = [values["loss_scale/state:0"][0] / 2**15 for values in whole.values]
    assert scales == [1, 1, 2, 2, 1, 1, 2, 2, 4]
    assert rest.values[0]["loss_scale/state:0"].tolist() == [2**15, 1, 1]
    for of_whole, of_rest in zip(whole.values[5:], rest.values, strict=True):
        assert of_whole.keys() == of_rest.keys()
        for name, value in of_whole.items():
            np.testing.assert_allclose(of_rest[name], value, rtol=1e-3, atol=1e-5, err_msg=name)
        np.testing.assert_array_equal(of_rest["loss_scale/state:0"], of_whole["loss_scale/state:0"])


def test_a_skipped_step_is_no_divergence_and_steps_that_overflow_at_any_scale_are(tmp_path, monkeypatch):
    monkeypatch.setattr(loss_scale, "INITIAL_SCALE", 4.0)
    overflowing = [(step, 0) for step in (1, 4, 5, 6)]
    with pytest.raises(hooks.Diverged) as error:
        train(tmp_path, image_batches((0, 10), overflowing=overflowing), hooks.DivergenceHook(str(tmp_path)))
    # At scales 4, then 2, then 1: it is at the step after which the global step is 6 that none is left.
    assert error.value.step == 6


@pytest.mark.parametrize("precision", list(Precision))
def test_the_scale_is_shown_where_there_is_one(precision):
    params = dataclasses.replace(PARAMS, arithmetic=dataclasses.replace(FLOAT16, precision=precision))
    with tf.Graph().as_default(), pytest.MonkeyPatch.context() as patch:
        patch.setitem(network.ARCHITECTURES, params.model.network, SMALL)
        features, labels = tf.compat.v1.data.make_one_shot_iterator(image_batches((0, 1))()).get_next()
        model_fn.model_fn(features, labels, tf.estimator.ModeKeys.TRAIN, params)
        shown = {tags.LOSS_SCALE, tags.SKIPPED_STEPS} & set(collect.collected_scalars())
        variables = {variable.op.name for variable in tf.compat.v1.global_variables()}
    is_scaled = precision is Precision.FLOAT16
    assert shown == ({tags.LOSS_SCALE, tags.SKIPPED_STEPS} if is_scaled else set())
    assert ("loss_scale/state" in variables) == is_scaled

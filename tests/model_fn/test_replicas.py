"""What two replicas tell each other, in a graph of its own and in a training run in which one of them gets messages.

The replicas are logical processors. Sessions make them, by their `device_count`: nothing is configured beforehand.
"""

import collections

import numpy as np
import pytest
import tensorflow as tf

import model_fn
from cluster import strategy
from cluster.topology import ALONE
from model_fn import network, objective, replicas, spec, stop
from settings import DistributionStrategy, PiecewiseConstant, SummaryLevel
from summaries import collect, tags
from tests.common import make_examples, make_learning_rate, make_model, make_settings

STEPS = 8
MODEL = make_model(learning_rate=make_learning_rate(PiecewiseConstant(boundaries=(6,), values=(0.1, 0.02))))
# By the step at which they are sent; in force from the next one on.
MESSAGES = {1: (0.5, 1.0, 1.0), 3: (0.0, 0.5, 0.25)}
WISHES = {2: model_fn.Wishes(preempted=1.0, finished=0.0), 5: model_fn.Wishes(preempted=0.0, finished=1.0)}
EXPECTED_RATES = np.array([0.1, 0.1, 0.5, 0.5, 0.0125, 0.0125, 0.0025, 0.0025])


def on_two(model_dir, **changes):
    return make_settings(
        model_dir=str(model_dir), batch_size=8, train_steps=STEPS, evaluation_interval=STEPS, cpu_replicas=2, **changes
    )


def test_one_replica_is_its_own_total():
    with tf.Graph().as_default():
        alone = tf.constant([1.0, 2.0])
        assert replicas.total(alone) is alone


def test_the_total_is_the_sum_over_replicas_on_each_of_them(tmp_path):
    config = strategy.make_run_config(on_two(tmp_path), ALONE)

    def replica():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return replicas.total(tf.constant([[1.0, 10.0], [2.0, 30.0]])[number])

    with tf.Graph().as_default(), tf.compat.v1.Session(config=config.session_config) as session:
        totals = config.train_distribute.extended.call_for_each_replica(replica)
        assert [found.tolist() for found in session.run(totals.values)] == [[3, 40], [3, 40]]


@pytest.mark.parametrize("kind", [DistributionStrategy.MIRRORED, DistributionStrategy.PARAMETER_SERVER])
def test_the_gradient_of_a_total_is_that_of_every_replicas_loss(tmp_path, kind):
    """The loss is that of both replicas, (a * sum(x)) ** 2 and (b * sum(x)) ** 2, over the x of each."""
    config = strategy.make_run_config(on_two(tmp_path, distribution_strategy=kind), ALONE)
    numbers, factors = np.array([2.0, 3.0]), np.array([5.0, 7.0])

    def replica():
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        own = tf.constant(numbers)[number]
        loss = (tf.constant(factors)[number] * replicas.differentiable_total(2 * own)) ** 2
        return loss, tf.gradients(loss, own)[0]

    with tf.Graph().as_default(), tf.compat.v1.Session(config=config.session_config) as session:
        losses, gradients = config.train_distribute.extended.call_for_each_replica(replica)
        losses, gradients = session.run([losses.values, gradients.values])
    total = 2 * numbers.sum()
    np.testing.assert_allclose(losses, (factors * total) ** 2)
    np.testing.assert_allclose(gradients, [2 * np.sum(2 * factors**2 * total)] * 2)


def test_a_replica_whose_total_nobody_looks_at_keeps_no_other_waiting(monkeypatch):
    """As the hooks look at the first replica's alone. Between GPUs, and here, the replicas of a process sum by
    collective operations, each of which waits for its peers: one that was left out of the graph would never come."""
    kind = tf.distribute.MultiWorkerMirroredStrategy
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(tf.train.ClusterSpec({}))
    # By itself it takes one processor, and every GPU.
    extended = type(kind(resolver).extended)
    two = (("/device:CPU:0", "/device:CPU:1"), "CPU")
    monkeypatch.setattr(extended, "_initialize_local_devices", lambda self, resolver, worker_device: two)
    with tf.Graph().as_default():
        distributed = kind(resolver)
        totals = distributed.extended.call_for_each_replica(lambda: replicas.total(tf.constant([1.0, 2.0])))
        config = tf.compat.v1.ConfigProto(device_count={"CPU": 2}, operation_timeout_in_ms=60_000)
        with tf.compat.v1.Session(config=config) as session:
            assert session.run(totals.values[0]).tolist() == [2.0, 4.0]


def batches_of_replicas():
    """Four examples for each replica at each step, other ones each time."""
    examples = make_examples(100)
    features = {"image": examples.images.astype(np.float32) / 127.5 - 1}
    labels = {"label": examples.labels, "weight": np.ones([100], np.float32)}
    return tf.data.Dataset.from_tensor_slices((features, labels)).batch(4)


def small_network(images, architecture, *, num_classes, **options):
    """A single layer: a residual network takes seconds to lay out on two replicas."""
    kernel = tf.compat.v1.get_variable("kernel", [3, num_classes])
    embedding = tf.reduce_mean(images, axis=[1, 2])
    return network.Network(tf.matmul(embedding, kernel), [kernel], embedding, stages={}, layers=[])


class Watch(tf.compat.v1.train.SessionRunHook):
    """Gives `messages` to one replica, and keeps what each step was on both and left on both, the first one first."""

    def __init__(self, tensors, messages, *, listener):
        self._tensors = tensors
        self._messages = messages
        self._listener = listener
        self.steps = []

    def begin(self):
        self._variables = {name: mirrored(name) for name in ("live_rate/state", "kernel", "kernel/Momentum")}

    def after_create_session(self, session, coord):
        self._kernel = session.run(self._variables["kernel"])

    def before_run(self, run_context):
        step = len(self.steps)
        message = self._tensors["message"][self._listener]
        feed = {message: [1.0, *self._messages[step]]} if step in self._messages else {}
        if step in WISHES:
            feed[self._tensors["wishes"][self._listener]] = list(WISHES[step])
        return tf.compat.v1.train.SessionRunArgs(self._tensors, feed)

    def after_run(self, run_context, run_values):
        variables = run_context.session.run(self._variables)
        self.steps.append({**run_values.results, **variables, "kernel before": self._kernel})
        self._kernel = variables["kernel"]


def mirrored(name):
    """The copies of a variable."""
    (variable,) = [v for v in tf.compat.v1.global_variables() if v.name == f"{name}:0"]
    return variable.values


@pytest.fixture(scope="module", params=[0, 1], ids=["to the first replica", "to the second"])
def watched(request, tmp_path_factory):
    """By name, [step, replica, ...]: what a run had on each replica while one of the two got the messages."""
    objective_loss, objective_correct = objective.loss, objective.correct
    config = strategy.make_run_config(on_two(tmp_path_factory.mktemp("run")), ALONE)
    tensors = collections.defaultdict(list)

    def loss(*arguments, **options):
        parts = objective_loss(*arguments, **options)
        tensors["batch loss"].append(parts.total)
        return parts

    def correct(*arguments, among=1):
        found = objective_correct(*arguments, among=among)
        if among == 1:
            tensors["batch correct"].append(found)
        return found

    class LiveRate(spec.LiveRate):
        def __init__(self, scheduled):
            super().__init__(scheduled)
            tensors["message"].append(self.message)

    def offer(ours, total):
        tensors["wishes"].append(ours)
        tensors["total wishes"].append(total)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stop, "offer", offer)
        patch.setattr(network, "build", small_network)
        patch.setattr(objective, "loss", loss)
        patch.setattr(objective, "correct", correct)
        patch.setattr(collect, "scalar", lambda tag, tensor: tensors[tag].append(tensor))
        patch.setattr(spec, "LiveRate", LiveRate)
        watch = Watch(tensors, MESSAGES, listener=request.param)
        params = model_fn.Params(
            MODEL,
            network.PLAIN,
            tuple("abcdefghij"),
            summary_interval=2,
            summaries=SummaryLevel.MINIMAL,
            deterministic=False,
        )
        estimator = tf.estimator.Estimator(model_fn.model_fn, config=config, params=params)
        estimator.train(batches_of_replicas, hooks=[watch], max_steps=STEPS)
    assert len(watch.steps) == STEPS
    return {name: np.array([step[name] for step in watch.steps]) for name in watch.steps[0]}


def test_the_weights_of_both_replicas_move_at_the_same_rates(watched):
    """By the formula of `Momentum`: a weight goes down by the rate times its accumulator."""
    moved = watched["kernel before"] - watched["kernel"]
    for replica in (0, 1):
        for step, rate in enumerate(EXPECTED_RATES):
            accumulator = watched["kernel/Momentum"][step, replica]
            error = f"replica {replica} at step {step}"
            np.testing.assert_allclose(moved[step, replica], rate * accumulator, atol=2e-7, err_msg=error)
            assert np.abs(rate * accumulator).max() > 2e-5, f"too little to tell: {error}"
    np.testing.assert_array_equal(watched["kernel"][:, 0], watched["kernel"][:, 1])


def test_the_curve_shows_the_rate_that_was_used(watched):
    """That of the first replica, whose scalars are written."""
    np.testing.assert_allclose(watched[tags.LEARNING_RATE][:, 0], EXPECTED_RATES, rtol=1e-6)


def test_the_state_of_both_replicas_changes_at_the_same_step(watched):
    """After the step that the message is sent at."""
    neutral, fixed, factors = (0.0, 1.0, 1.0), *MESSAGES.values()
    expected = np.array([neutral, fixed, fixed, factors, factors, factors, factors, factors])
    for replica in (0, 1):
        np.testing.assert_array_equal(watched["live_rate/state"][:, replica], expected)


def test_both_replicas_hear_of_a_wish_to_stop_at_the_step_it_is_made(watched):
    """Else one would stop, and the other wait for it."""
    expected = np.array([WISHES.get(step, (0.0, 0.0)) for step in range(STEPS)])
    for replica in (0, 1):
        np.testing.assert_array_equal(watched["total wishes"][:, replica], expected)


def test_loss_and_accuracy_are_means_over_both_replicas_since_the_last_point(watched):
    """A point every two steps: means of a step alone, and of it and the one before. The first replica's are written."""
    for tag, name in ((tags.LOSS, "batch loss"), (tags.ACCURACY, "batch correct")):
        of_batches = watched[name].reshape([STEPS, 2, -1]).mean(axis=2)
        assert (of_batches[:, 0] != of_batches[:, 1]).any(), "each replica has its own half of the batch"
        of_steps = of_batches.mean(axis=1)
        expected = [of_steps[step // 2 * 2 : step + 1].mean() for step in range(STEPS)]
        np.testing.assert_allclose(watched[tag][:, 0], expected, rtol=1e-5, err_msg=tag)

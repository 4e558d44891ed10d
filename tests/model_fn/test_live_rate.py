"""The live learning rate of one replica in real sessions, under the schedule 100 + step."""

import numpy as np
import pytest
import tensorflow as tf

from model_fn import live_rate, replicas

FIXED = (7.0, 1.0, 1.0)
FACTORS = (0.0, 0.5, 0.25)


def build():
    """One step of training: the step's own rate and the state that it was made of, and the operation that ends it."""
    step = tf.compat.v1.train.create_global_step()
    before = tf.identity(step)
    live = live_rate.LiveRate(tf.cast(before, tf.float32) + 100)
    update = live.update(replicas.total(live.message))
    with tf.control_dependencies([before]):
        train_op = tf.group(step.assign_add(1), update)
    return live_rate.handles(), train_op


def run(session, graph, steps, messages):
    """(rate, state) of each of `steps`; `messages` holds new states by the step at which they are sent."""
    handles, train_op = graph
    found = []
    for step in steps:
        feed = {handles.message: [1.0, *messages[step]]} if step in messages else {}
        rate, state, _ = session.run([handles.rate, handles.state, train_op], feed)
        found.append((float(rate), tuple(state.tolist())))
    return found


def train(steps, messages):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = build()
        session.run(tf.compat.v1.global_variables_initializer())
        return run(session, graph, range(steps), messages)


def test_without_a_message_the_schedule_is_used_and_the_state_stays_neutral():
    assert train(3, {}) == [(100 + step, live_rate.NEUTRAL) for step in range(3)]


@pytest.mark.parametrize(
    ("state", "rates"),
    [
        (FIXED, [7, 7, 7]),
        ((7.0, 0.5, 0.25), [7, 7, 7]),  # The factors wait beneath a fixed rate.
        ((0.0, 0.5, 1.0), [51, 51.5, 52]),
        ((0.0, 1.0, 0.25), [25.5, 25.75, 26]),
        (FACTORS, [12.75, 12.875, 13]),
    ],
)
def test_a_message_is_in_force_from_the_next_step_on(state, rates):
    """Sent at step 1. The schedule goes on beneath a factor, and a fixed rate wins over everything."""
    neutral = [(100, live_rate.NEUTRAL), (101, live_rate.NEUTRAL)]
    assert train(5, {1: state}) == neutral + [(rate, state) for rate in rates]


def test_a_later_message_replaces_the_one_before_and_a_neutral_one_returns_to_the_schedule():
    found = train(6, {0: FACTORS, 1: FIXED, 3: live_rate.NEUTRAL})
    assert [rate for rate, _ in found] == [100, 12.625, 7, 7, 104, 105]


def test_a_checkpoint_keeps_the_state(tmp_path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = build()
        session.run(tf.compat.v1.global_variables_initializer())
        run(session, graph, range(2), {1: FACTORS})
        path = tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = build()
        tf.compat.v1.train.Saver().restore(session, path)
        assert run(session, graph, [2, 3], {}) == [(12.75, FACTORS), (12.875, FACTORS)]


def test_the_state_is_not_trained():
    with tf.Graph().as_default():
        build()
        assert tf.compat.v1.trainable_variables() == []


def test_every_normal_float32_arrives_as_it_is():
    """The ends of what `control.state` lets through."""
    for rate in (1.1754944e-38, 3.4028235e38):
        assert train(2, {0: (rate, 1.0, 1.0)})[1][0] == np.float32(rate)


def test_the_handles_are_those_of_the_graph_and_of_its_first_replica():
    with tf.Graph().as_default():
        first = live_rate.LiveRate(tf.constant(1.0))
        with tf.compat.v1.variable_scope("second"):
            live_rate.LiveRate(tf.constant(2.0))
        assert (live_rate.handles().rate, live_rate.handles().message) == (first.rate, first.message)
    with tf.Graph().as_default():
        other = live_rate.LiveRate(tf.constant(1.0))
        assert live_rate.handles().rate is other.rate

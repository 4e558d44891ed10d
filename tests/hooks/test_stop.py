import signal

import pytest
import tensorflow as tf

import hooks
import model_fn
from control.preemption import Preemption
from model_fn import replicas, stop


def run(hook, *, steps=10, at_step=None):
    """Global step at which a session with `hook` ends; `at_step` is called with each step before it is run."""
    with tf.Graph().as_default():
        step = tf.compat.v1.train.create_global_step()
        ours = stop.wishes()
        stop.offer(ours, replicas.total(ours))
        train_op = step.assign_add(1)
        with tf.compat.v1.train.SingularMonitoredSession([hook]) as session:
            for number in range(steps):
                if session.should_stop():
                    break
                if at_step:
                    at_step(number)
                session.run(train_op)
            return int(session.raw_session().run(step))


def test_without_a_wish_a_run_goes_on():
    hook = hooks.StopHook(Preemption(), enough=lambda: False)
    assert run(hook) == 10
    assert not hook.preempted and not hook.finished


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_run_after_the_step_that_it_comes_in(number):
    preemption = Preemption()
    hook = hooks.StopHook(preemption, enough=lambda: False)

    def at_step(step):
        if step == 4:
            preemption.handle(number)

    assert run(hook, at_step=at_step) == 5
    assert hook.preempted and not hook.finished


def test_enough_ends_the_run_after_the_step_that_carries_the_word():
    asked = []

    def enough():
        asked.append(True)
        return len(asked) == 4

    hook = hooks.StopHook(Preemption(), enough=enough)
    assert run(hook) == 4
    assert hook.finished and not hook.preempted


def test_another_replicas_wish_counts_as_ours():
    """The graph's total is what counts: here every replica but this one was told to stop."""
    preemption = Preemption()
    hook = hooks.StopHook(preemption, enough=lambda: False)
    others = model_fn.Wishes(preempted=3.0, finished=0.0)
    with tf.Graph().as_default():
        step = tf.compat.v1.train.create_global_step()
        ours = stop.wishes()
        stop.offer(ours, ours + tf.constant(others))
        train_op = step.assign_add(1)
        with tf.compat.v1.train.SingularMonitoredSession([hook]) as session:
            session.run(train_op)
            assert session.should_stop()
    assert hook.preempted and preemption.heeded

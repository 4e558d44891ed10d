"""The watch over a range test, in a real session that is fed its losses. The rate of step n is n."""

import math
import random

import pytest
import tensorflow as tf

import hooks
from model_fn.live_rate import LiveRate


def run(losses, *, steps=1000):
    """Trains until the losses are over or the hook ends the session, and returns the hook."""
    hook = hooks.RangeTestHook(steps=steps)
    with tf.Graph().as_default():
        global_step = tf.compat.v1.train.create_global_step()
        rate = LiveRate(tf.cast(tf.identity(global_step), tf.float32) + 1).rate
        loss = tf.compat.v1.placeholder(tf.float32, [])
        # The last loss of a graph is the Estimator's own.
        for each in (tf.constant(0.0), loss):
            tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.LOSSES, each)
        with tf.control_dependencies([rate]):
            train_op = global_step.assign_add(1)
        with tf.compat.v1.train.MonitoredSession(hooks=[hook]) as session:
            for value in losses:
                if session.should_stop():
                    break
                session.run(train_op, {loss: value})
    return hook


def test_the_rate_and_loss_of_each_step_are_kept():
    hook = run([2.5, 2.0, 2.25])
    assert (hook.rates, hook.losses) == ([1, 2, 3], [2.5, 2.0, 2.25])


@pytest.mark.parametrize("last", [math.nan, math.inf, -math.inf, 2.25])
def test_the_test_is_over_when_the_loss_explodes_or_is_no_number(last, capsys):
    """2.25 is less than the first loss, and more than four times the lowest."""
    hook = run([2.5, 0.5, 1.5, last, 1.0, 1.0])
    assert hook.rates == [1, 2, 3, 4]
    assert hook.losses == pytest.approx([2.5, 0.5, 1.5, last], nan_ok=True), "it is kept, and nothing after it"
    assert capsys.readouterr().out == f"step 4: the loss has exploded at learning rate 4: {last:.4g}\n"


def test_a_loss_that_is_no_number_at_the_first_step_is_enough():
    assert run([math.nan, 1.0]).rates == [1]


def test_an_ordinary_noisy_loss_does_not_end_it(capsys):
    """Batches of a run that learns: from about 2.3 down to about 0.5, and half as much again from batch to batch."""
    rng = random.Random(0)
    losses = [(0.5 + 1.8 * 0.99**step) * rng.uniform(0.5, 1.5) for step in range(500)]
    assert len(run(losses).losses) == 500
    assert "exploded" not in capsys.readouterr().out


@pytest.mark.parametrize(("steps", "lines"), [(30, list(range(3, 31, 3))), (4, [1, 2, 3, 4])])
def test_ten_lines_say_how_far_it_is(steps, lines, capsys):
    run([0.5] * steps, steps=steps)
    expected = [f"step {step}/{steps}: learning rate {step}, loss 0.5000" for step in lines]
    assert capsys.readouterr().out.splitlines() == expected

import numpy as np
import pytest
import tensorflow as tf

import settings
from model_fn import schedules


def rates(schedule, steps, dtype=tf.int64):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.placeholder(dtype, [])
        rate = schedule(step)
        return [float(session.run(rate, {step: s})) for s in steps]


def by_counting(boundaries, values, steps):
    """The second formula: the value's index is the number of boundaries reached."""
    return [np.float32(values[np.searchsorted(boundaries, step, side="right")]) for step in steps]


def test_the_notebooks_boundary():
    """12,000 updates (steps 0 to 11,999) at 0.1, as with `tf.less(step, 12000)`."""
    schedule = schedules.make_schedule(settings.PiecewiseConstant(boundaries=(12000,), values=(0.1, 0.01)))
    steps = [0, 11_999, 12_000, 12_001, 1_000_000]
    assert rates(schedule, steps) == [np.float32(v) for v in (0.1, 0.1, 0.01, 0.01, 0.01)]


@pytest.mark.parametrize("dtype", [tf.int64, tf.int32])
def test_piecewise_constant_either_side_of_each_boundary(dtype):
    boundaries, values = [1, 10, 25], [0.5, 0.1, 1, 0.001]
    steps = [0, 1, 2, 9, 10, 11, 24, 25, 26, 1000]
    schedule = schedules.piecewise_constant(boundaries=boundaries, values=values)
    assert rates(schedule, steps, dtype) == by_counting(boundaries, values, steps)


def test_no_boundary_is_a_constant():
    assert rates(schedules.piecewise_constant(boundaries=[], values=[0.3]), [0, 7]) == [np.float32(0.3)] * 2


@pytest.mark.parametrize(
    ("boundaries", "values", "message"),
    [
        ([10], [0.1], "need 2 values, not 1"),
        ([10, 5], [0.1, 0.01, 0.001], "rise"),
        ([10, 10], [0.1, 0.01, 0.001], "rise"),
        ([0], [0.1, 0.01], "positive whole steps"),
        ([1.5], [0.1, 0.01], "positive whole steps"),
        ([10], [0.1, 0.0], "positive learning rates"),
        ([10], [0.1, float("nan")], "positive learning rates"),
    ],
)
def test_wrong_numbers_are_refused_at_construction(boundaries, values, message):
    with pytest.raises(ValueError, match=message):
        schedules.piecewise_constant(boundaries=boundaries, values=values)

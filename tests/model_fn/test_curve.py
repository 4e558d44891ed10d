"""The curve of runs to come: where it is looked at, what it is there, and which points are told."""

import numpy as np
import pytest
import tensorflow as tf

from model_fn import curve
from settings import Constant, Cosine, Exponential, PiecewiseConstant
from tests.common import make_learning_rate

LONG = 1_000_000
TWO_STEPS = PiecewiseConstant(boundaries=(12_345, 700_000), values=(0.4, 0.2, 0.1))


def told(schedule, *, train_steps, **changes):
    learning_rate = make_learning_rate(schedule, **changes)
    steps = curve.drawn_steps(learning_rate, train_steps=train_steps)
    return curve.told_points(learning_rate, steps, curve.rates(learning_rate, steps))


@pytest.mark.parametrize("train_steps", [1, 2, 50, 20_000])
def test_every_step_of_a_short_run_is_looked_at(train_steps):
    """Also where the warm-up or a boundary is at its end, or past it."""
    schedule = PiecewiseConstant(boundaries=(50, 60), values=(0.4, 0.2, 0.1))
    steps = curve.drawn_steps(make_learning_rate(schedule, warmup=49), train_steps=train_steps)
    assert steps.dtype == np.int64
    np.testing.assert_array_equal(steps, np.arange(train_steps))


def test_no_gpu_is_touched(monkeypatch):
    """The first session that touches one decides for the whole process how memory there is taken."""
    configs = []
    session = tf.compat.v1.Session

    def recorded(*, config):
        configs.append(config)
        return session(config=config)

    monkeypatch.setattr(tf.compat.v1, "Session", recorded)
    curve.rates(make_learning_rate(TWO_STEPS), np.array([0]))
    assert [dict(config.device_count) for config in configs] == [{"GPU": 0}]


def test_a_long_run_is_looked_at_evenly_and_on_both_sides_of_every_edge():
    steps = curve.drawn_steps(make_learning_rate(TWO_STEPS, warmup=100_001), train_steps=LONG)
    assert {12_344, 12_345, 699_999, 700_000, 100_000, 100_001} <= set(steps)
    assert (steps[0], steps[-1]) == (0, LONG - 1)
    assert np.diff(steps).min() > 0 and np.diff(steps).max() <= LONG / 20_000 + 1
    assert 20_000 <= len(steps) <= 20_006


def test_rates_are_those_of_the_schedule_with_warmup_and_scale():
    steps = np.array([0, 1, 99, 12_344, 12_345, 699_999, 700_000, 999_999])
    found = curve.rates(make_learning_rate(TWO_STEPS, warmup=100, scale=0.5), steps)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.002, 0.004, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05], rtol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        (Constant(0.5), 0, {0: 0.5, 99: 0.5}),
        (Constant(0.5), 10, {0: 0.05, 9: 0.5, 99: 0.5}),
        (
            PiecewiseConstant(boundaries=(20, 60), values=(0.4, 0.2, 0.1)),
            0,
            {0: 0.4, 19: 0.4, 20: 0.2, 59: 0.2, 60: 0.1, 99: 0.1},
        ),
        (
            PiecewiseConstant(boundaries=(20, 99), values=(0.4, 0.2, 0.1)),
            10,
            {0: 0.04, 9: 0.4, 19: 0.4, 20: 0.2, 98: 0.2, 99: 0.1},
        ),
        (PiecewiseConstant(boundaries=(20,), values=(0.4, 0.4)), 0, {0: 0.4, 99: 0.4}),  # Nothing changes there.
        (
            Exponential(learning_rate=0.4, decay_rate=0.5, decay_steps=40, staircase=True),
            5,
            {0: 0.08, 4: 0.4, 39: 0.4, 40: 0.2, 79: 0.2, 80: 0.1, 99: 0.1},
        ),
    ],
)
def test_told_are_the_ends_the_end_of_the_warmup_and_both_sides_of_each_change(schedule, warmup, expected):
    found = told(schedule, train_steps=100, warmup=warmup)
    assert [step for step, _ in found] == list(expected)
    np.testing.assert_allclose([rate for _, rate in found], list(expected.values()), rtol=1e-6)


def test_the_sides_of_a_boundary_of_a_long_run_are_told_to_the_step():
    steps = [step for step, _ in told(TWO_STEPS, train_steps=LONG, warmup=100)]
    assert steps == [0, 99, 12_344, 12_345, 699_999, 700_000, LONG - 1]


@pytest.mark.parametrize(("warmup", "expected"), [(0, range(0, 101, 10)), (7, [0, 6, *range(10, 101, 10)])])
def test_of_a_rate_that_changes_all_the_time_tenths_of_the_run_are_told(warmup, expected):
    schedule = Cosine(learning_rate=0.5, minimum_learning_rate=0.1, decay_steps=100)
    found = told(schedule, train_steps=101, warmup=warmup)
    assert [step for step, _ in found] == list(expected)
    by_step = dict(found)
    assert (by_step[50], by_step[100]) == (pytest.approx(0.3), pytest.approx(0.1))


@pytest.mark.parametrize(("changes", "points"), [(20, 42), (21, 11)])
def test_twenty_changes_are_told_one_by_one(changes, points):
    """Both sides of each and the two ends, or else tenths."""
    steps = np.arange(101)
    rates = np.linspace(1, 0, changes + 1, dtype=np.float32)[np.minimum(steps // 4, changes)]
    assert len(curve.told_points(make_learning_rate(Constant(0.5)), steps, rates)) == points


def test_a_boundary_at_the_end_of_the_warmup_is_told_on_both_sides():
    found = told(PiecewiseConstant(boundaries=(10,), values=(0.1, 0.01)), train_steps=100, warmup=10)
    assert [step for step, _ in found] == [0, 9, 10, 99]


def test_the_stairs_of_a_long_run_are_told_to_the_step():
    stairs = Exponential(learning_rate=0.1, decay_rate=0.5, decay_steps=300_000, staircase=True)
    found = told(stairs, train_steps=LONG)
    assert [step for step, _ in found] == [0, 299_999, 300_000, 599_999, 600_000, 899_999, 900_000, LONG - 1]

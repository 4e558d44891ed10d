"""The fold against examples done by hand, and against counters that are moved on step by step."""

import math
import random

import pytest

from control.plateau import plateau_factor, reductions
from settings.compute import SMALLEST

NAN, INF = math.nan, math.inf


def by_counting(evaluations, *, patience, lower_is_better, upto_step):
    """The second formula: every step counts one up, a better metric and a step down count from zero again."""
    if not evaluations:
        return []
    best = None
    waited = 0
    down = []
    for step in range(min(evaluations), upto_step + 1):
        if step in evaluations:
            value = evaluations[step]
            better = best is None or (value < best if lower_is_better else value > best)
            if better and value not in (INF, -INF) and value == value:
                best = value
                waited = 0
            elif waited >= patience:
                down.append(step)
                waited = 0
        waited += 1
    return down


def every(interval, *values):
    return {interval * (number + 1): value for number, value in enumerate(values)}


@pytest.mark.parametrize(
    ("evaluations", "patience", "expected"),
    [
        ({}, 10, []),
        (every(10, 1.0), 10, []),
        (every(10, 5, 4, 3, 2, 1), 10, []),
        (every(10, 5, 5), 10, [20]),  # As good as the best is not better.
        (every(10, 5, 5), 11, []),
        (every(10, 5, 6, 6, 6, 6), 20, [30, 50]),  # After a step down the waiting starts anew, at that step.
        (every(10, 5, 6, 4, 6, 6), 20, [50]),  # A better one starts the waiting anew.
        (every(10, 5, 6, 6, 5.5, 5.5), 20, [30, 50]),  # A step down does not forget the best.
        (every(10, 5, 6, 6, 4, 6, 6), 20, [30, 60]),
        ({10: 5, 14: 6, 33: 6, 36: 6, 52: 6, 53: 6}, 20, [33, 53]),  # Evaluations at any steps.
        (every(10, 5, NAN, 4, INF, -INF), 20, [50]),
        (every(10, NAN, NAN, NAN, 9, 9), 20, [30]),  # Before any number the waiting starts at the first evaluation.
        (every(10, INF, 9, 9), 20, []),
    ],
)
def test_examples_by_hand(evaluations, patience, expected):
    upwards = {step: -value for step, value in evaluations.items()}
    for metric, lower in ((evaluations, True), (upwards, False)):
        assert reductions(metric, patience=patience, lower_is_better=lower, upto_step=1000) == expected


def test_evaluations_beyond_the_step_are_not_looked_at():
    evaluations = every(10, 5, 6, 6, 6, 6)
    at = {step: reductions(evaluations, patience=20, lower_is_better=True, upto_step=step) for step in (5, 29, 30, 49)}
    assert at == {5: [], 29: [], 30: [30], 49: [30]}


def test_the_order_in_which_evaluations_are_given_does_not_matter():
    evaluations = every(10, 5, 6, 6, 4, 6, 6)
    backwards = dict(reversed(evaluations.items()))
    assert reductions(backwards, patience=20, lower_is_better=True, upto_step=1000) == [30, 60]


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_random_sequences_against_counters(lower_is_better):
    rng = random.Random(11)
    total = 0
    for _ in range(500):
        steps = sorted(rng.sample(range(1, 200), rng.randrange(0, 40)))
        evaluations = {step: rng.choice([rng.randrange(8), rng.random() * 8, NAN, INF, -INF, 3]) for step in steps}
        arguments = {
            "patience": rng.randint(1, 40),
            "lower_is_better": lower_is_better,
            "upto_step": rng.randrange(0, 220),
        }
        found = reductions(evaluations, **arguments)
        assert found == by_counting(evaluations, **arguments), (evaluations, arguments)
        total += len(found)
    assert total > 500


def factor(count, *, factor=0.1, learning_rate=0.1, minimum=1e-6):
    return plateau_factor(count, factor=factor, learning_rate=learning_rate, minimum_learning_rate=minimum)


def test_each_reduction_multiplies():
    assert [factor(count, factor=0.5) for count in range(4)] == [1.0, 0.5, 0.25, 0.125]


def test_the_rate_does_not_fall_below_the_minimum():
    assert factor(2, learning_rate=0.5, minimum=0.005) == pytest.approx(0.01)
    assert factor(3, learning_rate=0.5, minimum=0.005) == pytest.approx(0.01)
    assert factor(3, minimum=0.0) == pytest.approx(0.001)


def test_a_rate_below_the_minimum_is_not_raised():
    assert factor(0, learning_rate=0.001, minimum=0.01) == factor(5, learning_rate=0.001, minimum=0.01) == 1.0


def test_rounding_does_not_take_the_rate_below_the_minimum():
    rng = random.Random(5)
    for _ in range(5000):
        learning_rate, minimum = sorted([10 ** rng.uniform(-6, 1), 10 ** rng.uniform(-6, 1)], reverse=True)
        found = factor(50, learning_rate=learning_rate, minimum=minimum)
        assert minimum <= learning_rate * found <= minimum * (1 + 1e-15), (learning_rate, minimum)


def test_a_factor_is_never_nothing():
    """The journal, and float32, could not hold it."""
    found = plateau_factor(60, factor=1e-6, learning_rate=0.1, minimum_learning_rate=0.0)
    assert found == SMALLEST

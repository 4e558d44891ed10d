"""The fold against examples done by hand, and against the definition, looked up for every evaluation anew."""

import math
import random
import struct

import pytest

from control.stopping import Stop, first_stop

NAN, INF = math.nan, math.inf


def every(interval, *values, metric="loss"):
    return {interval * (number + 1): {metric: value} for number, value in enumerate(values)}


def stop_step(evaluations, **changes):
    options = {
        "metric": "loss",
        "accuracy": "accuracy",
        "lower_is_better": True,
        "without_improvement": None,
        "at_accuracy": None,
    }
    stop = first_stop(evaluations, **{**options, "upto_step": 10**9, **changes})
    return stop and stop.step


def by_definition(evaluations, *, metric, lower_is_better, without_improvement, at_accuracy, upto_step):
    """The second formula: at each evaluation, the best of all that came before the last N, and those N against it."""
    steps = sorted(step for step in evaluations if step <= upto_step)
    for place, step in enumerate(steps):
        if at_accuracy is not None and at_accuracy <= evaluations[step]["accuracy"] < INF:
            return step
        if without_improvement is None or place + 1 < without_improvement:
            continue
        values = [evaluations[earlier][metric] for earlier in steps[: place + 1]]
        before, last = values[:-without_improvement], values[-without_improvement:]
        known = [value for value in before if abs(value) < INF]
        better = [value for value in last if abs(value) < INF]
        if known:
            better = [value for value in better if (value < min(known) if lower_is_better else value > max(known))]
        if not better:
            return step
    return None


@pytest.mark.parametrize(
    ("values", "without_improvement", "expected"),
    [
        ([], 1, None),
        ([5], 1, None),  # The first is the best so far.
        ([5, 4, 3, 2], 1, None),
        ([5, 5], 1, 20),  # As good as the best is not better.
        ([5, 5], 2, None),
        ([5, 6, 6], 2, 30),
        ([5, 6, 4, 6, 6], 2, 50),  # A better one starts the count anew.
        ([5, 7, 6, 5.5, 4], 3, 40),  # Better than the one before it is not better than the best.
        ([5, NAN, INF, -INF], 3, 40),
        ([NAN, NAN], 2, 20),  # Nothing has ever been a number.
        ([NAN, 5, NAN], 2, None),
    ],
)
def test_examples_by_hand(values, without_improvement, expected):
    for sign, lower in ((1, True), (-1, False)):
        evaluations = every(10, *(sign * value for value in values))
        assert stop_step(evaluations, without_improvement=without_improvement, lower_is_better=lower) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.1, 0.5], None), ([0.1, 0.9, 0.5], 20), ([0.91], 10), ([0.8999], None), ([NAN, INF, 0.95], 30)],
)
def test_an_accuracy_stops_at_the_first_evaluation_that_reaches_it(values, expected):
    assert stop_step(every(10, *values, metric="accuracy"), at_accuracy=0.9) == expected


@pytest.mark.parametrize("hundredths", range(1, 101))
def test_an_accuracy_in_float32_reaches_the_same_number_in_float64(hundredths):
    accuracy = hundredths / 100
    (in_float32,) = struct.unpack("f", struct.pack("f", accuracy))
    for found in (accuracy, in_float32):
        assert stop_step(every(10, found, metric="accuracy"), at_accuracy=accuracy) == 10
    assert stop_step(every(10, accuracy - 1e-6, metric="accuracy"), at_accuracy=accuracy) is None


def test_evaluations_beyond_the_step_are_not_looked_at():
    evaluations = every(10, 5, 6, 6, 6)
    at = {step: stop_step(evaluations, without_improvement=2, upto_step=step) for step in (5, 29, 30, 49)}
    assert at == {5: None, 29: None, 30: 30, 49: 30}


def test_without_conditions_a_run_goes_on():
    assert stop_step(every(10, *[5] * 100)) is None


def test_an_evaluation_without_the_metric_does_not_count():
    evaluations = {**every(10, 5, 6), 15: {"accuracy": 0.1}, 30: {"loss": 6}}
    assert stop_step(evaluations, without_improvement=2) == 30


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_random_sequences_against_the_definition(lower_is_better):
    rng = random.Random(7)
    stopped = 0
    for _ in range(2000):
        steps = rng.sample(range(1, 200), rng.randrange(0, 30))
        evaluations = {
            step: {"loss": rng.choice([rng.randrange(8), NAN, INF, -INF, rng.random() * 8]), "accuracy": rng.random()}
            for step in steps
        }
        options = {
            "metric": "loss",
            "lower_is_better": lower_is_better,
            "without_improvement": rng.choice([None, 1, 2, 3, 5, 8]),
            "at_accuracy": rng.choice([None, None, 0.9]),
            "upto_step": rng.randrange(0, 220),
        }
        found = stop_step(evaluations, **options)
        assert found == by_definition(evaluations, **options), (evaluations, options)
        stopped += found is not None
    assert stopped > 500


def test_why_says_it_in_one_line():
    assert first_stop(
        {**every(300, 5, 4.25, 6, 7), 1200: {"loss": 6, "accuracy": 0.5}},
        metric="loss",
        accuracy="accuracy",
        lower_is_better=True,
        without_improvement=2,
        at_accuracy=0.9,
        upto_step=1200,
    ) == Stop(
        1200,
        "the loss was not better than 4.2500, that of step 600, in the last 2 evaluations"
        " (--stop_after_evaluations_without_improvement=2)",
    )


def test_an_accuracy_reached_is_told_before_a_loss_that_does_not_get_better():
    stop = first_stop(
        {300: {"loss": 5, "accuracy": 0.5}, 600: {"loss": 6, "accuracy": 0.91}},
        metric="loss",
        accuracy="accuracy",
        lower_is_better=True,
        without_improvement=1,
        at_accuracy=0.9,
        upto_step=600,
    )
    assert stop == Stop(600, "the accuracy of 0.9100 reaches --stop_at_accuracy=0.9")

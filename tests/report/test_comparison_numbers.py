"""The numbers of a comparison, against sums done by hand."""

import numpy as np
import pytest

import report
from report.comparison_numbers import RunNumbers, best, first_step_at, measure, measure_all, minutes_of_training
from summaries import tags
from tests.report.makers import curve


def run(*, accuracy=None, loss=None, pace=None):
    """Curves of a run to step 40, with validation `accuracy` and `loss` and the train `pace`, each {step: value}."""
    train = {tags.LOSS: curve({40: 1.0})} | ({tags.IMAGES_PER_SECOND: curve(pace)} if pace else {})
    validation = {tag: curve(points) for tag, points in ((tags.ACCURACY, accuracy), (tags.LOSS, loss)) if points}
    return report.Curves(train, validation)


class TestMinutes:
    def test_each_point_stands_for_the_steps_since_the_one_before(self):
        pace = curve({10: 20.0, 30: 40.0, 35: 10.0})
        seconds = 10 * 64 / 20 + 20 * 64 / 40 + 5 * 64 / 10
        assert minutes_of_training(pace, batch_size=64) == pytest.approx(seconds / 60)

    def test_steps_that_were_not_timed_go_with_the_next_point(self):
        assert minutes_of_training(curve({1: 0.0, 2: 60.0, 3: 60.0}), batch_size=60) == pytest.approx(3 / 60)
        assert minutes_of_training(curve({1: float("nan"), 3: 60.0}), batch_size=60) == pytest.approx(3 / 60)

    def test_without_a_pace_nothing_is_known(self):
        assert minutes_of_training(None, batch_size=64) is None
        assert minutes_of_training(curve({1: 0.0}), batch_size=64) is None


class TestBest:
    def test_is_the_first_of_equals_and_never_nan(self):
        points = curve({10: 0.3, 20: 0.7, 30: float("nan"), 40: 0.7, 50: 0.1})
        assert best(points, np.argmax) == (0.7, 20)
        assert best(points, np.argmin) == (0.1, 50)

    def test_of_nothing_is_nothing(self):
        assert best(None, np.argmax) == best(curve({10: float("nan")}), np.argmax) == (None, None)


class TestTarget:
    def test_is_reached_at_the_first_step_that_is_there(self):
        accuracy = curve({10: 0.5, 20: 0.8, 30: 0.7, 40: 0.9})
        assert first_step_at(accuracy, 0.75) == 20
        assert first_step_at(accuracy, 0.81) == 40
        assert first_step_at(accuracy, 0.95) is None
        assert first_step_at(None, 0.5) is None and first_step_at(accuracy, None) is None

    def test_an_accuracy_of_an_event_file_reaches_the_same_number(self):
        accuracy = curve({10: float(np.float32(0.9))})
        assert accuracy.values[0] < 0.9
        assert first_step_at(accuracy, 0.9) == 10

    def test_is_the_best_of_the_control_unless_given(self):
        runs = {"a": run(accuracy={20: 0.5, 40: 0.6}), "flat": run(accuracy={20: 0.55, 40: 0.4}), "new": None}
        own = measure_all(runs, control="flat", target_accuracy=None, batch_size=1)
        assert (own.target, own.target_is_given) == (0.55, False)
        assert [numbers.target_step for numbers in own.numbers.values()] == [40, 20, None]
        given = measure_all(runs, control="flat", target_accuracy=0.45, batch_size=1)
        assert (given.target, given.target_is_given) == (0.45, True)
        assert [numbers.target_step for numbers in given.numbers.values()] == [20, 20, None]
        assert measure_all(runs, control="new", target_accuracy=None, batch_size=1).target is None


class TestMeasure:
    def test_every_number(self):
        curves = run(accuracy={20: 0.8, 40: 0.7}, loss={20: 1.5, 30: 1.2, 40: 1.4}, pace={40: 80.0})
        assert measure(curves, target=0.75, batch_size=60) == RunNumbers(
            final_accuracy=0.7,
            best_accuracy=0.8,
            best_accuracy_step=20,
            final_loss=1.4,
            best_loss=1.2,
            target_step=20,
            minutes=0.5,
            steps=40,
        )

    def test_what_is_not_there_is_none(self):
        assert measure(run(), target=0.5, batch_size=1) == RunNumbers(None, None, None, None, None, None, None, 40)
        assert measure(None, target=0.5, batch_size=1) == RunNumbers(*[None] * 8)

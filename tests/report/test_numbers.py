"""Numbers against sums done by hand."""

import dataclasses

import numpy as np

import report
from summaries import tags
from tests.report.makers import cliff, curve, losses, rising, with_train


class TestDrops:
    def test_means_over_a_tenth_on_each_side_with_the_boundary_before(self):
        (drop,) = report.drops(rising(200), [100], 200)
        assert drop == report.Drop(100, before=96, after=106, before_points=5, after_points=5)  # 92..100 and 102..110

    def test_a_stretch_runs_from_boundary_to_boundary(self):
        first, second = report.drops(rising(200), [100, 150], 200)
        assert first == report.Drop(100, before=96, after=103, before_points=5, after_points=2)  # 102, 104
        assert second == report.Drop(150, before=148, after=153, before_points=3, after_points=2)  # 146..150; 152, 154

    def test_an_empty_tenth_takes_the_nearest_point_on_its_side(self):
        (drop,) = report.drops(rising(300, every=60), [150], 300)
        assert drop == report.Drop(150, before=120, after=180, before_points=1, after_points=1)

    def test_an_evaluation_at_the_boundary_is_before_it(self):
        (drop,) = report.drops(rising(300, every=60), [120], 300)
        assert (drop.before, drop.after) == (120, 180)

    def test_a_side_without_points_has_no_mean(self):
        assert report.drops(curve({50: 1.0}), [100], 200) == (report.Drop(100, 1.0, None, 1, 0),)
        assert report.drops(curve({150: 1.0}), [100], 200) == (report.Drop(100, None, 1.0, 0, 1),)

    def test_boundaries_not_passed_are_left_out(self):
        assert report.drops(rising(100), [100, 120], 100) == ()
        assert [drop.boundary for drop in report.drops(rising(102), [100, 120], 102)] == [100]


class TestTable:
    def test_whole(self):
        assert report.table(cliff(), [100]).splitlines() == [
            "                 train loss  validation loss  train accuracy  validation accuracy",
            "before step 100       1.000            1.100           40.0%                50.0%",
            "after step 100        0.500            0.600           70.0%                80.0%",
            "end, step 200         0.500            0.600           70.0%                80.0%",
            "best, step 120                                                              80.0%",
            "Before and after: means over a tenth of the stretch on that side, or the nearest point.",
            "",
            "Step 100: train loss 1.000 -> 0.500 (-50%), validation loss 1.100 -> 0.600 (-45%)",
        ]

    def test_without_validation(self):
        lines = report.table(losses({1_000: 3.0, 2_000: 1.5}), [1_000]).splitlines()
        assert lines[1].split() == ["before", "step", "1,000", "3.000", "-", "-", "-"]
        assert lines[3].split() == ["end,", "step", "2,000", "1.500", "-", "-", "-"]
        assert lines[-1] == "Step 1,000: train loss 3.000 -> 1.500 (-50%)"
        assert "best" not in "".join(lines)

    def test_a_boundary_not_passed_says_where_the_run_is(self):
        text = report.table(losses({10: 2.0, 20: 1.0}, {20: 1.5}), [20, 400])
        assert "Step 20: not passed yet, the run is at step 20\nStep 400: not passed yet" in text
        assert "before" not in text.lower()

    def test_the_run_ends_with_its_last_evaluation(self):
        assert "end, step 25 " in report.table(losses({10: 2.0, 20: 1.0}, {25: 1.5}), [])

    def test_only_losses_and_no_boundary_is_two_lines(self):
        assert len(report.table(losses({10: 2.0}), []).splitlines()) == 2

    def test_nan_is_shown_and_is_never_the_best(self):
        curves = cliff()
        accuracy = report.Curve(np.array([50, 150, 200]), np.array([0.3, np.nan, np.nan]))
        curves = with_train(curves, tags.LOSS, {100: 2.0, 200: float("nan")})
        text = report.table(dataclasses.replace(curves, validation={tags.ACCURACY: accuracy}), [100])
        assert "Step 100: train loss 2.000 -> nan" in text
        assert "nan%" not in text
        assert [line.split() for line in text.splitlines() if "best" in line] == [["best,", "step", "50", "30.0%"]]

    def test_accuracy_that_is_all_nan_has_no_best(self):
        curves = dataclasses.replace(cliff(), validation={tags.ACCURACY: curve({200: float("nan")})})
        assert "best" not in report.table(curves, [100])

    def test_a_huge_loss_keeps_the_columns_narrow(self):
        assert "1.23e+08" in report.table(losses({10: 123456789.0}), [])

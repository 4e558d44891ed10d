"""What a reader of a run's figure sees."""

import numpy as np
import pytest

import report
from report.run_figure import rate_figure
from settings import UserError
from summaries import tags
from tests.report.makers import cliff, losses, with_train


class TestFigure:
    def figure(self, curves, boundaries=(100,), from_step=0):
        return report.figure(curves, boundaries, from_step=from_step, title="a run")

    def lines(self, ax):
        return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}

    def texts(self, ax):
        return [text.get_text() for text in ax.texts]

    def test_axes_are_labelled_and_share_their_steps(self):
        picture = self.figure(cliff())
        loss, _, *rates = picture.axes
        assert [ax.get_ylabel() for ax in picture.axes[:3]] == ["loss", "top-1 accuracy (%)", "learning\nrate"]
        assert [ax.get_xlabel() for ax in rates] == ["global step"] * 2
        assert {ax.get_xlim() for ax in picture.axes} == {(-2.0, 204.0)}
        assert [text.get_text() for text in loss.get_legend().get_texts()] == ["train", "validation"]
        assert picture.get_suptitle() == "a run"

    def test_curves_start_at_from_step(self):
        loss, accuracy, *_ = self.figure(cliff(), from_step=40).axes
        train, validation = self.lines(loss)["train"], self.lines(accuracy)["validation"]
        assert train.get_xdata()[[0, -1]].tolist() == [40, 200]
        assert validation.get_xdata()[0] == 40
        assert validation.get_ydata()[0] == pytest.approx(50)  # percent

    def test_validation_has_markers_and_lies_over_train(self):
        train, validation = self.lines(self.figure(cliff()).axes[0]).values()
        assert validation.get_marker() == "o"
        assert train.get_marker() != "o"
        assert validation.get_zorder() > train.get_zorder()
        assert validation.get_color() != train.get_color()

    def test_a_single_train_point_is_visible(self):
        train = self.lines(self.figure(losses({10: 1.0})).axes[0])["train"]
        assert train.get_marker() == "o"

    def test_every_axes_has_a_dashed_line_at_each_passed_boundary_in_view(self):
        for ax in self.figure(cliff(), [30, 100, 150, 200, 900], from_step=40).axes:
            dashed = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
            assert dashed == [100, 150]

    def test_a_boundary_is_labelled_with_the_rate_before_and_after(self):
        loss, accuracy, *_ = self.figure(cliff()).axes
        assert self.texts(loss) == self.texts(accuracy) == ["step 100: learning rate 0.1 \u2192 0.01"]

    def test_labels_of_near_boundaries_are_stacked(self):
        labels = self.figure(cliff(), [50, 100, 110]).axes[0].texts
        assert [label.get_text() for label in labels] == ["0.1 \u2192 0.1", "0.1 \u2192 0.01", "0.01 \u2192 0.01"]
        heights = [label.xyann[1] for label in labels]
        assert heights[0] == heights[1] < heights[2]

    def test_without_learning_rate_or_accuracy_one_chart_is_left(self):
        (loss,) = self.figure(losses({50: 2.0, 200: 1.0})).axes
        assert self.texts(loss) == ["step 100"]
        assert loss.get_xlabel() == "global step"

    def test_the_rate_is_drawn_on_the_axis_that_suits_it(self):
        rates = {100: float(np.float32(0.1)), 200: float(np.float32(0.001))}
        rate = self.figure(with_train(cliff(), tags.LEARNING_RATE, rates)).axes[2]
        assert rate.get_yscale() == "log"
        assert rate.get_yticks().tolist() == sorted(rates.values())

    def test_a_rate_that_never_holds_is_a_plain_line_through_its_points(self):
        points = {step: 0.1 - 0.0004 * step for step in range(10, 201, 10)}
        rate = self.figure(with_train(cliff(), tags.LEARNING_RATE, points), [105]).axes[2].lines[0]
        assert rate.get_drawstyle() == "default"
        assert dict(zip(rate.get_xdata(), rate.get_ydata(), strict=True)) == points

    def test_no_boundary_means_no_mark(self):
        loss, _, rate, _ = self.figure(cliff(), []).axes
        assert not self.texts(loss)
        assert len(loss.lines) == 2 and len(rate.lines) == 1

    def test_the_rate_steps_down_at_the_boundary(self):
        for rates in ({50: 0.1, 100: 0.1, 150: 0.01}, {50: 0.1, 150: 0.01}):  # With a point there, and without.
            rate = self.figure(with_train(cliff(), tags.LEARNING_RATE, rates)).axes[2].lines[0]
            assert rate.get_drawstyle() == "steps-pre"  # The value at a step holds back to the step before it.
            assert (rate.get_xdata().tolist(), rate.get_ydata().tolist()) == ([50, 100, 150], [0.1, 0.1, 0.01])

    def test_a_rate_that_begins_after_a_boundary_or_before_the_view_is_drawn_where_it_is(self):
        curves = with_train(cliff(), tags.LEARNING_RATE, {150: 0.01, 200: 0.01})
        assert self.figure(curves).axes[2].lines[0].get_xdata().tolist() == [150, 200]
        curves = with_train(cliff(), tags.LEARNING_RATE, {10: 0.01})
        assert self.figure(curves, from_step=50).axes[2].lines[0].get_xdata().size == 0

    def test_a_wild_start_leaves_the_chart_and_is_told(self):
        points = {step: 1.0 if step <= 100 else 0.5 for step in range(2, 201, 2)}
        loss = self.figure(losses(points | {2: 30.0, 4: 5.0, 6: float("nan")})).axes[0]
        assert loss.get_ylim()[1] == pytest.approx(1.05)
        assert self.texts(loss)[-1] == "\u2191 up to 30 (points off the chart: 2)"

    @pytest.mark.parametrize("wild", [{2: 2.4}, {60: 30.0}])
    def test_a_mild_start_and_a_later_spike_stay_on_the_chart(self, wild):
        points = {step: 1.0 if step <= 100 else 0.5 for step in range(2, 201, 2)}
        loss = self.figure(losses(points | wild)).axes[0]
        assert loss.get_ylim()[1] > max(wild.values())

    def test_a_run_of_nothing_but_nan_is_drawn(self):
        assert self.figure(losses({10: float("nan"), 20: float("nan")})).axes

    def test_a_title_is_no_mathematics(self):
        report.figure(cliff(), [], from_step=0, title="$x$ & $\\nonsense{$").draw_without_rendering()

    def test_nothing_from_from_step_on_is_an_error(self):
        with pytest.raises(UserError, match="from_step 200, the run is at step 200; give a smaller"):
            self.figure(cliff(), from_step=200)


class TestRateFigure:
    def test_the_rate_over_the_whole_run_with_the_boundaries_passed(self):
        (ax,) = rate_figure(cliff().train[tags.LEARNING_RATE], [100, 200, 300]).axes
        rate, *dashed = ax.lines
        assert np.asarray(rate.get_xdata())[[0, -1]].tolist() == [2, 200]
        assert [np.asarray(line.get_xdata())[0] for line in dashed] == [100]
        assert [text.get_text() for text in ax.texts] == ["step 100: learning rate 0.1 \u2192 0.01"]
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("global step", "learning rate")
        assert ax.get_xlim() == (-2.0, 204.0)

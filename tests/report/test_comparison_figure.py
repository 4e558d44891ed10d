"""What a reader of the figure of several runs sees."""

import numpy as np
import pytest

from report.chart import INK
from report.comparison_figure import COLOURS, comparison_figure, line_styles
from report.curves import Curve, Curves
from summaries import tags
from tests.report.makers import cliff, curve, losses


def figure(curves, control="constant"):
    return comparison_figure(curves, control=control)


def drawn(ax):
    """The lines with points, by colour: the legend has some without."""
    return {line.get_color(): line for line in ax.lines if len(line.get_xdata())}


def test_four_charts_of_every_run_over_shared_steps():
    long = cliff(stop=300, every=5)
    picture = figure({"constant": cliff(every=5), "step": long})
    train, validation, accuracy, rate = picture.axes
    titles = ["train loss", "validation loss", "validation accuracy (%)", "learning rate"]
    assert [ax.get_title(loc="left") for ax in picture.axes] == titles
    assert {ax.get_xlim() for ax in picture.axes} == {(-3.0, 306.0)}
    assert all(set(drawn(ax)) == {INK, COLOURS[0]} for ax in picture.axes)
    assert drawn(train)[COLOURS[0]].get_ydata().tolist() == long.train[tags.LOSS].values.tolist()
    assert drawn(validation)[INK].get_ydata() == pytest.approx(cliff(every=5).validation[tags.LOSS].values)
    assert drawn(accuracy)[INK].get_ydata() == pytest.approx(100 * cliff(every=5).validation[tags.ACCURACY].values)
    assert drawn(rate)[INK].get_drawstyle() == "steps-pre"
    assert rate.get_yscale() == "log"


def test_one_legend_names_every_run_and_marks_the_control():
    picture = figure({"step": cliff(), "constant": cliff(), "unborn": losses({100: 1.0})})
    (legend,) = picture.legends
    assert [text.get_text() for text in legend.get_texts()] == ["step", "constant (control)", "unborn"]
    assert [line.get_color() for line in legend.get_lines()] == [COLOURS[0], INK, COLOURS[1]]
    assert not any(ax.get_legend() for ax in picture.axes)


def test_eleven_runs_all_look_different():
    names = [f"run {i}" for i in range(11)]
    styles = line_styles(names, control="run 3")
    assert len({(style["color"], str(style["linestyle"])) for style in styles.values()}) == 11
    assert styles["run 3"]["color"] == INK and styles["run 3"]["linestyle"] != "-"
    assert [styles[name]["color"] for name in names[:3]] == list(COLOURS[:3])


def test_a_single_point_is_visible():
    assert drawn(figure({"constant": losses({100: 1.0})}).axes[0])[INK].get_marker() == "o"


def test_a_noisy_train_loss_becomes_means_and_says_so():
    noisy = losses({step: float(step) for step in range(1, 1_001)}, {1_000: 1.0})
    train, validation, *_ = figure({"constant": noisy}).axes
    assert train.get_title(loc="left") == "train loss (means over 20 steps)"
    line = drawn(train)[INK]
    assert line.get_xdata().tolist() == list(range(20, 1_001, 20))
    assert line.get_ydata() == pytest.approx(np.arange(20, 1_001, 20) - 9.5)
    assert validation.get_title(loc="left") == "validation loss"


def test_means_begin_at_step_0_and_end_with_what_is_left():
    points = losses({step: float(step) for step in [0, *range(1, 1_001)]})
    train = figure({"constant": points, "other": losses({10: 1.0, 15: 3.0, 25: 7.0})}).axes[0]
    other = drawn(train)[COLOURS[0]]
    assert (other.get_xdata().tolist(), other.get_ydata().tolist()) == ([15, 25], [2.0, 7.0])
    assert drawn(train)[INK].get_xdata()[0] == 0


def test_a_rough_start_leaves_the_loss_charts():
    rough = {2: 30.0, **{step: 1.0 if step <= 100 else 0.5 for step in range(4, 201, 2)}}
    train, validation, *_ = figure({"constant": losses(rough, rough)}).axes
    assert train.get_ylim()[1] == validation.get_ylim()[1] == pytest.approx(1.05)


def test_rates_that_never_hold_are_lines():
    rates = {step: 0.1 - 0.0005 * step for step in range(10, 201, 10)}
    cosine = Curves({tags.LOSS: curve({200: 1.0}), tags.LEARNING_RATE: curve(rates)}, {})
    rate = figure({"constant": cliff(), "cosine": cosine}).axes[3]
    assert drawn(rate)[COLOURS[0]].get_drawstyle() == "default"
    assert rate.get_yscale() == "linear"


def test_nan_in_one_run_does_not_hide_the_others():
    bad = Curve(np.array([10, 200]), np.array([np.nan, np.nan]))
    picture = figure({"constant": cliff(), "diverged": Curves({tags.LOSS: bad}, {tags.LOSS: bad})})
    low, high = picture.axes[0].get_ylim()
    assert 0 < low < 0.5 and 1.0 < high < 1.2

"""A loss axis that a few points do not squeeze."""

import pytest

from report.chart import limit_loss, new_picture
from tests.report.makers import curve


def limited(*losses):
    ax = new_picture(width=6, height=4).subplots()
    for loss in losses:
        ax.plot(loss.steps, loss.values)
    limit_loss(ax, losses, start=0, end=200)
    return ax


def falling(lowest, **changes):
    """Loss 1 up to step 100, then `lowest`; `changes` as at_STEP=VALUE."""
    points = {step: 1.0 if step <= 100 else lowest for step in range(2, 201, 2)}
    return curve(points | {int(name.removeprefix("at_")): value for name, value in changes.items()})


def test_a_rough_start_of_any_curve_leaves_the_chart():
    ax = limited(falling(0.5), falling(0.6, at_4=30.0, at_8=5.0))
    assert ax.get_ylim() == pytest.approx((0.475, 1.05))
    assert [text.get_text() for text in ax.texts] == ["\u2191 up to 30 (points off the chart: 2)"]


def test_one_of_three_curves_that_diverges_leaves_the_chart():
    ax = limited(falling(0.5), falling(0.6), falling(0.7, at_150=40.0, at_152=50.0))
    assert ax.get_ylim()[1] == pytest.approx(1.05)
    assert "up to 50 (points off the chart: 2)" in ax.texts[0].get_text()


def test_of_two_curves_the_later_spike_of_one_stays():
    assert limited(falling(0.5), falling(0.6, at_150=40.0)).get_ylim()[1] > 40


def test_curves_that_agree_are_left_alone():
    ax = limited(falling(0.5), falling(0.6), falling(0.7, at_150=2.4))
    assert ax.get_ylim()[1] > 2.4 and not ax.texts


@pytest.mark.parametrize("losses", [(), (curve({2: float("nan")}),), (curve({2: 9.0}),), (curve({2: 1.0, 190: 1.0}),)])
def test_nothing_to_limit_by_is_left_alone(losses):
    assert not limited(*losses).texts

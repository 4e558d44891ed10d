"""A learning rate is readable under any schedule."""

import numpy as np
import pytest

from report import rate_axis
from report.chart import new_picture
from report.curves import Curve

STEPS = np.arange(200)
DONE = STEPS / 200


def drawn(rates):
    """Axes with `rates` drawn and scaled, as a figure does it."""
    ax = new_picture(width=6, height=1.1).subplots()
    rates = np.asarray(rates, float)
    rate_axis.draw_rate(ax, Curve(np.arange(rates.size), rates), hold="steps-pre")
    rate_axis.scale_rates(ax, rates)
    return ax


def labels(ax):
    """The tick labels in view."""
    low, high = ax.get_ylim()
    return [ax.yaxis.get_major_formatter()(tick) for tick in ax.get_yticks() if low <= tick <= high]


COSINE = 0.05 * (1 + np.cos(np.pi * DONE))
WARM_UP = np.where(STEPS < 20, 0.1 * (STEPS + 1) / 20, np.where(STEPS < 120, 0.1, 0.01))
TRIANGLES = 0.01 + 0.09 * np.abs((4 * DONE) % 2 - 1)
EXPONENTIAL = 0.1 * 10 ** (-3 * DONE)


@pytest.mark.parametrize(
    ("rates", "stairs"),
    [
        (np.full(200, 0.1), True),
        (np.repeat([0.1, 0.01, 0.001], 10), True),
        ([0.1, 0.01], True),
        (np.repeat(EXPONENTIAL[:40], 5), True),  # A staircase of forty rates.
        (WARM_UP, True),
        (COSINE, False),
        (COSINE[::20], False),
        (TRIANGLES, False),
        (EXPONENTIAL, False),
    ],
)
def test_stairs_where_the_rate_mostly_holds_else_a_line(rates, stairs):
    assert drawn(rates).lines[0].get_drawstyle() == ("steps-pre" if stairs else "default")


@pytest.mark.parametrize(
    ("rates", "scale"),
    [
        ([0.1, 0.011], "linear"),
        (np.array([0.3, 0.03], np.float32), "log"),
        ([0.1, 0.001], "log"),
        ([0.1, 0.0], "linear"),
        (EXPONENTIAL, "log"),
        (EXPONENTIAL - EXPONENTIAL.min(), "linear"),
        (COSINE, "linear"),
        (COSINE + 1e-6, "linear"),
        (TRIANGLES, "linear"),
        (np.append(EXPONENTIAL, np.nan), "log"),
    ],
)
def test_a_log_axis_only_where_it_helps(rates, scale):
    assert drawn(rates).get_yscale() == scale


def test_few_rates_have_a_tick_each():
    assert labels(drawn(np.repeat([0.1, 0.02, 0.004], 9))) == ["0.004", "0.02", "0.1"]
    assert labels(drawn(np.full(9, np.float32(0.1)))) == ["0.1"]


def test_ticks_of_near_rates_do_not_overlap_and_the_higher_one_stays():
    assert labels(drawn([0.1, 0.099, 0.05])) == ["0.05", "0.1"]
    assert labels(drawn([0.1, 0.0, 0.001])) == ["0.001", "0.1"]


@pytest.mark.parametrize("rates", [COSINE, TRIANGLES, EXPONENTIAL, 0.3 * 10 ** (-1.9 * DONE), 1e-5 * COSINE])
def test_many_rates_have_a_handful_of_round_ticks(rates):
    ax = drawn(rates)
    shown = labels(ax)
    assert 3 <= len(shown) <= 6
    assert max(map(len, shown)) <= 6
    assert not ax.yaxis.get_minorticklocs().size


def test_a_log_axis_does_not_follow_a_rate_to_almost_nothing():
    low, high = drawn(np.append(EXPONENTIAL, 1e-12)).get_ylim()
    assert 1e-7 < low < 1e-6 and 0.1 < high < 1


def test_no_rate_at_all_is_drawn():
    assert drawn([]).get_yscale() == "linear"

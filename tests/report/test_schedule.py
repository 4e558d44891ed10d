"""A schedule as picture and table."""

import numpy as np
import pytest

import report
from settings import UserError
from tests.report.makers import catch_pictures

STEPS = np.arange(0, 101, 10)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws, and gives the axes of what was drawn."""

    def draw(rates, *, steps_per_epoch=None):
        pictures = catch_pictures(monkeypatch)
        path = tmp_path / "schedule.png"
        report.draw_schedule(STEPS, rates, steps_per_epoch=steps_per_epoch, path=str(path), title="step")
        assert path.read_bytes().startswith(b"\x89PNG")
        assert pictures[0].get_suptitle() == "step"
        (ax,) = pictures[0].axes
        return ax

    return draw


def test_the_rate_holds_from_its_step_on(drawn):
    rates = np.where(STEPS < 50, 0.1, 0.01)
    ax = drawn(rates)
    (line,) = ax.lines
    assert line.get_drawstyle() == "steps-post"
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == (STEPS.tolist(), rates.tolist())
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("global step", "learning rate", "log")


def test_epochs_stand_on_top_where_they_are_known(drawn):
    rates = np.linspace(0.1, 0.0, STEPS.size)
    assert not drawn(rates).child_axes
    ax = drawn(rates, steps_per_epoch=25)
    (top,) = ax.child_axes
    assert top.get_xlabel() == "epoch"
    assert np.array(top.get_xlim()) == pytest.approx(np.array(ax.get_xlim()) / 25)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(UserError, match="cannot write the figure"):
        report.draw_schedule(STEPS, 0.1 / (1 + STEPS), steps_per_epoch=None, path=str(tmp_path / "no" / "x"), title="")


def test_table():
    rows = [(0, 0.1), (12_000, 0.01), (20_000, 1 / 300_000)]
    assert report.schedule_table(rows, steps_per_epoch=781.25).splitlines() == [
        "  step  epoch  learning rate",
        "     0   0.00            0.1",
        "12,000  15.36           0.01",
        "20,000  25.60    3.33333e-06",
    ]


def test_table_without_epochs():
    assert report.schedule_table([(1_000, 0.0)], steps_per_epoch=None).splitlines()[1].split() == ["1,000", "-", "0"]

"""A learning-rate schedule as a picture and as a table, before anything is trained with it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from report.chart import INK, dress, new_picture
from report.curves import Curve
from report.files import write_png
from report.rate_axis import draw_rate, scale_rates
from report.text import aligned, step_cell


def draw_schedule(
    steps: np.ndarray, rates: np.ndarray, *, steps_per_epoch: float | None, path: str, title: str
) -> None:
    """Writes learning rate against global step to `path` as a PNG, whole or not at all.

    Args:
      steps: int64 `[n]`, strictly rising.
      rates: float64 `[n]`: `rates[i]` is the rate of the update that follows `steps[i]` finished ones.
      steps_per_epoch: adds an axis in epochs on top; None where it is not known.
      path: where the PNG goes.
      title: stands over the chart.

    Raises:
      UserError: the file cannot be written.
    """
    picture = new_picture(width=9, height=4.5)
    picture.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    ax = picture.subplots()
    draw_rate(ax, Curve(steps, rates), hold="steps-post", color="#0072B2", linewidth=1.8)
    scale_rates(ax, rates)
    dress(ax)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set(xlabel="global step", ylabel="learning rate")
    if steps_per_epoch:
        _add_epochs(ax, steps_per_epoch)
    write_png(picture, path)


def _add_epochs(ax: Axes, steps_per_epoch: float) -> None:
    def to_epochs(steps):
        return steps / steps_per_epoch

    def to_steps(epochs):
        return epochs * steps_per_epoch

    top = ax.secondary_xaxis("top", (to_epochs, to_steps))
    top.set_xlabel("epoch", color=INK)
    top.tick_params(labelsize=9, color=INK, labelcolor=INK)
    top.spines["top"].set_visible(False)
    top.xaxis.set_major_formatter("{x:g}")


def schedule_table(rows: Sequence[tuple[int, float]], *, steps_per_epoch: float | None) -> str:
    """`rows` of (global step, learning rate) as aligned columns, with the epoch, "-" where it is not known."""
    cells = [["step", "epoch", "learning rate"]]
    for step, rate in rows:
        cells.append([step_cell(step), f"{step / steps_per_epoch:.2f}" if steps_per_epoch else "-", f"{rate:.6g}"])
    return aligned(cells, left=0)

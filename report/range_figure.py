"""The picture of a learning-rate range test."""

import numpy as np
from matplotlib.axes import Axes

from report.chart import INK, dress, new_picture
from report.files import write_png
from report.range_test import Suggestion, finite_part, short_rate, smoothed_curve


def draw_range_test(
    rates: np.ndarray, losses: np.ndarray, suggestion: Suggestion | None, *, path: str, title: str
) -> None:
    """Writes loss against rate to `path` as a PNG, whole or not at all, with the suggested rates marked.

    Raises:
      UserError: the file cannot be written.
    """
    tried, losses = finite_part(rates, losses)
    picture = new_picture(width=9, height=5)
    picture.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    ax = picture.subplots()
    dress(ax)
    ax.set(xscale="log", xlabel="learning rate", ylabel="train loss")
    ax.plot(tried, losses, ".", color="#9ecae1", markersize=5, label="each step")
    if losses.size:
        at, means = smoothed_curve(tried, losses)
        ax.plot(at, means, color="#0072B2", linewidth=2, label="smoothed")
        ax.set_ylim(*_limits(losses, means))
    else:
        ax.set_xlim(rates[0], rates[-1])
    if suggestion:
        _mark(ax, suggestion)
    ax.legend(loc="lower left", framealpha=0.85, edgecolor="none")
    write_png(picture, path)


def _mark(ax: Axes, suggestion: Suggestion) -> None:
    """A line at each rate, its label above the chart in a row of its own: the rates may be near each other."""
    marks = {
        "largest stable": (suggestion.largest_stable, "#D55E00", "-"),
        "largest stable / 10": (suggestion.largest_stable / 10, "#D55E00", "--"),
        "steepest descent": (suggestion.steepest, "#009E73", "-"),
    }
    for row, (name, (rate, colour, dash)) in enumerate(marks.items()):
        ax.axvline(rate, color=colour, linestyle=dash, linewidth=1.5, zorder=1)
        text, place, offset = f"{name}: {short_rate(rate)}", (rate, 1), (0, 4 + 13 * row)
        ax.annotate(text, place, offset, ax.get_xaxis_transform(), "offset points", ha="center", color=colour)


def _limits(losses: np.ndarray, means: np.ndarray) -> tuple[float, float]:
    """Limits of the loss axis: three quarters of the losses and the way down are seen whole, the explosion is not."""
    down = means[: np.argmin(means) + 1]
    top = max(down.max(), np.percentile(losses, 75))
    bottom = min(means.min(), np.percentile(losses, 2))
    room = 0.2 * (top - bottom) or 1.0
    return bottom - room, top + 2 * room

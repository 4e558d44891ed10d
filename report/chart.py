"""What all figures share: ink, canvas, grid, and a loss axis that a rough start does not squeeze."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from report.curves import Curve

INK = "#333333"


def new_picture(*, width: float, height: float) -> Figure:
    """An empty figure of so many inches, which needs no display."""
    picture = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(picture)
    return picture


def dress(ax: Axes) -> None:
    """A light grid behind the curves, and no box around them."""
    ax.grid(color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=9, color=INK, labelcolor=INK)
    ax.spines[["top", "right"]].set_visible(False)


def dress_steps(ax: Axes, *, start: int, end: int) -> None:
    """Makes the x axis one of global steps from `start` to `end`, with a little room at both ends."""
    ax.set_xlim(start - 0.01 * (end - start), end + 0.02 * (end - start))
    ax.xaxis.set_major_formatter("{x:,.0f}")


def limit_loss(ax: Axes, losses: Sequence[Curve], *, start: int, end: int) -> None:
    """Lets points leave the chart that would squeeze the rest into a quarter of it, and says so.

    Those are points in the first tenth of the steps and, of three curves or more, the few curves that go far above the
    others. A spike later in a single run stays.
    """
    curves = [loss.since(start).finite() for loss in losses]
    shown = np.concatenate([curve.values for curve in curves]) if curves else np.empty(0)
    settled = [curve.since(start + (end - start) / 10).values for curve in curves]
    tops = np.array([values.max() for values in settled if values.size])
    if not tops.size:
        return
    usual = np.median(tops)
    span = usual - shown.min()
    if not span or shown.max() <= usual + 3 * span:
        return
    top = tops[tops <= usual + 3 * span].max() + 0.1 * span
    ax.set_ylim(shown.min() - 0.05 * span, top)
    note = f"\u2191 up to {shown.max():.3g} (points off the chart: {np.sum(shown > top)})"
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2}
    ax.text(0.13, 0.97, note, transform=ax.transAxes, va="top", fontsize=9, color=INK, bbox=box)

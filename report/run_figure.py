"""Curves of one run -> its figure: loss and accuracy where the learning rate stepped down."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.chart import INK, dress, dress_steps, limit_loss, new_picture
from report.curves import Curve, Curves
from report.files import write_png
from report.rate_axis import draw_rate, holds, scale_rates
from settings import UserError
from summaries import tags

LINES: dict[str, dict[str, Any]] = {  # Blue and vermilion of Okabe and Ito, which colour-blind readers tell apart.
    "train": {"color": "#0072B2", "linewidth": 1.1, "zorder": 2},
    "validation": {"color": "#D55E00", "linewidth": 1.6, "zorder": 3, "marker": "o", "markeredgecolor": "white"},
}


def draw(curves: Curves, boundaries: Sequence[int], path: str, *, from_step: int, title: str) -> None:
    """Writes `figure` to `path` as a PNG, whole or not at all."""
    write_png(figure(curves, boundaries, from_step=from_step, title=title), path)


def figure(curves: Curves, boundaries: Sequence[int], *, from_step: int, title: str) -> Figure:
    """Loss and accuracy side by side over the steps from `from_step` on, under each the learning rate.

    `boundaries` may be empty. Raises UserError where the run has nothing after `from_step`.
    """
    end = curves.last_step
    if from_step >= end:
        raise UserError(f"no curve to draw: from_step {from_step}, the run is at step {end}; give a smaller from_step")
    labels = {tags.LOSS: "loss", tags.ACCURACY: "top-1 accuracy (%)"}
    shown = [tag for tag in labels if curves.of(tag)]
    rate = curves.train.get(tags.LEARNING_RATE)
    heights = [5, 1.2] if rate else [5]
    picture = new_picture(width=6 * len(shown), height=0.9 * sum(heights))
    picture.suptitle(title, fontsize=13, fontweight="bold", color=INK, parse_math=False)
    axes = picture.subplots(len(heights), len(shown), sharex=True, squeeze=False, height_ratios=heights)
    visible = [boundary for boundary in boundaries if from_step < boundary < end]
    for tag, (chart, *strip) in zip(shown, axes.T, strict=True):
        _draw_splits(chart, curves.of(tag), tag, from_step=from_step)
        chart.set_ylabel(labels[tag])
        if rate:
            _draw_strip(strip[0], rate.since(from_step), visible)
        for ax in (chart, *strip):
            dress(ax)
            dress_steps(ax, start=from_step, end=end)
            _mark_boundaries(ax, visible)
        _label_boundaries(chart, visible, rate, width=end - from_step)
        ax.set_xlabel("global step")
    limit_loss(axes[0, 0], list(curves.of(tags.LOSS).values()), start=from_step, end=end)
    return picture


def rate_figure(rate: Curve, boundaries: Sequence[int]) -> Figure:
    """The learning rate alone over the steps from 0 on, with its value before and after each boundary passed."""
    end = int(rate.steps[-1])
    visible = [boundary for boundary in boundaries if 0 < boundary < end]
    picture = new_picture(width=12, height=2.8)
    ax = picture.subplots()
    _draw_strip(ax, rate, visible)
    dress(ax)
    dress_steps(ax, start=0, end=end)
    _mark_boundaries(ax, visible)
    _label_boundaries(ax, visible, rate, width=end)
    ax.set_ylabel("learning rate")
    ax.set_xlabel("global step")
    return picture


def _draw_splits(ax: Axes, splits: Mapping[str, Curve], tag: str, *, from_step: int) -> None:
    scale = 100 if tag == tags.ACCURACY else 1
    for split, curve in splits.items():
        seen = curve.since(from_step)
        style = {"marker": "o"} | LINES[split] if seen.steps.size == 1 else LINES[split]  # One point makes no line.
        size = 5.5 if seen.steps.size <= 40 else 3
        ax.plot(seen.steps, scale * seen.values, label=split, markersize=size, **style)
    ax.legend(loc="upper right" if tag == tags.LOSS else "lower right", framealpha=0.85, edgecolor="none")


def _draw_strip(ax: Axes, rate: Curve, boundaries: Sequence[int]) -> None:
    shown = rate
    if holds(rate.values):
        # A point speaks for the updates since the point before it. Where the summary interval steps over a boundary,
        # the rate before it holds up to the boundary all the same.
        inside = [b for b in boundaries if rate.steps.size and b > rate.steps[0]]
        steps = np.union1d(rate.steps, inside).astype(np.int64)
        shown = Curve(steps, rate.values[np.searchsorted(rate.steps, steps, side="right") - 1])
    draw_rate(ax, shown, hold="steps-pre", color=INK, linewidth=1.5)
    ax.set_ylabel("learning\nrate")
    scale_rates(ax, rate.values)


def _mark_boundaries(ax: Axes, boundaries: Sequence[int]) -> None:
    for boundary in boundaries:
        ax.axvline(boundary, color=INK, linestyle="--", linewidth=1, zorder=1)


def _label_boundaries(ax: Axes, boundaries: Sequence[int], rate: Curve | None, *, width: int) -> None:
    """Writes the learning rate before and after over each line, a row higher where the label to its left is near."""
    row, previous = 0, -width
    for boundary in boundaries:
        row = row + 1 if boundary - previous < 0.2 * width else 0
        previous = boundary
        text = f"step {boundary:,}"
        if rate:
            around = [*rate.values[rate.steps <= boundary][-1:], *rate.values[rate.steps > boundary][:1]]
            text = " \u2192 ".join(f"{value:.4g}" for value in around)
        if rate and len(boundaries) == 1:
            text = f"step {boundary:,}: learning rate {text}"
        place, offset = (boundary, 1), (0, 4 + 13 * row)  # Top of the chart, and points above it.
        ax.annotate(text, place, offset, ax.get_xaxis_transform(), "offset points", ha="center", color=INK)

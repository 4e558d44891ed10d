"""Curves of several runs -> one figure, a colour each, the control in dashed grey."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.chart import INK, dress, dress_steps, limit_loss, new_picture
from report.curves import Curve, Curves
from report.files import write_png
from report.rate_axis import draw_rate, scale_rates
from summaries import tags

# Of Okabe and Ito, in their order: colour-blind readers tell them apart. Their yellow is too pale on white.
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")
DASHES = ("-", (0, (1, 1)), (0, (4, 1, 1, 1)))
STRETCHES = 50  # Into so many a noisy train loss is divided.
CONTROL = {"color": INK, "linestyle": (0, (5, 2)), "zorder": 4}


def draw_comparison(curves: Mapping[str, Curves], *, control: str, path: str) -> None:
    """Writes `comparison_figure` to `path` as a PNG, whole or not at all."""
    write_png(comparison_figure(curves, control=control), path)


def comparison_figure(curves: Mapping[str, Curves], *, control: str) -> Figure:
    """Losses, validation accuracy and learning rate of the runs (name -> curves, one or more) over the same steps."""
    styles = line_styles(list(curves), control=control)
    end = max(run.last_step for run in curves.values())
    picture = new_picture(width=12, height=8)
    train, validation, accuracy, rate = picture.subplots(2, 2, sharex=True).flat
    train_losses, train_title = _quieter(_of(curves, "train", tags.LOSS), end=end)
    _draw_lines(train, train_losses, styles)
    _draw_lines(validation, _of(curves, "validation", tags.LOSS), styles)
    _draw_lines(accuracy, _of(curves, "validation", tags.ACCURACY), styles, scale=100)
    rates = _of(curves, "train", tags.LEARNING_RATE)
    for name, run in rates.items():
        draw_rate(rate, run, hold="steps-pre", linewidth=1.5, **styles[name])
    scale_rates(rate, np.concatenate([run.values for run in rates.values()]) if rates else np.empty(0))
    titles = (train_title, "validation loss", "validation accuracy (%)", "learning rate")
    for ax, title in zip((train, validation, accuracy, rate), titles, strict=True):
        ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK)
        dress(ax)
        dress_steps(ax, start=0, end=end)
    for ax, losses in ((train, train_losses), (validation, _of(curves, "validation", tags.LOSS))):
        limit_loss(ax, list(losses.values()), start=0, end=end)
    for ax in (accuracy, rate):
        ax.set_xlabel("global step")
    _add_legend(picture, train, styles, control=control)
    return picture


def line_styles(names: list[str], *, control: str) -> dict[str, dict[str, Any]]:
    """Colour and dashes for each run: colours in order, then again with other dashes; the control stands out."""
    looks = itertools.cycle({"color": colour, "linestyle": dash} for dash in DASHES for colour in COLOURS)
    return {name: CONTROL if name == control else {**next(looks), "zorder": 3} for name in names}


def _of(curves: Mapping[str, Curves], split: str, tag: str) -> dict[str, Curve]:
    found = {name: run.of(tag).get(split) for name, run in curves.items()}
    return {name: curve for name, curve in found.items() if curve}


def _quieter(curves: Mapping[str, Curve], *, end: int) -> tuple[dict[str, Curve], str]:
    """Train losses, and the title that says what they are: many points become means over stretches of steps.

    The noise of many runs in one chart would hide where each of them is.
    """
    if all(curve.steps.size <= 2 * STRETCHES for curve in curves.values()):
        return dict(curves), "train loss"
    width = -(-end // STRETCHES)  # Rounded up.
    means = {name: _means(curve, width) for name, curve in curves.items()}
    return means, f"train loss (means over {width:,} steps)"


def _means(curve: Curve, width: int) -> Curve:
    """The mean of each `width` steps, at the last of its points: as all train points, a mean over updates up to it."""
    stretch = (curve.steps - 1) // width
    firsts = np.unique(stretch, return_index=True)[1]
    sizes = np.diff(firsts, append=stretch.size)
    return Curve(curve.steps[firsts + sizes - 1], np.add.reduceat(curve.values, firsts) / sizes)


def _draw_lines(ax: Axes, curves: Mapping[str, Curve], styles: Mapping[str, dict], *, scale: float = 1) -> None:
    for name, curve in curves.items():
        marker = "o" if curve.steps.size == 1 else None  # One point makes no line.
        ax.plot(curve.steps, scale * curve.values, linewidth=1.4, marker=marker, markersize=5, **styles[name])


def _add_legend(picture: Figure, ax: Axes, styles: Mapping[str, dict], *, control: str) -> None:
    """One legend over all charts. Its lines are made for it: a run need not have a curve in every chart."""
    handles = [ax.plot([], [], linewidth=2, **style)[0] for style in styles.values()]
    labels = [f"{name} (control)" if name == control else name for name in styles]
    columns = min(len(labels), 6)
    picture.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, handlelength=3)

"""Event files -> one figure and the numbers in it: what loss and accuracy did where the learning rate stepped down.

`report` does all of it for a run; the other functions are its parts. Steps are global steps, that is updates done: a
train point at step x is a mean over updates up to x, a validation point at step x was measured after x updates, and
boundary B lies after the first B updates. So a point at step B itself belongs to the stretch before the boundary.
"""

import contextlib
import dataclasses
import itertools
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tensorboard.backend.event_processing import event_accumulator

from settings import UserError
from summaries import tags

INK = "#333333"
LINES: dict[str, dict[str, Any]] = {  # Blue and vermilion of Okabe and Ito, which colour-blind readers tell apart.
    "train": {"color": "#0072B2", "linewidth": 1.1, "zorder": 2},
    "validation": {"color": "#D55E00", "linewidth": 1.6, "zorder": 3, "marker": "o", "markeredgecolor": "white"},
}


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """One scalar over a run: `steps` int64 `[n]`, strictly rising, and `values` float64 `[n]`."""

    steps: np.ndarray
    values: np.ndarray

    def since(self, step: float) -> "Curve":
        """The points at `step` and later."""
        return Curve(self.steps[self.steps >= step], self.values[self.steps >= step])


@dataclasses.dataclass(frozen=True)
class Curves:
    """The curves of a run by tag (`summaries/tags.py`), each with a point or more. `validation` may be empty."""

    train: Mapping[str, Curve]
    validation: Mapping[str, Curve]

    @property
    def last_step(self) -> int:
        """The last step with a loss, in training or validation."""
        return max((int(loss.steps[-1]) for loss in self.of(tags.LOSS).values()), default=0)

    def of(self, tag: str) -> dict[str, Curve]:
        """The curves under `tag` by split, `train` before `validation`."""
        splits = {"train": self.train, "validation": self.validation}
        return {name: split[tag] for name, split in splits.items() if tag in split}


@dataclasses.dataclass(frozen=True)
class Drop:
    """Means of a curve over `before_points` and `after_points` points around a boundary; None of no points."""

    boundary: int
    before: float | None
    after: float | None
    before_points: int
    after_points: int


def read_curves(model_dir: str) -> Curves:
    """Reads every scalar of a run: training from the event files in `model_dir`, validation from those in `eval/`."""
    if not Path(model_dir).is_dir():
        raise UserError(f"no such directory: model_dir {model_dir!r}; give the model_dir of a run")
    train = _read_scalars(model_dir)
    if tags.LOSS not in train:
        fix = "give the model_dir of a run that has trained for a summary interval or more"
        raise UserError(f"no training loss in event files (*tfevents*) directly in model_dir {model_dir!r}; {fix}")
    validation_dir = Path(model_dir) / "eval"
    return Curves(train, _read_scalars(str(validation_dir)) if validation_dir.is_dir() else {})


def _read_scalars(directory: str) -> dict[str, Curve]:
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # It warns of every resume.
    events = event_accumulator.EventAccumulator(directory, size_guidance={event_accumulator.SCALARS: 0})  # 0 keeps all.
    events.Reload()
    return {tag: _one_point_a_step(events.Scalars(tag)) for tag in events.Tags()[event_accumulator.SCALARS]}


def _one_point_a_step(events: Sequence) -> Curve:
    """Leaves out the points from before a restart: those with a later written point at their step or an earlier one."""
    written = sorted(events, key=lambda event: event.wall_time)
    steps = np.array([event.step for event in written], np.int64)
    values = np.array([event.value for event in written], np.float64)
    lowest_from_here = np.minimum.accumulate(steps[::-1])[::-1]
    stands = np.append(steps[:-1] < lowest_from_here[1:], True)
    return Curve(steps[stands], values[stands])


def drops(curve: Curve, boundaries: Sequence[int], end: int) -> tuple[Drop, ...]:
    """The curve on both sides of each of the rising `boundaries` below `end`, the last step of the run.

    A stretch runs from a boundary (or 0) to the next (or `end`). Before is the mean over the last tenth of the stretch
    that ends at the boundary, after the mean over the first tenth of the next one. A tenth without points, as between
    sparse evaluations, takes the nearest point on its side of the boundary.
    """
    edges = [0, *(boundary for boundary in boundaries if boundary < end), end]
    return tuple(_drop(curve, *edges[i : i + 3]) for i in range(len(edges) - 2))


def _drop(curve: Curve, start: int, boundary: int, stop: int) -> Drop:
    steps, is_before = curve.steps, curve.steps <= boundary
    last_tenth = curve.values[is_before & (steps > boundary - (boundary - start) / 10)]
    first_tenth = curve.values[~is_before & (steps <= boundary + (stop - boundary) / 10)]
    before = last_tenth if last_tenth.size else curve.values[is_before][-1:]
    after = first_tenth if first_tenth.size else curve.values[~is_before][:1]
    return Drop(boundary, _mean(before), _mean(after), before.size, after.size)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None


def table(curves: Curves, boundaries: Sequence[int]) -> str:
    """The numbers around each boundary and at the end in aligned columns; under them, how far the loss fell."""
    end, nothing = curves.last_step, Curve(np.empty(0, np.int64), np.empty(0))
    passed = [boundary for boundary in boundaries if boundary < end]
    rows = [f"{side} step {boundary:,}" for boundary in passed for side in ("before", "after")]
    columns = [["", *rows, f"end, step {end:,}"]]
    for tag, split in itertools.product((tags.LOSS, tags.ACCURACY), ("train", "validation")):
        curve = curves.of(tag).get(split, nothing)
        around = [mean for drop in drops(curve, boundaries, end) for mean in (drop.before, drop.after)]
        columns.append([f"{split} {tag}", *(_cell(tag, mean) for mean in [*around, _mean(curve.values[-1:])])])
    if np.isfinite(curve.values).any():  # The last column is validation accuracy.
        best = np.nanargmax(curve.values)
        columns[0].append(f"best, step {curve.steps[best]:,}")
        columns[-1].append(_cell(tags.ACCURACY, curve.values[best]))
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for name, *cells in itertools.zip_longest(*columns, fillvalue=""):
        lines.append("  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]))
    if passed:
        lines.append("Before and after: means over a tenth of the stretch on that side, or the nearest point.")
    return "\n".join([*lines, "", *_loss_lines(curves, boundaries)]).rstrip()


def _cell(tag: str, value: float | None) -> str:
    if value is None:
        return "-"
    if tag == tags.ACCURACY and np.isfinite(value):
        return f"{value:.1%}"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"


def _loss_lines(curves: Curves, boundaries: Sequence[int]) -> list[str]:
    lines, end, losses = [], curves.last_step, curves.of(tags.LOSS)
    for at_boundary in zip(*(drops(loss, boundaries, end) for loss in losses.values()), strict=True):
        changes = [_change(split, drop) for split, drop in zip(losses, at_boundary, strict=True)]
        lines.append(f"Step {at_boundary[0].boundary:,}: " + ", ".join(filter(None, changes)))
    return lines + [f"Step {b:,}: not passed yet, the run is at step {end:,}" for b in boundaries if b >= end]


def _change(split: str, drop: Drop) -> str:
    if drop.before is None or drop.after is None:
        return ""
    text = f"{split} loss {_cell(tags.LOSS, drop.before)} -> {_cell(tags.LOSS, drop.after)}"
    can_divide = drop.before and np.isfinite([drop.before, drop.after]).all()
    return f"{text} ({drop.after / drop.before - 1:+.0%})" if can_divide else text


def figure(curves: Curves, boundaries: Sequence[int], *, from_step: int, title: str) -> Figure:
    """Loss and accuracy side by side over the steps from `from_step` on, under each the learning rate."""
    end = curves.last_step
    if from_step >= end:
        raise UserError(f"no curve to draw: from_step {from_step}, the run is at step {end}; give a smaller from_step")
    labels = {tags.LOSS: "loss", tags.ACCURACY: "top-1 accuracy (%)"}
    shown = [tag for tag in labels if curves.of(tag)]
    rate = curves.train.get(tags.LEARNING_RATE)
    heights = [5, 1.2] if rate else [5]
    picture = Figure(figsize=(6 * len(shown), 0.9 * sum(heights)), dpi=150, layout="constrained")
    FigureCanvasAgg(picture)
    picture.suptitle(title, fontsize=13, fontweight="bold", color=INK)
    axes = picture.subplots(len(heights), len(shown), sharex=True, squeeze=False, height_ratios=heights)
    visible = [boundary for boundary in boundaries if from_step < boundary < end]
    for tag, (chart, *strip) in zip(shown, axes.T, strict=True):
        _draw_splits(chart, curves.of(tag), tag, from_step=from_step)
        chart.set_ylabel(labels[tag])
        if rate:
            _draw_rate(strip[0], rate.since(from_step), visible)
        for ax in (chart, *strip):
            _dress(ax, visible)
        _label_boundaries(chart, visible, rate, width=end - from_step)
        ax.set(xlabel="global step", xlim=(from_step - 0.01 * (end - from_step), end + 0.02 * (end - from_step)))
    _limit_loss(axes[0, 0], curves, start=from_step, end=end)
    return picture


def _draw_splits(ax: Axes, splits: Mapping[str, Curve], tag: str, *, from_step: int) -> None:
    scale = 100 if tag == tags.ACCURACY else 1
    for split, curve in splits.items():
        seen = curve.since(from_step)
        style = {"marker": "o"} | LINES[split] if seen.steps.size == 1 else LINES[split]  # One point makes no line.
        size = 5.5 if seen.steps.size <= 40 else 3
        ax.plot(seen.steps, scale * seen.values, label=split, markersize=size, **style)
    ax.legend(loc="upper right" if tag == tags.LOSS else "lower right", framealpha=0.85, edgecolor="none")


def _draw_rate(ax: Axes, rate: Curve, boundaries: Sequence[int]) -> None:
    # A point speaks for the updates since the point before it. Where the summary interval steps over a boundary, the
    # rate before it holds up to the boundary all the same.
    steps = np.union1d(rate.steps, [b for b in boundaries if rate.steps.size and b > rate.steps[0]]).astype(np.int64)
    values = rate.values[np.searchsorted(rate.steps, steps, side="right") - 1]
    ax.plot(steps, values, color=INK, linewidth=1.5, drawstyle="steps-pre")
    ax.set_ylabel("learning\nrate")
    ax.margins(y=0.25)
    values = np.unique(rate.values)
    if values.size and 0 < 10.001 * values[0] < values[-1]:  # Of float32 in event files 0.1 / 0.01 is a little over 10.
        ax.set_yscale("log")
    if values.size <= 4:
        ax.set_yticks(values)
        ax.minorticks_off()
    ax.yaxis.set_major_formatter("{x:g}")


def _dress(ax: Axes, boundaries: Sequence[int]) -> None:
    for boundary in boundaries:
        ax.axvline(boundary, color=INK, linestyle="--", linewidth=1, zorder=1)
    ax.grid(color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=9, color=INK, labelcolor=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.xaxis.set_major_formatter("{x:,.0f}")


def _label_boundaries(ax: Axes, boundaries: Sequence[int], rate: Curve | None, *, width: int) -> None:
    """Writes the learning rate before and after over each line, a row higher where the label to its left is near."""
    row, previous = 0, -width
    for boundary in boundaries:
        row = row + 1 if boundary - previous < 0.2 * width else 0
        previous = boundary
        text = f"step {boundary:,}"
        if rate:
            around = [*rate.values[rate.steps <= boundary][-1:], *rate.values[rate.steps > boundary][:1]]
            text = " \u2192 ".join(f"{value:g}" for value in around)
        if rate and len(boundaries) == 1:
            text = f"step {boundary:,}: learning rate {text}"
        place, offset = (boundary, 1), (0, 4 + 13 * row)  # Top of the chart, and points above it.
        ax.annotate(text, place, offset, ax.get_xaxis_transform(), "offset points", ha="center", color=INK)


def _limit_loss(ax: Axes, curves: Curves, *, start: int, end: int) -> None:
    """Lets a first tenth of the steps that would squeeze the rest into a quarter of the chart leave it, and says so."""
    losses = curves.of(tags.LOSS).values()
    shown = np.concatenate([loss.since(start).values for loss in losses])
    settled = np.concatenate([loss.since(start + (end - start) / 10).values for loss in losses])
    shown, settled = shown[np.isfinite(shown)], settled[np.isfinite(settled)]
    span = settled.max() - shown.min() if settled.size else 0
    if not span or shown.max() <= settled.max() + 3 * span:
        return
    top = settled.max() + 0.1 * span
    ax.set_ylim(shown.min() - 0.05 * span, top)
    note = f"\u2191 up to {shown.max():.3g} (points off the chart: {np.sum(shown > top)})"
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2}
    ax.text(0.13, 0.97, note, transform=ax.transAxes, va="top", fontsize=9, color=INK, bbox=box)


def draw(curves: Curves, boundaries: Sequence[int], path: str, *, from_step: int, title: str) -> None:
    """Writes `figure` to `path` as a PNG, whole or not at all."""
    picture = figure(curves, boundaries, from_step=from_step, title=title)
    temporary = Path(f"{path}.{os.getpid()}.tmp")
    try:
        picture.savefig(temporary, format="png")
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the figure {path!r}: {reason}; give a directory that can be written") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def report(model_dir: str, *, boundaries: Sequence[int], from_step: int) -> str:
    """Draws `model_dir/report.png`; returns what to print: the numbers, the figure's path, how to start TensorBoard."""
    curves = read_curves(model_dir)
    path = str(Path(model_dir) / "report.png")
    draw(curves, boundaries, path, from_step=from_step, title=Path(model_dir).resolve().name)
    command = shlex.join([_tensorboard(), "--logdir", model_dir])
    return "\n".join([table(curves, boundaries), "", f"Figure:      {path}", f"TensorBoard: {command}"])


def _tensorboard() -> str:
    """The `tensorboard` that belongs to this Python: by its name where that is the one on PATH, else by its path."""
    program = Path(sys.executable).with_name("tensorboard")
    if shutil.which("tensorboard") == str(program):
        return "tensorboard"
    return os.path.relpath(program) if program.is_relative_to(Path.cwd()) else str(program)

"""Curves -> numbers: what loss and accuracy did where the learning rate stepped down, and where they ended."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from report.curves import Curve, Curves
from report.text import aligned, value_cell
from summaries import tags

BEFORE_AND_AFTER = "Before and after: means over a tenth of the stretch on that side, or the nearest point."


@dataclasses.dataclass(frozen=True)
class Drop:
    """Means of a curve over `before_points` and `after_points` points around a boundary; None of no points."""

    boundary: int
    before: float | None
    after: float | None
    before_points: int
    after_points: int


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
    lines = [aligned(table_rows(curves, boundaries), left=1)]
    if passed(curves, boundaries):
        lines.append(BEFORE_AND_AFTER)
    return "\n".join([*lines, "", *loss_lines(curves, boundaries)]).rstrip()


def table_rows(curves: Curves, boundaries: Sequence[int]) -> list[tuple[str, ...]]:
    """The cells of `table`, a row each, the first of headings."""
    end, nothing = curves.last_step, Curve(np.empty(0, np.int64), np.empty(0))
    rows = [f"{side} step {boundary:,}" for boundary in passed(curves, boundaries) for side in ("before", "after")]
    columns = [["", *rows, f"end, step {end:,}"]]
    for tag, split in itertools.product((tags.LOSS, tags.ACCURACY), ("train", "validation")):
        curve = curves.of(tag).get(split, nothing)
        around = [mean for drop in drops(curve, boundaries, end) for mean in (drop.before, drop.after)]
        columns.append([f"{split} {tag}", *(value_cell(tag, mean) for mean in [*around, _mean(curve.values[-1:])])])
    if np.isfinite(curve.values).any():  # The last column is validation accuracy.
        best = np.nanargmax(curve.values)
        columns[0].append(f"best, step {curve.steps[best]:,}")
        columns[-1].append(value_cell(tags.ACCURACY, curve.values[best]))
    return list(itertools.zip_longest(*columns, fillvalue=""))


def passed(curves: Curves, boundaries: Sequence[int]) -> list[int]:
    """The boundaries that the run has behind it."""
    return [boundary for boundary in boundaries if boundary < curves.last_step]


def loss_lines(curves: Curves, boundaries: Sequence[int]) -> list[str]:
    """A line for each boundary: how far the losses fell there, or that the run has not come to it."""
    lines, end, losses = [], curves.last_step, curves.of(tags.LOSS)
    for at_boundary in zip(*(drops(loss, boundaries, end) for loss in losses.values()), strict=True):
        changes = [_change(split, drop) for split, drop in zip(losses, at_boundary, strict=True)]
        lines.append(f"Step {at_boundary[0].boundary:,}: " + ", ".join(filter(None, changes)))
    return lines + [f"Step {b:,}: not passed yet, the run is at step {end:,}" for b in boundaries if b >= end]


def _change(split: str, drop: Drop) -> str:
    if drop.before is None or drop.after is None:
        return ""
    text = f"{split} loss {value_cell(tags.LOSS, drop.before)} -> {value_cell(tags.LOSS, drop.after)}"
    can_divide = drop.before and np.isfinite([drop.before, drop.after]).all()
    return f"{text} ({drop.after / drop.before - 1:+.0%})" if can_divide else text

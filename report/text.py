"""Numbers as text, in aligned columns."""

from collections.abc import Sequence

import numpy as np

from summaries import tags


def aligned(rows: Sequence[Sequence[str]], *, left: int) -> str:
    """`rows` of equally many cells as lines with aligned columns: the first `left` flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:left], widths[:left], strict=True)]
        cells += [cell.rjust(width) for cell, width in zip(row[left:], widths[left:], strict=True)]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def value_cell(tag: str, value: float | None) -> str:
    """A loss or an accuracy as a cell of a table: accuracy in percent, "-" for None."""
    if value is None:
        return "-"
    if tag == tags.ACCURACY and np.isfinite(value):
        return f"{value:.1%}"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"


def step_cell(step: int | None) -> str:
    """A step as a cell of a table, "-" for None."""
    return "-" if step is None else f"{step:,}"


def flag_cell(value: object) -> str:
    """The value of a flag as a cell of a table."""
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return str(value).lower()
    return (", ".join(map(flag_cell, value)) or "not given") if isinstance(value, list | tuple) else str(value)

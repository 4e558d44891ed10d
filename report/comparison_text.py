"""The numbers that compare runs -> text: rows of cells, the lines under them, markdown."""

import numpy as np

from report.comparison_numbers import Comparison, RunNumbers
from report.text import step_cell, value_cell
from summaries import tags

HEADINGS = (
    "run",
    "final accuracy",
    "best accuracy",
    "at step",
    "final loss",
    "best loss",
    "target at step",
    "minutes",
    "steps",
)


def markdown(comparison: Comparison) -> str:
    """The table and the lines under it as GitHub markdown."""
    heading, *others = [[cell.replace("|", "\\|") for cell in row] for row in rows(comparison)]
    rule = ["---", *["---:"] * (len(heading) - 1)]
    lines = [f"| {' | '.join(row)} |" for row in (heading, rule, *others)]
    lines_under = [f"- {line}" for line in differences(comparison)]
    return "\n".join([*lines, "", caption(comparison), *([""] if lines_under else []), *lines_under]) + "\n"


def rows(comparison: Comparison) -> list[list[str]]:
    """The cells of the table, a row for each run, the first of headings."""
    table = [list(HEADINGS)]
    for name, run in comparison.numbers.items():
        cells = [
            value_cell(tags.ACCURACY, run.final_accuracy),
            value_cell(tags.ACCURACY, run.best_accuracy),
            step_cell(run.best_accuracy_step),
            value_cell(tags.LOSS, run.final_loss),
            value_cell(tags.LOSS, run.best_loss),
            step_cell(run.target_step),
            "-" if run.minutes is None else f"{run.minutes:.1f}",
            step_cell(run.steps),
        ]
        table.append([f"{name} (control)" if name == comparison.control else name, *cells])
    return table


def caption(comparison: Comparison) -> str:
    """Two lines: what the target is, and what the columns are."""
    if comparison.target is None:
        target = f"No target: {comparison.control} has no validation accuracy yet."
    else:
        source = "" if comparison.target_is_given else f", the best of {comparison.control}"
        target = f"Target: an accuracy of {comparison.target:.1%}{source}."
    return f"{target}\nAccuracy and loss are those of the validation split, minutes those inside training steps."


def differences(comparison: Comparison) -> list[str]:
    """A line for each other run: how far above or below the control it ended, as far as both are known."""
    control = comparison.numbers[comparison.control]
    others = {name: run for name, run in comparison.numbers.items() if name != comparison.control}
    lines = []
    for name, run in others.items():
        parts = []
        accuracy = _above(run.final_accuracy, control.final_accuracy)
        if accuracy is not None:
            parts.append(f"validation accuracy {100 * accuracy:+.1f} points")
        loss = _above(run.final_loss, control.final_loss)
        if loss is not None:
            parts.append(f"validation loss {loss:+.3f}")
        if parts:
            lines.append(f"{name}: {', '.join(parts)} against {comparison.control} {_when(run, control)}")
    return lines


def _above(value: float | None, base: float | None) -> float | None:
    if value is None or base is None or not np.isfinite([value, base]).all():
        return None
    return value - base


def _when(run: RunNumbers, control: RunNumbers) -> str:
    if run.steps == control.steps:
        return "at the end"
    return f"(step {step_cell(run.steps)} against step {step_cell(control.steps)})"

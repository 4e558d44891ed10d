"""Several runs side by side, one of them the control: a table to print, the same in markdown, and a figure."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from report.comparison_figure import draw_comparison
from report.comparison_numbers import Comparison, RunNumbers, measure_all, read_runs
from report.files import write_text
from report.text import aligned, step_cell, value_cell
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


def compare(runs: Mapping[str, str], *, control: str, target_accuracy: float | None, batch_size: int, path: str) -> str:
    """Draws the runs into one figure and returns the numbers as text; writes them as markdown beside the figure.

    Args:
      runs: name -> model_dir, in the order in which to show them. A run without curves yet is a row of "-".
      control: the name of the run that the others are measured against, one with a constant learning rate.
      target_accuracy: the validation accuracy, from 0 to 1, whose first step is told; None: the best of the control.
      batch_size: the global batch size of all runs, for the minutes (see `minutes_of_training`).
      path: where the PNG goes. The markdown goes beside it, with the suffix `.md`. Each is written whole or not at all.

    Raises:
      UserError: no run has curves, `control` is not one of `runs`, or a file cannot be written.
    """
    curves = read_runs(runs, control=control)
    comparison = measure_all(curves, control=control, target_accuracy=target_accuracy, batch_size=batch_size)
    markdown_path = str(Path(path).with_suffix(".md"))
    draw_comparison({name: run for name, run in curves.items() if run}, control=control, path=path)
    write_text(_markdown(comparison), markdown_path)
    table = aligned(_rows(comparison), left=1)
    files = f"Figure:   {path}\nMarkdown: {markdown_path}"
    return "\n\n".join(filter(None, [f"{table}\n{_caption(comparison)}", "\n".join(_differences(comparison)), files]))


def comparison_markdown(
    runs: Mapping[str, str], *, control: str, target_accuracy: float | None, batch_size: int
) -> str:
    """The table of `compare` and the lines under it as GitHub markdown. Arguments and errors are those of `compare`."""
    curves = read_runs(runs, control=control)
    return _markdown(measure_all(curves, control=control, target_accuracy=target_accuracy, batch_size=batch_size))


def _markdown(comparison: Comparison) -> str:
    heading, *rows = [[cell.replace("|", "\\|") for cell in row] for row in _rows(comparison)]
    rule = ["---", *["---:"] * (len(heading) - 1)]
    lines = [f"| {' | '.join(row)} |" for row in (heading, rule, *rows)]
    differences = [f"- {line}" for line in _differences(comparison)]
    return "\n".join([*lines, "", _caption(comparison), *([""] if differences else []), *differences]) + "\n"


def _rows(comparison: Comparison) -> list[list[str]]:
    rows = [list(HEADINGS)]
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
        rows.append([f"{name} (control)" if name == comparison.control else name, *cells])
    return rows


def _caption(comparison: Comparison) -> str:
    if comparison.target is None:
        target = f"No target: {comparison.control} has no validation accuracy yet."
    else:
        source = "" if comparison.target_is_given else f", the best of {comparison.control}"
        target = f"Target: an accuracy of {comparison.target:.1%}{source}."
    return f"{target}\nAccuracy and loss are those of the validation split, minutes those inside training steps."


def _differences(comparison: Comparison) -> list[str]:
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

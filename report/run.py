"""The report of one run: its page and pictures, its numbers, and how to see more of it."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from report.curves import read_curves
from report.numbers import table
from report.page import write_page
from report.record import Record
from report.run_page import CURVES_FILE, run_page


def report(model_dir: str, *, record: Record, from_step: int) -> str:
    """Writes `report.html` and its pictures, `report*.png`, into `model_dir`, and returns what to print.

    That is the numbers, the paths of figure and page, and how to start TensorBoard. The curves are drawn from
    `from_step` on. Raises UserError where there is nothing to read or to draw, or a file cannot be written.
    """
    curves = read_curves(model_dir)
    folder, title = Path(model_dir), Path(model_dir).resolve().name
    path = str(folder / "report.html")
    write_page([run_page(title, model_dir, curves=curves, record=record, from_step=from_step)], path, title=title)
    lines = [
        f"Figure:      {folder / CURVES_FILE}",
        f"Report:      {path}",
        f"TensorBoard: {shlex.join([_tensorboard(), '--logdir', model_dir])}",
    ]
    return "\n".join([table(curves, record.boundaries), "", *lines])


def _tensorboard() -> str:
    """The `tensorboard` that belongs to this Python: by its name where that is the one on PATH, else by its path."""
    program = Path(sys.executable).with_name("tensorboard")
    if shutil.which("tensorboard") == str(program):
        return "tensorboard"
    return os.path.relpath(program) if program.is_relative_to(Path.cwd()) else str(program)

"""The report of one run: its figure, its numbers, and how to see more of it."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from report.curves import read_curves
from report.numbers import table
from report.run_figure import draw


def report(model_dir: str, *, boundaries: Sequence[int], from_step: int) -> str:
    """Draws `model_dir/report.png`; returns what to print: the numbers, the figure's path, how to start TensorBoard.

    `boundaries` is empty where the schedule has none. Raises UserError where there is nothing to read or to draw, or
    the figure cannot be written.
    """
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

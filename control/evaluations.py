"""`evaluations.jsonl` in a model_dir: what each evaluation found, a line of JSON each, its global step among them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control import json_lines

FILE_NAME = "evaluations.jsonl"
_STEP = "step"


def append(model_dir: str, step: int, metrics: Mapping[str, float]) -> None:
    """Adds the evaluation at global step `step`, its metrics by name.

    Raises:
      UserError: the file cannot be written.
    """
    values = {name: float(value) for name, value in metrics.items()}
    json_lines.append(Path(model_dir) / FILE_NAME, {_STEP: int(step), **values})


def read(model_dir: str) -> dict[int, dict[str, float]]:
    """The metrics of each evaluation by global step; of several at a step, the last. None where there is no file.

    Lines that a crash has torn are left out.

    Raises:
      UserError: the file cannot be read.
    """
    entries = json_lines.read(Path(model_dir) / FILE_NAME)
    return dict(evaluation for entry in entries if (evaluation := _evaluation(entry)) is not None)


def _evaluation(entry: dict[str, Any]) -> tuple[int, dict[str, float]] | None:
    step = entry.pop(_STEP, None)
    try:
        return (step, {name: float(value) for name, value in entry.items()}) if type(step) is int else None
    except (ValueError, TypeError, ArithmeticError):
        return None

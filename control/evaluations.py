"""`evaluations.jsonl` in a model_dir: what each evaluation found, a line of JSON each, its global step among them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from settings import UserError

FILE_NAME = "evaluations.jsonl"
_STEP = "step"


def append(model_dir: str, step: int, metrics: Mapping[str, float]) -> None:
    """Adds the evaluation at global step `step`, its metrics by name.

    Raises:
      UserError: the file cannot be written.
    """
    path = Path(model_dir) / FILE_NAME
    values = {name: float(value) for name, value in metrics.items()}
    line = json.dumps({_STEP: int(step), **values}).encode() + b"\n"
    try:
        with path.open("a+b") as file:
            if _is_torn(file):
                line = b"\n" + line
            file.write(line)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}); make room, or make it writable") from error


def read(model_dir: str) -> dict[int, dict[str, float]]:
    """The metrics of each evaluation by global step; of several at a step, the last. None where there is no file.

    Lines that a crash has torn are left out.

    Raises:
      UserError: the file cannot be read.
    """
    path = Path(model_dir) / FILE_NAME
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); make it readable, or move it away") from error
    return dict(evaluation for line in lines if (evaluation := _parse(line)) is not None)


def _is_torn(file: IO[bytes]) -> bool:
    """Whether the last line has no end: its writer was killed."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _parse(line: bytes) -> tuple[int, dict[str, float]] | None:
    try:
        values = json.loads(line)
        step = values.pop(_STEP)
        return (step, {name: float(value) for name, value in values.items()}) if type(step) is int else None
    except (ValueError, TypeError, AttributeError, KeyError, ArithmeticError, RecursionError):
        return None

"""`rollbacks.jsonl` in a model_dir: each time that a diverged run went back to a checkpoint, a line of JSON."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control import json_lines

FILE_NAME = "rollbacks.jsonl"


@dataclasses.dataclass(frozen=True)
class Rollback:
    """Global steps: of the loss that was no number, and of the checkpoint that the run went back to."""

    diverged_at: int
    back_to: int


def append(model_dir: str, rollback: Rollback) -> None:
    """Adds one.

    Raises:
      UserError: the file cannot be written.
    """
    json_lines.append(Path(model_dir) / FILE_NAME, dataclasses.asdict(rollback))


def read(model_dir: str) -> list[Rollback]:
    """Those of the run over all its starts, in their order."""
    entries = json_lines.read(Path(model_dir) / FILE_NAME)
    return [Rollback(**entry) for entry in entries if _is_one(entry)]


def _is_one(entry: Mapping[str, Any]) -> bool:
    names = {field.name for field in dataclasses.fields(Rollback)}
    return set(entry) == names and all(type(step) is int for step in entry.values())

"""`best/` in a model_dir: the checkpoint with the best metric so far, whatever becomes of the others."""

import dataclasses
import json
import math
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checkpoints import files, reading
from control.files import write_atomically
from settings import UserError

BEST = "best"
FILE_NAME = "best.json"
LONGEST = 65536
_COPY = "unfinished"
_OURS = re.compile(rf"model\.ckpt-|{_COPY}$|\.(?:{files.STATE}|{re.escape(FILE_NAME)})\.\d+$")


@dataclasses.dataclass(frozen=True)
class Best:
    """What was the best so far: `value` is of `metric`, one of `metrics`; `checkpoint` is its name in BEST."""

    step: int
    metric: str
    value: float
    metrics: dict[str, float]
    checkpoint: str


def keep_best(
    model_dir: str, prefix: str, *, step: int, metrics: Mapping[str, float], metric: str, lower_is_better: bool
) -> bool:
    """Copies a checkpoint into `best/` where its `metric` is strictly better than of the one there, and says whether.

    What is not finite is never better. Whoever is killed at any instant leaves the old best or the new one.

    Raises:
      UserError: it cannot be copied whole.
    """
    folder = Path(model_dir, BEST)
    before, value = read_best(model_dir), float(metrics[metric])
    try:
        if before is not None and files.in_use(str(folder)) != [before.checkpoint]:
            # Someone was killed just before this.
            _switch(folder, before.checkpoint)
        if not _is_better(value, before.metrics.get(metric) if before else None, lower_is_better=lower_is_better):
            return False
        name = _copy(prefix, folder)
        numbers = {other: float(number) for other, number in metrics.items()}
        best = Best(step=int(step), metric=metric, value=value, metrics=numbers, checkpoint=name)
        write_atomically(folder / FILE_NAME, json.dumps(dataclasses.asdict(best), indent=2) + "\n")
        _switch(folder, name)
    except OSError as error:
        files.remove([folder / _COPY])
        raise UserError(
            f"cannot copy the best checkpoint, {prefix}, to {folder} ({error.strerror}); make room, or make it writable"
        ) from error
    return True


def read_best(model_dir: str) -> Best | None:
    """The best checkpoint so far; None where there is none, or what is there makes no sense."""
    folder = Path(model_dir, BEST)
    try:
        with (folder / FILE_NAME).open("rb") as file:
            content = file.read(LONGEST + 1)
        best = _parse(content) if len(content) <= LONGEST else None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return None
    return best if best is not None and (folder / (best.checkpoint + files.INDEX)).is_file() else None


def _parse(content: bytes) -> Best:
    fields: dict[str, Any] = json.loads(content)
    best = Best(**{**fields, "metrics": {name: float(value) for name, value in fields["metrics"].items()}})
    if type(best.step) is not int or best.metrics[best.metric] != best.value or not math.isfinite(best.value):
        raise ValueError("not a best checkpoint")
    if files.NAME.fullmatch(best.checkpoint) is None:
        raise ValueError("not the name of a checkpoint")
    return best


def _is_better(value: float, other: float | None, *, lower_is_better: bool) -> bool:
    if not math.isfinite(value):
        return False
    if other is None or not math.isfinite(other):
        return True
    return value < other if lower_is_better else value > other


def _copy(prefix: str, folder: Path) -> str:
    """Copies a checkpoint whole, or not at all. Returns its name there, which is not of one in use: that may be of this
    step, and its files cannot be replaced all at once."""
    source = os.path.basename(prefix)
    used = (files.in_use(str(folder)) or [])[-1:]
    name = next(free for free in (source, f"{source}-2") if free not in used)
    copy = folder / _COPY
    files.remove([copy])
    copy.mkdir(parents=True)
    for path in files.files_of(prefix):
        _copy_file(path, copy / (name + path.name.removeprefix(source)))
    why = reading.why_unreadable(str(copy / name))
    if why is not None:
        files.remove([copy])
        raise UserError(f"cannot copy the best checkpoint, {prefix}: {why}; give a larger --keep_checkpoints")
    files.remove(files.files_of(str(folder / name)))
    for path in files.files_of(str(copy / name)):
        path.replace(folder / path.name)
    return name


def _copy_file(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _switch(folder: Path, name: str) -> None:
    """Makes TensorFlow use this checkpoint, and removes the one before it and what killed processes have left."""
    files.use(str(folder), [name])
    old = [path for path in folder.iterdir() if _OURS.match(path.name)]
    files.remove({*old} - {*files.files_of(str(folder / name))})

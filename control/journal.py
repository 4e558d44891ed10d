"""`learning_rate_changes.json` in a model_dir: which changes of the learning rate took effect, when, and by whom.

It is what a run that goes on from an older checkpoint reads, so that what people asked for is not lost with the steps.
"""

import dataclasses
import enum
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from control.files import read_bytes, write_atomically
from control.state import State
from settings import UserError
from settings.compute import LARGEST

FILE_NAME = "learning_rate_changes.json"


class Source(enum.Enum):
    PERSON = "person"
    PLATEAU = "plateau"
    ROLLBACK = "rollback"


@dataclasses.dataclass(frozen=True)
class Change:
    """From the update that begins at global step `step` on, `state` is in force: `who` asked for `what`."""

    step: int
    state: State
    who: str
    what: str
    source: Source


def read(model_dir: str) -> list[Change]:
    """The changes of the run in `model_dir`, by step; none where there is no file.

    Raises:
      UserError: the file cannot be read.
    """
    path = Path(model_dir) / FILE_NAME
    try:
        entries = json.loads(read_bytes(path))
        if not isinstance(entries, list):
            raise ValueError("not a list")
        return [_change(entry) for entry in entries]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{path} cannot be read ({error!s:.200}); restore it, or move it away to go on without the changes made"
            " by hand"
        ) from error


def write(model_dir: str, changes: Iterable[Change]) -> None:
    """Puts `changes` in place of those in the file, all or none.

    Raises:
      UserError: the file cannot be written.
    """
    path = Path(model_dir) / FILE_NAME
    entries = [{**dataclasses.asdict(change), "source": change.source.value} for change in changes]
    try:
        write_atomically(path, json.dumps(entries, indent=2, allow_nan=False) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}); make room, or make it writable") from error


def pending(changes: Iterable[Change], *, step: int) -> list[Change]:
    """What a run that goes on from the checkpoint of global step `step` must do again, each at its own step.

    These are the later changes by people and by rollbacks. Those by a plateau are not: the evaluations to come decide
    them anew.
    """
    return [change for change in changes if change.source is not Source.PLATEAU and change.step > step]


def record(changes: Sequence[Change], change: Change) -> list[Change]:
    """`changes` with a new one in its place by step.

    It replaces those at its step, which no update used, and later ones, which are of before the run went back to an
    older checkpoint. Only, a plateau does not replace what people asked for: that is still `pending`. A pending change
    that is made again stands in `changes` already, and is not to be recorded a second time.
    """
    kept = [
        other
        for other in changes
        if other.step < change.step or (change.source is Source.PLATEAU and other.source is not Source.PLATEAU)
    ]
    return sorted([*kept, change], key=lambda each: each.step)


def _change(entry: dict[str, Any]) -> Change:
    rate, factor, plateau = (entry["state"][name] for name in ("rate", "factor", "plateau"))
    if type(entry["step"]) is not int or entry["step"] < 0:
        raise ValueError(f"step {entry['step']!r:.40}")
    for number in (factor, plateau) if rate is None else (rate, factor, plateau):
        if type(number) not in (int, float) or not 0 < number <= LARGEST:
            raise ValueError(f"state {entry['state']!r:.80}")
    # They are printed on terminals.
    if not all(isinstance(text, str) and text.isprintable() for text in (entry["who"], entry["what"])):
        raise ValueError(f"who {entry['who']!r:.40}, what {entry['what']!r:.40}")
    return Change(
        step=entry["step"],
        state=State(rate=rate, factor=factor, plateau=plateau),
        who=entry["who"],
        what=entry["what"],
        source=Source(entry["source"]),
    )

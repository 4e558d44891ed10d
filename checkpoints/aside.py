"""Checkpoints that are not to be used: renamed, never removed."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from checkpoints import files, reading
from settings import UserError

_ASIDE = "set-aside"


def newest_readable(model_dir: str, *, tell: Callable[[str], None] = print) -> str | None:
    """The newest checkpoint of which every tensor can be read; from here on TensorFlow goes on from it, too.

    Newer ones are set aside, with a line each to `tell`: which file, what is wrong, what is used instead. The file
    `checkpoint` is written anew where it is missing, damaged or names one of those. For the process that trains alone:
    it also removes what killed saves have left. To look without touching, use `examine`.

    Raises:
      UserError: a file cannot be renamed or written.
    """
    files.remove(files.unfinished(model_dir))
    found = reading.examine(model_dir)
    state = os.path.join(model_dir, files.STATE)
    state_is_useless = files.in_use(model_dir) is None and (found.good is not None or os.path.exists(state))
    if found.broken or state_is_useless:
        moved = set_aside(model_dir, [each.prefix for each in found.broken])
        for line in _lines(found, moved) or [f"{state} is missing or damaged; {_instead(found)}"]:
            tell(line)
    return found.good


def set_aside(model_dir: str, prefixes: Iterable[str]) -> dict[str, str]:
    """Takes these checkpoints out of use, and renames their files. Returns the new prefix of each that had files.

    The file `checkpoint` then names the others that were in use, the newest of them being the one to go on from. Where
    there is no other, it is renamed as well: a run would start at its first step.

    Raises:
      UserError: a file cannot be renamed or written.
    """
    prefixes = list(prefixes)
    try:
        # In this order, so that whoever is killed between leaves a state that TensorFlow can go on from.
        _leave_out(model_dir, {os.path.basename(prefix) for prefix in prefixes})
        return {prefix: aside for prefix in prefixes if (aside := _rename(prefix)) is not None}
    except OSError as error:
        raise UserError(
            f"cannot set a checkpoint aside in {model_dir} ({error.strerror}); make room, or make it writable"
        ) from error


def _leave_out(model_dir: str, names: set[str]) -> None:
    others = [name for name in files.newest_first(model_dir) if name not in names]
    others = [name for name in others if os.path.exists(os.path.join(model_dir, name + files.INDEX))]
    if others:
        newest, *older = others
        used = files.in_use(model_dir)
        # The Saver counts, and removes in time, what is named here; what was kept apart from that stays so.
        files.use(model_dir, [*(name for name in reversed(older) if used is None or name in used), newest])
    else:
        _rename_file(Path(model_dir, files.STATE))


def _rename(prefix: str) -> str | None:
    """The new prefix of a checkpoint; None where it has no files."""
    folder, name = os.path.split(prefix)
    found = files.files_of(prefix)
    aside = next(free for free in _names(name) if not files.files_of(os.path.join(folder, free)))
    for path in found:
        path.rename(path.with_name(aside + path.name.removeprefix(name)))
    return os.path.join(folder, aside) if found else None


def _rename_file(path: Path) -> None:
    if path.exists():
        path.rename(next(free for name in _names(path.name) if not (free := path.with_name(name)).exists()))


def _names(name: str) -> Iterator[str]:
    """What a file can be renamed to; the first that is free is taken, since one may be there of an earlier time."""
    yield f"{_ASIDE}-{name}"
    yield from (f"{_ASIDE}-{count}-{name}" for count in itertools.count(2))


def _lines(found: reading.Examination, moved: Mapping[str, str]) -> list[str]:
    return [
        f"checkpoint {each.prefix} cannot be read: {each.why}; "
        + (f"it is set aside as {os.path.basename(moved[each.prefix])}; " if each.prefix in moved else "")
        + _instead(found)
        for each in found.broken
    ]


def _instead(found: reading.Examination) -> str:
    if found.good is None:
        return "no other is left that could be read"
    return f"{os.path.basename(found.good)} is used"

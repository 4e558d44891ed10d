"""The files of checkpoints in a folder, and the file `checkpoint` that says which of them are in use.

A checkpoint goes by its prefix, `FOLDER/model.ckpt-STEP`. Its files are `PREFIX.index`, `PREFIX.data-00000-of-00001`
and so on, and `PREFIX.meta`: the graph, which nobody needs to go on.
"""

import contextlib
import dataclasses
import errno
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorflow as tf

from control.files import write_atomically
from settings import UserError

STATE = "checkpoint"
INDEX = ".index"
# The second number is of a best checkpoint that follows one of the same step.
_TENSORS = re.compile(r"(model\.ckpt-(\d+)(?:-(\d+))?)\.(?:index|data-\d{5}-of-\d{5})")
NAME = re.compile(r"model\.ckpt-(\d+)(?:-(\d+))?")
# What is left of a save, or of `use`, that was killed or had no room.
_UNFINISHED = re.compile(
    r"model\.ckpt-\d+_temp|model\.ckpt-\d+\..*\.tempstate\d+"
    r"|(?:model\.ckpt-\d+\.meta|checkpoint|graph\.pbtxt)\.tmp[0-9a-f]{32}|\.checkpoint\.\d+"
)
# TensorFlow's errors end like this where it was the file system that failed; their types say little: one of them means
# the end of the examples elsewhere.
_REASONS = sorted({os.strerror(number) for number in errno.errorcode}, key=len, reverse=True)
_REFUSED = re.compile(rf"^(.*); ({'|'.join(map(re.escape, _REASONS))})", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Refused:
    """What the file system did not do: `reason`, in its own words, with `path`."""

    path: str
    reason: str


def refused(message: str) -> Refused | None:
    """Reads an error of TensorFlow; None where it was not the file system that failed."""
    match = _REFUSED.search(message)
    return Refused(path=match[1], reason=match[2]) if match else None


def newest_first(folder: str) -> list[str]:
    """Names of the checkpoints in `folder`, newest first; also of those of which a file is missing.

    The newest is what STATE says, even where nothing is left of it. Later ones come last of all: their saving was not
    finished, or the run has gone back to before them.
    """
    names = {match[1] for entry in _entries(folder) if (match := _TENSORS.fullmatch(entry))}
    used = in_use(folder)
    newest = used[-1] if used else None
    if newest is None:
        return sorted(names, key=_order, reverse=True)
    if newest not in names:
        return [newest, *sorted(names, key=_order, reverse=True)]
    earlier = {name for name in names if _order(name) <= _order(newest)}
    return [name for part in (earlier, names - earlier) for name in sorted(part, key=_order, reverse=True)]


def prefix_of(folder: str, step: int) -> str:
    """The prefix that a run saves the checkpoint of a global step under."""
    return os.path.join(folder, f"model.ckpt-{step}")


def all_of(folder: str) -> list[str]:
    """Prefixes of the checkpoints in `folder`, readable or not, newest first."""
    return [os.path.join(folder, name) for name in newest_first(folder)]


def later_than(prefix: str) -> list[str]:
    """Prefixes of the checkpoints beside this one that are of later steps, readable or not."""
    folder, name = os.path.split(prefix)
    return [other for other in all_of(folder) if _order(os.path.basename(other)) > _order(name)]


def earlier_than(prefix: str) -> list[str]:
    """Prefixes of the checkpoints beside this one that are of earlier steps, readable or not, newest first."""
    folder, name = os.path.split(prefix)
    return [other for other in all_of(folder) if _order(os.path.basename(other)) < _order(name)]


def in_use(folder: str) -> list[str] | None:
    """Names of the checkpoints that STATE names, the newest last; None where it is missing or makes no sense."""
    try:
        state = tf.train.get_checkpoint_state(folder)
    except (ValueError, tf.errors.OpError):
        return None
    if state is None:
        return None
    newest = _name(folder, state.model_checkpoint_path)
    if newest is None:
        return None
    older = (_name(folder, path) for path in state.all_model_checkpoint_paths)
    return [*(name for name in older if name is not None and name != newest), newest]


def use(folder: str, names: Sequence[str]) -> None:
    """Makes STATE name these checkpoints, the newest last, as TensorFlow does it: relative to `folder`, without times.

    Raises:
      OSError: it cannot be written.
    """
    # Names are taken to be relative to the working directory where the folder is.
    state = tf.compat.v1.train.generate_checkpoint_state_proto(os.path.abspath(folder), names[-1], list(names))
    write_atomically(Path(folder) / STATE, str(state))


def files_of(prefix: str) -> list[Path]:
    """All files of a checkpoint, by name."""
    folder, name = os.path.split(prefix)
    return sorted(
        Path(folder, entry)
        for entry in _entries(folder)
        if entry.startswith(f"{name}.") and not _UNFINISHED.fullmatch(entry)
    )


def remove(paths: Iterable[Path]) -> None:
    """Removes files and folders, as far as it can."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def unfinished(folder: str) -> list[Path]:
    """What saves that were killed, or had no room, have left in `folder`. Nothing reads it, and nothing removes it."""
    return [Path(folder, entry) for entry in _entries(folder) if _UNFINISHED.fullmatch(entry)]


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"cannot read the folder {folder} ({error.strerror}); make it readable") from error


def _name(folder: str, path: str) -> str | None:
    """The name of a checkpoint; None where it is no such name, or `path` is elsewhere: the run has been moved."""
    name = os.path.basename(path)
    here = os.path.abspath(path) == os.path.abspath(os.path.join(folder, name))
    return name if here and NAME.fullmatch(name) else None


def _order(name: str) -> tuple[int, int]:
    match = NAME.fullmatch(name)
    assert match
    return int(match[1]), int(match[2] or 0)

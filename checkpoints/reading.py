"""Which checkpoints can be read. Nothing here changes a file."""

import collections
import contextlib
import dataclasses
import errno
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from checkpoints import files
from settings import UserError

# What the reader raises depends on what is wrong, and is not only TensorFlow's.
ERRORS = (tf.errors.OpError, ValueError, LookupError, RuntimeError)
_SHARD = re.compile(r" shard (\d+) ")


@dataclasses.dataclass(frozen=True)
class Broken:
    """A checkpoint that cannot be read, and why: which file, and what is wrong with it."""

    prefix: str
    why: str


@dataclasses.dataclass(frozen=True)
class Examination:
    """The newest checkpoint that can be read, if any, and those that would have been used rather than it."""

    good: str | None
    broken: tuple[Broken, ...]


def examine(model_dir: str) -> Examination:
    """Reads every tensor of the newest checkpoint, of the one before it where that fails, and so on.

    Raises:
      UserError: the file system refuses to read; `model_dir` has a name in which TensorFlow cannot find checkpoints.
    """
    # It takes the name for a pattern. All checkpoints there would seem to be broken.
    if "[" in model_dir or "\\" in model_dir:
        raise UserError(f"TensorFlow cannot find checkpoints in {model_dir}; give a --model_dir without [ and \\")
    broken: list[Broken] = []
    for prefix in files.all_of(model_dir):
        why = why_unreadable(prefix)
        if why is None:
            return Examination(prefix, tuple(broken))
        broken.append(Broken(prefix, why))
    return Examination(None, tuple(broken))


def newest_finite(model_dir: str, *, before: str | None = None) -> str | None:
    """The newest checkpoint in `model_dir`, or one older than `before`, whose every number can be read and is finite.

    The newest of all may not be: where an update makes a weight infinite, the loss only says so one step later.

    Raises:
      UserError: the file system refuses to read.
    """
    prefixes = files.all_of(model_dir) if before is None else files.earlier_than(before)
    return next((prefix for prefix in prefixes if why_unreadable(prefix) is None and _is_finite(prefix)), None)


def global_step(prefix: str) -> int:
    """The global step that a checkpoint is of.

    Raises:
      UserError: it cannot be read, or has none.
    """
    try:
        return int(tf.train.load_variable(prefix, tf.compat.v1.GraphKeys.GLOBAL_STEP))
    except ERRORS as error:
        why = why_unreadable(prefix) or "it holds no global step"
        raise UserError(f"cannot use the checkpoint {prefix}: {why}; give one that a training run has saved") from error


def why_unreadable(prefix: str) -> str | None:
    """Which file of a checkpoint is missing or damaged, and how; None where every tensor can be read.

    Reading checks a checksum of each tensor. Of an index in several parts it leaves out, unnoticed, those that are
    damaged; so the tensors must also take up the data files, byte for byte.

    Raises:
      UserError: the file system refuses to read.
    """
    index = os.path.basename(prefix) + files.INDEX
    found = files.files_of(prefix)
    if not found:
        return "all its files are gone"
    try:
        os.stat(prefix + files.INDEX)
    except FileNotFoundError:
        return f"{index} is missing"
    except OSError as error:
        raise _not_readable(prefix + files.INDEX, os.strerror(error.errno or 0)) from error
    data = [path for path in found if ".data-" in path.name]
    try:
        reader = tf.train.load_checkpoint(prefix)
        names = reader.get_variable_to_shape_map()
    except ERRORS as error:
        _refuse_other_reasons(error)
        return f"{index} is damaged"
    try:
        size = sum(_size(reader.get_tensor(name)) for name in names)
    except ERRORS as error:
        _refuse_other_reasons(error)
        return _what_is_wrong(data, str(error))
    there = _sizes(data)
    return None if size in there else f"{index} is damaged: it is of {size} bytes of data, and there are {max(there)}"


def _what_is_wrong(data: list[Path], error: str) -> str:
    """With the file that an error of reading a tensor is about, as far as it tells."""
    missing = files.refused(error)
    if missing is not None:
        return f"{os.path.basename(missing.path)} is missing"
    shard = _SHARD.search(error)
    about = [path.name for path in data if shard is None or f".data-{int(shard[1]):05}-of-" in path.name]
    name = about[0] if len(about) == 1 else f"one of {' and '.join(about)}"
    return f"{name} is {'damaged' if 'checksum' in error.lower() else 'cut short'}"


def _refuse_other_reasons(error: Exception) -> None:
    """Not being allowed to read, say, is no damage: it is not to make a run go back to an older checkpoint."""
    refused = files.refused(str(error))
    if refused is not None and refused.reason != os.strerror(errno.ENOENT):
        raise _not_readable(refused.path, refused.reason) from error


def _not_readable(path: str, reason: str) -> UserError:
    return UserError(f"cannot read {path} ({reason}); make it readable, or move it away")


def _sizes(data: list[Path]) -> set[int]:
    """Of the data files together. Where a run went on with other devices, files of an earlier division may be left."""
    sizes: collections.Counter[str] = collections.Counter()
    for path in data:
        with contextlib.suppress(FileNotFoundError):
            sizes[path.name.rpartition("-of-")[2]] += path.stat().st_size
    return set(sizes.values()) or {0}


def _size(tensor: Any) -> int:
    """How many bytes of data file a tensor takes. Strings stand after their lengths and a checksum of these."""
    if isinstance(tensor, bytes):
        strings = [tensor]
    elif tensor.dtype == object:
        strings = tensor.ravel()
    else:
        return tensor.nbytes
    return 4 + sum(len(string) + max(1, -(-len(string).bit_length() // 7)) for string in strings)


def _is_finite(prefix: str) -> bool:
    reader = tf.train.load_checkpoint(prefix)
    numbers = (
        np.asarray(reader.get_tensor(name))
        for name, kind in reader.get_variable_to_dtype_map().items()
        if kind.is_floating
    )
    return all(np.isfinite(array).all() for array in numbers)

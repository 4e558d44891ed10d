"""Folders that are written whole or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from settings import UserError


@contextlib.contextmanager
def written_whole(folder: str) -> Iterator[Path]:
    """A folder to write to beside `folder`, which takes that name at the end, or is removed where an error ends it.

    Raises:
      UserError: `folder` exists, or cannot be written.
    """
    if os.path.lexists(folder or "."):
        raise UserError(f"the folder {folder!r} exists already; give the name of a new one, or remove it first")
    # Beside it, and so on the same disk, where a change of names is one step.
    unfinished = Path(folder).with_name(f"{name(folder)}.{secrets.token_hex(4)}.tmp")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(folder)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the folder {folder!r}: {reason}; give one that can be written") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def name(folder: str) -> str:
    """The last part of a folder's path."""
    return Path(folder).name

"""Writes a file so that a reader, on this host or another, sees all of it or nothing."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Puts `text` at `path` in one step, by way of a hidden file `.NAME.PID` beside it.

    Raises:
      OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        # Else a machine that loses power may keep the new name and not what it names.
        os.fsync(file.fileno())
    os.replace(temporary, path)

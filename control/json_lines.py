"""Files that grow by a line of JSON at a time. A line that a crash has torn is left out, and harms no other."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from control.files import read_bytes
from settings import UserError


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Adds a line.

    Raises:
      UserError: the file cannot be written.
    """
    line = json.dumps(dict(entry)).encode() + b"\n"
    try:
        with path.open("a+b") as file:
            if _is_torn(file):
                line = b"\n" + line
            file.write(line)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}); make room, or make it writable") from error


def read(path: Path) -> list[dict[str, Any]]:
    """The entries in their order; none where there is no file.

    Raises:
      UserError: the file cannot be read.
    """
    try:
        lines = read_bytes(path).split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); make it readable, or move it away") from error
    return [entry for line in lines if isinstance(entry := _parse(line), dict)]


def _is_torn(file: IO[bytes]) -> bool:
    """Whether the last line has no end: its writer was killed."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None

"""Files written whole or not at all: a reader, or a kill in between, never meets half of one."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from settings import UserError


def write_png(picture: Figure, path: str) -> None:
    """Writes the figure to `path` as a PNG. Raises UserError where it cannot be written."""
    _write_whole(path, lambda temporary: picture.savefig(temporary, format="png"), what="figure")


def write_text(text: str, path: str, *, what: str) -> None:
    """Writes `text`, a `what`, to `path` in UTF-8. Raises UserError where it cannot be written."""
    # A flag may hold what is no character, of a path say that is not in UTF-8.
    write_bytes(text.encode(errors="backslashreplace"), path, what=what)


def write_bytes(content: bytes, path: str, *, what: str) -> None:
    """Writes `content`, a `what`, to `path`. Raises UserError where it cannot be written."""
    _write_whole(path, lambda temporary: temporary.write_bytes(content), what=what)


def _write_whole(path: str, write: Callable[[Path], object], *, what: str) -> None:
    temporary = Path(f"{path}.{os.getpid()}.tmp")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the {what} {path!r}: {reason}; give a directory that can be written") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()

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


def write_text(text: str, path: str) -> None:
    """Writes `text` to `path`. Raises UserError where it cannot be written."""
    _write_whole(path, lambda temporary: temporary.write_text(text), what="table")


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

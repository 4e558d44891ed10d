"""Files of a run that more than one process uses."""

import contextlib
import errno
import os
import stat
from pathlib import Path

# Far more than a run writes, and little enough to hold in memory.
LONGEST = 64 * 2**20  # bytes


def read_bytes(path: Path) -> bytes:
    """What is in a file, at once: it waits for nobody.

    Raises:
      OSError: it cannot be read, is longer than LONGEST, or is not a regular file, a pipe say.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if status.st_size > LONGEST:
            raise OSError(errno.EFBIG, f"it is longer than {LONGEST:,} bytes", str(path))
        return file.read()


def write_atomically(path: Path, text: str) -> None:
    """Puts `text` at `path` so that a reader, on this host or another, sees all of it or nothing.

    It does so by way of a hidden file `.NAME.PID` beside it.

    Raises:
      OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Else a machine that loses power may keep the new name and not what it names.
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)

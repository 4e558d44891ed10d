"""The proof that tasks share a model_dir: a file in which one writes what the others look for."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from settings import UserError

NAME = "cluster.token"


@contextlib.contextmanager
def written(model_dir: str) -> Iterator[str]:
    """Makes `model_dir` and puts a new token there while the block runs, which has the token.

    Raises:
      UserError: it cannot be written.
    """
    path = Path(model_dir) / NAME
    token = secrets.token_hex(16)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, token)
    except OSError as error:
        raise UserError(
            f"cannot write {path} ({error.strerror}); give a --model_dir in which this task can write"
        ) from error
    try:
        yield token
    finally:
        if _read(path) == token:
            with contextlib.suppress(OSError):
                path.unlink()


def is_seen(model_dir: str, token: str) -> bool:
    """Whether the token stands in `model_dir` as this task sees it."""
    try:
        # Asked for one name alone, NFS goes on saying for half a minute that there is none.
        return NAME in os.listdir(model_dir) and _read(Path(model_dir) / NAME) == token
    except OSError:
        return False


def _write(path: Path, token: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISLNK(path.lstat().st_mode):
            raise OSError(errno.ELOOP, "it is a symbolic link")
    temporary = path.with_name(f".{NAME}.{token}")
    # Follows no link, and uses no file that is there.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "w") as file:
            file.write(token)
            file.flush()
            # Another host asks the file server, not this one's memory.
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _read(path: Path) -> str | None:
    """What the file says; None where it is no regular file that can be read. It waits for nobody."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return os.read(descriptor, 128).decode("ascii", "replace") if regular else None
        finally:
            os.close(descriptor)
    except OSError:
        return None

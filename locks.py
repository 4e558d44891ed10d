"""A lock that one process at a time holds on a file.

The lock is the kernel's (`flock`): the death of its holder, however sudden, frees it, and what stands in the file has
no say. That is a line of JSON about the holder, for the message to those who come second.

A program that the holder starts does not share the lock, because Python closes the file in it. A bare `os.fork` does:
its child keeps the lock of a parent that was killed until it ends too.
"""

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# What flock says where the file system has no locks, or none that work.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_LONGEST_CONTENT = 1024  # bytes
_LONGEST_TEXT = 255
_TRIES = 10
_LOOKS_FOR_A_NAME = 20
_SECONDS_BETWEEN_LOOKS = 0.05


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a lock, and since when (ISO, for people)."""

    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} of host {self.host}, since {self.since}"


class HeldError(Exception):
    """Another process has the lock. The message says which, in words to follow "held by"."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__(str(holder) if holder else "another process, whose name cannot be read")


@contextlib.contextmanager
def held(
    path: Path,
    *,
    since: str,
    tell: Callable[[str], None],
    before_waiting: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Holds the lock on the file `path`, in a folder that is there, while the block runs.

    Where another process has it, `before_waiting` is called with the words of `HeldError`, and this waits as long as
    that process holds it; without `before_waiting` it raises. A file system without locks is told of in one line, and
    the block runs all the same. The file stays, empty: whoever removes it while others wait for it would let two in.

    Raises:
      HeldError: another process has the lock.
      OSError: the file cannot be opened, or is not a regular one; links are not followed.
    """
    descriptor = _acquire(path, before_waiting)
    if descriptor is None:
        tell(f"The file system of {path.parent} has no locks: see to it that no other process uses it at once")
        yield
        return
    owner = os.getpid()
    try:
        _write(descriptor, {"host": socket.gethostname(), "pid": owner, "since": since})
        yield
    finally:
        # A forked child that leaves the block leaves the lock to its parent.
        if os.getpid() == owner:
            _write(descriptor, None)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _acquire(path: Path, before_waiting: Callable[[str], None] | None) -> int | None:
    """The open file, locked; None where there are no locks."""
    for _ in range(_TRIES):
        descriptor = _open(path)
        kept = False
        try:
            if not _lock(descriptor, before_waiting):
                return None
            # A file that was removed or replaced meanwhile is locked in vain: others open the new one.
            if kept := _is_at(path, descriptor):
                return descriptor
        finally:
            if not kept:
                os.close(descriptor)
    raise OSError(errno.ESTALE, "it is replaced again and again", str(path))


def _open(path: Path) -> int:
    try:
        # Neither follows a link nor waits for the other end of a pipe.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return descriptor


def _lock(descriptor: int, before_waiting: Callable[[str], None] | None) -> bool:
    """Locks the file; says whether its file system can."""
    try:
        # The lock is taken before the name is written and freed after it is wiped: without a name, look again.
        for _ in range(_LOOKS_FOR_A_NAME):
            if _lock_at_once(descriptor):
                return True
            if _read(descriptor):
                break
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    held = HeldError(_read(descriptor))
    if before_waiting is None:
        raise held
    before_waiting(str(held))
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return True


def _lock_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # EACCES is what SMB says of a file that is locked.
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write(descriptor: int, fields: dict[str, object] | None) -> None:
    """Puts who holds the lock into its file, or empties it. On a full disk the lock holds without."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        if fields:
            os.pwrite(descriptor, json.dumps(fields).encode() + b"\n", 0)


def _read(descriptor: int) -> Holder | None:
    """Who the file says holds the lock; None where it does not say so exactly as `_write` does."""
    try:
        content = os.pread(descriptor, _LONGEST_CONTENT + 1, 0)
        fields = json.loads(content.decode()) if len(content) <= _LONGEST_CONTENT else None
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or set(fields) != {"host", "pid", "since"}:
        return None
    texts = fields["host"], fields["since"]
    # They are printed on a terminal.
    plain = all(isinstance(text, str) and text.isprintable() and 0 < len(text) <= _LONGEST_TEXT for text in texts)
    return Holder(**fields) if plain and type(fields["pid"]) is int and fields["pid"] > 0 else None

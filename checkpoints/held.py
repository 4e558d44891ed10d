"""A copy of a checkpoint, for a reader that may be slower than the run which removes it."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator

from checkpoints import files, reading
from settings import UserError

# The second is what a file system of other hosts says of a file that one of them has removed.
_GONE = (errno.ENOENT, errno.ESTALE)


@contextlib.contextmanager
def held(prefix: str, folder: str) -> Iterator[str | None]:
    """The prefix of a copy in `folder` that stays for as long as the block runs; None where the checkpoint is gone.

    Raises:
      UserError: there is no room for it.
    """
    copy = os.path.join(folder, os.path.basename(prefix))
    try:
        yield copy if _copied(prefix, folder) and reading.why_unreadable(copy) is None else None
    finally:
        files.remove(files.files_of(copy))


def _copied(prefix: str, folder: str) -> bool:
    try:
        for path in files.files_of(prefix):
            shutil.copy(path, folder)
    except OSError as error:
        if error.errno in _GONE:
            return False
        raise UserError(
            f"cannot copy {prefix} to {folder} ({error.strerror}); make room there, or have TMPDIR name another place"
        ) from error
    return True

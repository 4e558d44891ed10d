"""`run.lock` in a model_dir: no two runs write into it at once. Who holds it, until when, is in `locks`."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import locks
from settings import UserError

FILE_NAME = "run.lock"


@contextlib.contextmanager
def held(model_dir: str, *, now: str, tell: Callable[[str], None] = print) -> Iterator[None]:
    """Keeps `model_dir`, a folder that is there, to this process while the block runs.

    `now` (ISO) is what a second run is told as the beginning of this one. Of several processes that train together
    only one, the chief, may ask for the lock. A process that died, on whatever host, holds it no longer. Where the file
    system has no locks, `tell` is called with one line, and the block runs all the same.

    Raises:
      UserError: another run has `model_dir`; the file in it cannot be opened.
    """
    path = Path(model_dir) / FILE_NAME
    # The block's own errors pass as they are.
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.held(path, since=now, tell=tell))
        except locks.HeldError as error:
            raise UserError(
                f"--model_dir={model_dir} is in use by another run ({error}); wait for it or end it, or give another"
                " --model_dir"
            ) from error
        except OSError as error:
            raise UserError(
                f"cannot lock --model_dir={model_dir} by its {FILE_NAME} ({error.strerror}); remove that file where it"
                " is no lock file, or give a directory that you may write to"
            ) from error
        yield

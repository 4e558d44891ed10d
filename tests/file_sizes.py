"""A file system that takes no more of a file."""

import contextlib
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def limited(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes.

    For the inside of a test alone: around it pytest writes its own lines, perhaps to a file that is longer already.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

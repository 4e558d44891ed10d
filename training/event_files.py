"""What becomes of event files whose file system takes no more."""

import contextlib
import logging
import threading
from collections.abc import Iterator

import tensorflow as tf

import checkpoints
from settings import UserError


@contextlib.contextmanager
def closed_in_the_end() -> Iterator[None]:
    """Closes all event files after the block: a session that ends by an error leaves them open.

    Raises:
      UserError: one cannot be written, in the block or when it is closed. TensorFlow itself raises various errors then,
        and logs and prints those of its writing threads.
    """
    printing, threading.excepthook = threading.excepthook, _say_nothing_of_full_disks
    logger = logging.getLogger("tensorflow")
    logger.addFilter(_is_not_of_a_full_disk)
    try:
        with _told():
            try:
                yield
            finally:
                tf.compat.v1.summary.FileWriterCache.clear()
    finally:
        threading.excepthook = printing
        logger.removeFilter(_is_not_of_a_full_disk)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (tf.errors.OpError, RuntimeError, IndexError) as error:
        if isinstance(error.__context__, UserError):
            # Closing has failed for the same reason, which is told already.
            raise error.__context__ from None
        refused = checkpoints.refused(str(error))
        if refused is None:
            raise
        raise UserError(
            f"cannot write {refused.path} ({refused.reason}); make room there, or make it writable, and start again:"
            " the run goes on from its newest checkpoint"
        ) from error


def _say_nothing_of_full_disks(thread: threading.ExceptHookArgs) -> None:
    if checkpoints.refused(str(thread.exc_value)) is None:
        threading.__excepthook__(thread)


def _is_not_of_a_full_disk(record: logging.LogRecord) -> bool:
    return checkpoints.refused(record.getMessage()) is None

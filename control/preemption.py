"""Signals that tell a process to stop: from a person, a scheduler, a machine that is taken away."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from settings import Preempted

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Preemption:
    """What signals have asked of this process since `watched` began.

    A signal raises Preempted where the process stands. While `deferred` is set it is noted in `asked` and no more:
    whoever set it looks there, finishes what it is at, and ends in good order. `heeded`: that has begun.
    """

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self.deferred = False
        self.heeded = False

    def handle(self, number: int, frame: FrameType | None = None) -> None:
        """Takes a signal. A second SIGINT is not taken any more: it ends the process at once."""
        self.asked = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if not self.deferred:
            raise Preempted(f"stopped by {self.asked.name}")

    def ask(self) -> None:
        """Stops this process as a signal would, unless it stops already. For any thread."""
        if not self.asked and not self.heeded:
            os.kill(os.getpid(), signal.SIGTERM)

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """A stretch inside of a deferred one that can be left at any time.

        Raises:
          Preempted: at once, if a signal came before.
        """
        if self.asked:
            raise Preempted(f"stopped by {self.asked.name}")
        before, self.deferred = self.deferred, False
        try:
            yield
        finally:
            self.deferred = before


@contextlib.contextmanager
def watched() -> Iterator[Preemption]:
    """Takes SIGTERM, SIGINT and SIGUSR1 for as long as it lasts. For the main thread."""
    preemption = Preemption()
    before = {number: signal.signal(number, preemption.handle) for number in SIGNALS}
    try:
        yield preemption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""What several processes say, line by line on one standard output, each line behind its process's name."""

import os
import sys
import threading
from collections.abc import Sequence
from typing import BinaryIO

_COLORS = (36, 33, 32, 35, 34, 31)


class Output:
    """Standard output, shared line by line."""

    def __init__(self, names: Sequence[str], *, color: bool) -> None:
        self._lock = threading.Lock()
        width = max(map(len, names))
        self._prefixes = {
            name: f"\033[{_COLORS[number % len(_COLORS)]}m{name:<{width}} |\033[0m " if color else f"{name:<{width}} | "
            for number, name in enumerate(names)
        }

    def line(self, name: str, text: bytes) -> None:
        """Writes one line. Once nobody reads any more, it goes nowhere."""
        with self._lock:
            try:
                sys.stdout.buffer.write(self._prefixes[name].encode() + text + b"\n")
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def follow(self, name: str, said: BinaryIO) -> None:
        """Writes what a task says to its end. Of a bar that is drawn over and over, the last."""
        for line in said:
            self.line(name, line.rstrip().rpartition(b"\r")[2])

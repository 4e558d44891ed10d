"""Runs a program that trains, and stamps what it says: every program is timed by the same clock, from outside.

A program says `step 20 of 80 ...` or `step 20/80 ...` once the update of that step is done, and may tell facts, such as
`parameters 11181642`.
"""

import contextlib
import dataclasses
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from benchmarks.machine import ROOT
from benchmarks.watch import Sample, Watch, others_share

_STEP = re.compile(r"(?:^|\| )step (\d+)(?:/| of )")
_FACT = re.compile(r"([a-z_]+) (\d+(?:\.\d+)?)")
_LAST_LINES = 5
# What no program that is measured step by step comes near to, however busy the machine.
PATIENCE_SECONDS = 900.0
# Until a program that was asked to end is killed: it may have a checkpoint to write.
_SECONDS_TO_END = 60.0


class ProgramFailed(Exception):
    """A program ended before it had come as far as it should."""


@dataclasses.dataclass(frozen=True)
class Line:
    """What was said, and so many seconds after the command."""

    seconds: float
    text: str


@dataclasses.dataclass(frozen=True)
class Said:
    """What a program said and took. `started` is the clock of `samples` at the command."""

    lines: tuple[Line, ...]
    samples: tuple[Sample, ...]
    started: float

    def steps(self) -> dict[int, float]:
        """Seconds from the command to the end of each step that was told of."""
        found: dict[int, float] = {}
        for line in self.lines:
            step = step_of(line.text)
            if step is not None:
                found.setdefault(step, line.seconds)
        return found

    def facts(self) -> dict[str, float]:
        """Numbers by name."""
        matches = [_FACT.fullmatch(line.text) for line in self.lines]
        return {match[1]: float(match[2]) for match in matches if match}

    def peak_memory_mib(self) -> float:
        return max((sample.memory_mib for sample in self.samples), default=0.0)

    def usage(self, first: float, last: float, *, cores: int) -> Mapping[str, float]:
        """What was taken between two times, in seconds since the command."""
        between = [each for each in self.samples if first <= each.time - self.started <= last]
        found = {"others": others_share(between, cores=cores)}
        shares = [each.gpu_share for each in between if each.gpu_share is not None]
        memory = [each.gpu_memory_mib for each in between if each.gpu_memory_mib is not None]
        if shares and memory:
            found |= {"gpu_share": sum(shares) / len(shares), "gpu_memory_mib": max(memory)}
        return found


def step_of(text: str) -> int | None:
    """The step that a line tells of, if it does."""
    match = _STEP.search(text)
    return int(match[1]) if match else None


def run(
    command: list[str],
    *,
    until: Callable[[str], bool] | None = None,
    gpus: bool = False,
    patience: float | None = PATIENCE_SECONDS,
) -> Said:
    """Runs a command in the repository's root until it says a line that `until` is true of, then ends it.

    Without `until`, to its end. `gpus`: they are watched too.

    Raises:
      ProgramFailed: it ended before, ended badly, or took longer than `patience` seconds; with its last words.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors, _started(command, errors) as process:
        watch = Watch(process.pid, gpus=gpus)
        watch.start()
        impatience = threading.Timer(
            threading.TIMEOUT_MAX if patience is None else patience, _signal, [process, signal.SIGKILL]
        )
        impatience.daemon = True
        impatience.start()
        lines, reached = [], until is None
        assert process.stdout is not None
        for text in process.stdout:
            lines.append(Line(time.monotonic() - started, text.rstrip("\n")))
            if until and until(text):
                reached = True
                break
        watch.stop()
        impatience.cancel()
        if until is None:
            reached = process.wait() == 0
        if not reached:
            raise ProgramFailed(f"{' '.join(command)} ended early: {_last_words(errors, lines)}")
    return Said(tuple(lines), tuple(watch.samples), started)


@contextlib.contextmanager
def _started(command: list[str], errors: IO[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, process_group=0)
    try:
        yield process
    finally:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
        _signal(process, signal.SIGKILL)
        assert process.stdout is not None
        process.stdout.close()
        process.wait()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """To all that it has started, too: its process group is its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _last_words(errors: IO[str], lines: list[Line]) -> str:
    errors.seek(0)
    said = [line.strip() for line in errors if line.strip()] or [line.text for line in lines]
    return " / ".join(said[-_LAST_LINES:])

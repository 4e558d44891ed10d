"""What a program takes while it runs: memory, the GPU, and how much of the processor others have meanwhile."""

import dataclasses
import threading
import time
from collections.abc import Sequence

import psutil

from benchmarks.machine import nvidia_smi

_SECONDS_BETWEEN_LOOKS = 0.5
_MEBIBYTE = 2**20


@dataclasses.dataclass(frozen=True)
class Sample:
    """One look. `busy` and `own` are processor seconds so far: of all there is, and of the program.

    `gpu_share` is the part of the time in which the GPU was at work, from 0 to 1.
    """

    time: float
    memory_mib: float
    busy: float
    own: float
    gpu_share: float | None
    gpu_memory_mib: float | None


class Watch(threading.Thread):
    """Looks at a process and its children again and again, until `stop`."""

    def __init__(self, pid: int, *, gpus: bool):
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._gpus = gpus
        self._ended = threading.Event()
        self._own: dict[int, float] = {}
        self.samples: list[Sample] = []

    def run(self) -> None:
        while True:
            self._look()
            if self._ended.wait(_SECONDS_BETWEEN_LOOKS):
                return

    def stop(self) -> None:
        """Looks once more, and ends."""
        self._ended.set()
        self.join()
        self._look()

    def _look(self) -> None:
        memory = 0.0
        try:
            for process in [self._process, *self._process.children(recursive=True)]:
                # Of memory that processes share each has its part.
                memory += process.memory_full_info().pss / _MEBIBYTE
                times = process.cpu_times()
                self._own[process.pid] = times.user + times.system
        except psutil.Error:
            pass  # It has ended meanwhile.
        gpu_share = gpu_memory = None
        if self._gpus:
            gpu_share, gpu_memory = _gpu_usage()
        self.samples.append(
            Sample(time.monotonic(), memory, _busy_seconds(), sum(self._own.values()), gpu_share, gpu_memory)
        )


def others_share(samples: Sequence[Sample], *, cores: int) -> float:
    """Which part of the processor other programs had between the first look and the last one, from 0 to 1."""
    if len(samples) < 2:
        return 0.0
    start, end = samples[0], samples[-1]
    others = (end.busy - start.busy) - (end.own - start.own)
    return max(others, 0.0) / ((end.time - start.time) * cores)


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def _gpu_usage() -> tuple[float | None, float | None]:
    """Of the first GPU, on which all programs train: the share of time at work, and memory in MiB."""
    try:
        share, memory = (float(each) for each in nvidia_smi("utilization.gpu,memory.used")[0].split(","))
    except (IndexError, ValueError):  # It has none, or does not say.
        return None, None
    return share / 100, memory

"""A model of what a step costs on 1 to 256 devices, from measured step time and gradient bytes.

Ring all-reduce: each of n devices sends and receives 2 (n - 1) / n times the gradient's bytes, in 2 (n - 1) messages
(Patarasuk, Yuan 2009, https://doi.org/10.1016/j.jpdc.2008.09.002).
"""

import dataclasses
import itertools
from collections.abc import Sequence

from benchmarks.results import Record
from benchmarks.stats import spread

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BYTES_OF_GRADIENT = 4  # float32, as variables and updates are in every precision.
# Backward is two of the three thirds of a step's arithmetic.
BACKWARD_SHARE = 2 / 3
# From where on a doubling of devices is no longer worth it: it makes a step less than this many times as fast.
WORTH_IT = 1.5
EFFICIENT = 0.9


@dataclasses.dataclass(frozen=True)
class Link:
    """What joins devices: bytes a second that each sends while it receives as many, and seconds a message takes."""

    name: str
    bandwidth: float
    latency: float


@dataclasses.dataclass(frozen=True)
class Links:
    """Devices of a node of `node_size` are joined by `inside`, nodes by `between`, which all of a node share."""

    inside: Link
    between: Link
    node_size: int

    def of_ring(self, devices: int) -> Link:
        """The slowest link of a ring over so many devices, which sets its pace. A ring enters each node once."""
        return self.inside if devices <= self.node_size else self.between


@dataclasses.dataclass(frozen=True)
class Device:
    """A step of `batch` examples takes `fixed_seconds` + `batch` * `seconds_per_image`."""

    name: str
    seconds_per_image: float
    fixed_seconds: float

    def seconds(self, batch: float) -> float:
        return self.fixed_seconds + batch * self.seconds_per_image


@dataclasses.dataclass(frozen=True)
class Job:
    """What is trained on what. `overlap`: the share of the backward pass beside which gradients can travel."""

    device: Device
    links: Links
    gradient_bytes: float
    overlap: float


def all_reduce_seconds(gradient_bytes: float, devices: int, link: Link) -> float:
    """Of a ring: 2 (n - 1) / n * bytes / bandwidth + 2 (n - 1) * latency; none for one device."""
    messages = 2 * (devices - 1)
    return messages / devices * gradient_bytes / link.bandwidth + messages * link.latency


def step_seconds(job: Job, devices: int, batch: float) -> float:
    """Of a step in which each device has `batch` examples: its computation, and the communication that shows."""
    computing = job.device.seconds(batch)
    communicating = all_reduce_seconds(job.gradient_bytes, devices, job.links.of_ring(devices))
    hidden = job.overlap * BACKWARD_SHARE * computing
    return computing + max(communicating - hidden, 0.0)


def efficiency(job: Job, devices: int, batch: float) -> float:
    """Of weak scaling: what a device does among so many, over what it does alone."""
    return step_seconds(job, 1, batch) / step_seconds(job, devices, batch)


def last_worth(job: Job, global_batch: int, counts: Sequence[int] = COUNTS) -> int:
    """How many devices may share a global batch until a doubling makes a step less than WORTH_IT times as fast.

    `counts` are doublings of each other, from 1.
    """
    times = [step_seconds(job, n, global_batch / n) for n in counts if n <= global_batch]
    for i, (now, doubled) in enumerate(itertools.pairwise(times)):
        if now / doubled < WORTH_IT:
            return counts[i]
    return counts[len(times) - 1]


def last_efficient(job: Job, batch: int, counts: Sequence[int] = COUNTS) -> int:
    """The most devices, each with `batch` examples, that are still EFFICIENT."""
    return max(n for n in counts if efficiency(job, n, batch) >= EFFICIENT)


def measured_device(record: Record) -> Device:
    """A line through the seconds a step over batch sizes (least squares); it does not fall below zero at none."""
    sizes = [float(size) for size in record.numbers]
    seconds = [
        size / spread(numbers["images_per_second"]).median
        for size, numbers in zip(sizes, record.numbers.values(), strict=True)
    ]
    mean_size, mean_seconds = sum(sizes) / len(sizes), sum(seconds) / len(seconds)
    slope = sum((x - mean_size) * (y - mean_seconds) for x, y in zip(sizes, seconds, strict=True))
    slope /= sum((x - mean_size) ** 2 for x in sizes)
    fixed = mean_seconds - slope * mean_size
    if fixed < 0:
        fixed, slope = 0.0, mean_seconds / mean_size
    return Device(record.device, slope, fixed)

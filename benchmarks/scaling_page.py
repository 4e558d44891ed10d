"""Writes scaling.md: the model of scaling.py over what has been measured, and over an assumed GPU.

python -m benchmarks.scaling_page
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import results
from benchmarks.commands import BATCH_SIZE
from benchmarks.results import Part, Record
from benchmarks.scaling import (
    BYTES_OF_GRADIENT,
    COUNTS,
    EFFICIENT,
    WORTH_IT,
    Device,
    Job,
    Link,
    Links,
    all_reduce_seconds,
    efficiency,
    last_efficient,
    last_worth,
    measured_device,
    step_seconds,
)
from benchmarks.sections import provenance, table

GLOBAL_BATCHES = (256, 1024, 4096)
OVERLAP = 0.5
# Assumptions: no GPU has been measured. Rates are what a ring sustains, not what a data sheet has.
ASSUMED_OPERATIONS_PER_SECOND = 20e12
ASSUMED_FIXED_SECONDS = 3e-3
ETHERNET = Link("10 Gbit/s Ethernet", bandwidth=1.1e9, latency=30e-6)
INFINIBAND = Link("200 Gbit/s InfiniBand", bandwidth=22e9, latency=10e-6)
NVLINK = Link("NVLink", bandwidth=150e9, latency=5e-6)
GPU_NODE = 8


def main() -> int:
    if not write(results.load()):
        needed = f"{Part.BATCH_SIZE.value},{Part.ROOFLINE.value}"
        print(f"error: nothing to go by; measure first: python -m benchmarks.run --only={needed}", file=sys.stderr)
        return 2
    return 0


def write(records: Sequence[Record], folder: Path = results.FOLDER) -> bool:
    """Writes scaling.md, if the time of a step and the size of the network have been measured; returns whether."""
    measured = [each for each in records if each.part is Part.BATCH_SIZE]
    facts = next((each.facts for each in records if "operations_per_image" in each.facts), None)
    if not measured or facts is None:
        return False
    text = page(measured, parameters=facts["parameters"], operations=facts["operations_per_image"])
    (folder / "scaling.md").write_text(text)
    return True


def page(measured: Sequence[Record], *, parameters: float, operations: float) -> str:
    """The whole page in Markdown. `measured`: records of Part.BATCH_SIZE; `operations` of an image, in training."""
    size = parameters * BYTES_OF_GRADIENT
    gpu = Device("an assumed GPU", operations / ASSUMED_OPERATIONS_PER_SECOND, ASSUMED_FIXED_SECONDS)
    on_cpus = Links(ETHERNET, ETHERNET, node_size=1)
    jobs = {
        f"{each.device}, {each.precision.value}, measured; {ETHERNET.name}": Job(
            measured_device(each), on_cpus, size, OVERLAP
        )
        for each in measured
    }
    for between in (INFINIBAND, ETHERNET):
        name = f"{gpu.name}; {NVLINK.name} inside nodes of {GPU_NODE}, {between.name} between them"
        jobs[name] = Job(gpu, Links(NVLINK, between, GPU_NODE), size, OVERLAP)
    parts = [_of_job(name, job) for name, job in jobs.items()]
    return "\n\n".join([_head(size), *parts, *(provenance(record) for record in measured)]) + "\n"


def _head(size: float) -> str:
    links = [
        [link.name, f"{link.bandwidth / 1e9:g}", f"{1e6 * link.latency:g}"] for link in (NVLINK, INFINIBAND, ETHERNET)
    ]
    return f"""# What a step costs on 1 to {COUNTS[-1]} devices

Written by `python -m benchmarks.scaling_page`. A model, not a measurement: only the time of a step on one machine of
those named as measured is. No GPU was at hand: what is said of one is assumed, as follows.

- A step of b examples on one device takes a + b c seconds. Measured: a line through the batch sizes of
  [RESULTS.md](RESULTS.md) (least squares). Assumed GPU: {ASSUMED_OPERATIONS_PER_SECOND / 1e12:g} TFLOP/s sustained,
  and {1000 * ASSUMED_FIXED_SECONDS:g} ms a step whatever its size.
- A ring sums gradients of {size / 1e6:.1f} MB (float32) in 2 (n - 1) / n times their size over the bandwidth, and
  2 (n - 1) messages, each with its latency. The slowest link of the ring sets the pace.
- A share of {OVERLAP:g} of the backward pass, which is two thirds of a step, hides communication; the rest is waited
  for.
- No device is slower than another, input and evaluation cost nothing, and networks are not shared with other jobs.

{table(["link", "GB/s, each way", "latency, us"], links)}

Scaling pays, by what is said below, up to {COUNTS[-1]} devices at most, the most that are looked at: with so many
examples on each, up to the last number of devices that is at least {EFFICIENT:.0%} efficient; with a global batch,
until a doubling of devices makes a step less than {WORTH_IT:g} times as fast."""


def _of_job(name: str, job: Job) -> str:
    head = [
        "devices",
        "all-reduce, ms",
        f"ms a step, {BATCH_SIZE} examples each",
        "efficiency",
        *(f"ms a step, global batch {each}" for each in GLOBAL_BATCHES),
    ]
    worth = ", ".join(f"{last_worth(job, each)} of global batch {each:,}" for each in GLOBAL_BATCHES)
    serial = Job(job.device, job.links, job.gradient_bytes, overlap=0.0)
    return f"""## {name[0].upper()}{name[1:]}

a = {1000 * job.device.fixed_seconds:.1f} ms, c = {1000 * job.device.seconds_per_image:.3f} ms.

{table(head, [_row(job, n) for n in COUNTS])}

Scaling pays up to {last_efficient(job, BATCH_SIZE)} devices of {BATCH_SIZE} examples each
({last_efficient(serial, BATCH_SIZE)} if nothing is hidden), and up to {worth}."""


def _row(job: Job, devices: int) -> list[str]:
    link = job.links.of_ring(devices)
    return [
        str(devices),
        f"{1000 * all_reduce_seconds(job.gradient_bytes, devices, link):.1f}",
        f"{1000 * step_seconds(job, devices, BATCH_SIZE):.1f}",
        f"{efficiency(job, devices, BATCH_SIZE):.0%}",
        *(f"{1000 * step_seconds(job, devices, batch / devices):.1f}" for batch in GLOBAL_BATCHES),
    ]


if __name__ == "__main__":
    sys.exit(main())

import dataclasses

import pytest

from benchmarks.results import Part
from benchmarks.scaling import (
    BACKWARD_SHARE,
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
from benchmarks.scaling_page import page, write
from tests.benchmarks.records import make_record, speeds

FAST, SLOW = Link("fast", bandwidth=100e9, latency=0.0), Link("slow", bandwidth=1e9, latency=0.0)
JOB = Job(Device("X", seconds_per_image=1e-3, fixed_seconds=0.0), Links(FAST, SLOW, node_size=8), 50e6, overlap=0.0)


def test_a_ring_sends_nearly_twice_the_gradient():
    link = Link("x", bandwidth=1e9, latency=1e-5)
    assert all_reduce_seconds(1e9, 1, link) == 0
    assert all_reduce_seconds(1e9, 2, link) == pytest.approx(1.0 + 2e-5)
    assert all_reduce_seconds(1e9, 4, link) == pytest.approx(1.5 + 6e-5)


def test_the_slowest_link_sets_the_pace():
    assert step_seconds(JOB, 8, 64) == pytest.approx(0.064 + 2 * 7 / 8 * 50e6 / 100e9)
    assert step_seconds(JOB, 16, 64) == pytest.approx(0.064 + 2 * 15 / 16 * 50e6 / 1e9)


def test_communication_hides_behind_a_share_of_backward():
    hidden = dataclasses.replace(JOB, overlap=0.5)
    travelling = 2 * 15 / 16 * 50e6 / 1e9
    assert step_seconds(hidden, 16, 64) == pytest.approx(0.064 + travelling - 0.5 * BACKWARD_SHARE * 0.064)
    # A step does not get shorter than its computation.
    assert step_seconds(hidden, 16, 640) == pytest.approx(0.64)


def test_scaling_pays_until_the_network_says_no():
    # Each device 64 examples: in a node 0.9 ms on top of 64, between nodes 94.
    assert efficiency(JOB, 8, 64) > 0.98
    assert last_efficient(JOB, 64) == 8
    # A global batch of 1,024: 1024 ms alone, 129 ms on 8, and 64 + 94 on 16.
    assert last_worth(JOB, 1024) == 8
    # No device has less than an example.
    assert last_worth(dataclasses.replace(JOB, gradient_bytes=0.0), 4) == 4


def test_a_device_is_a_line_through_what_was_measured():
    numbers = {str(size): speeds(size / (0.05 + 0.002 * size)) for size in (16, 64, 256)}
    device = measured_device(make_record(part=Part.BATCH_SIZE, numbers=numbers))
    assert device.fixed_seconds == pytest.approx(0.05)
    assert device.seconds_per_image == pytest.approx(0.002)


def test_no_batch_takes_no_less_than_no_time():
    numbers = {"16": speeds(160.0), "64": speeds(128.0)}
    device = measured_device(make_record(part=Part.BATCH_SIZE, numbers=numbers))
    assert device.fixed_seconds == 0
    assert device.seconds_per_image == pytest.approx((0.1 + 0.5) / (16 + 64))


def test_the_page_says_what_is_measured_and_what_assumed():
    numbers = {str(size): speeds(size / (0.05 + 0.002 * size)) for size in (16, 64, 256)}
    text = page([make_record(part=Part.BATCH_SIZE, numbers=numbers)], parameters=11_181_642, operations=1.9e9)
    assert "gradients of 44.7 MB" in text
    assert "## 2 cores of X, float32, measured; 10 Gbit/s Ethernet" in text
    assert text.count("## An assumed GPU") == 2
    assert "| 1 | 0.0 | 178.0 | 100% | 562.0 | 2098.0 | 8242.0 |" in text
    assert "by `python -m benchmarks.run --only=peers`" in text


def test_nothing_is_written_before_there_is_something_to_go_by(tmp_path):
    by_size = make_record(part=Part.BATCH_SIZE, numbers={"16": speeds(160.0), "64": speeds(200.0)}, facts={})
    assert not write([by_size], tmp_path)
    assert not write([make_record()], tmp_path)
    assert write([by_size, make_record()], tmp_path)
    assert "# What a step costs" in (tmp_path / "scaling.md").read_text()

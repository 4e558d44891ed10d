"""What a process holds of memory. The GPUs are stand-ins: their calls are TensorFlow's."""

import pytest
import tensorflow as tf

from hooks import memory
from summaries import tags

GIB = 2**30


@pytest.fixture
def gpus(monkeypatch):
    """Peak bytes by device; a call on a device without any fails, as TensorFlow's does where nothing is counted."""
    peaks: dict[str, int | None] = {}

    def info(device):
        if peaks[device] is None:
            raise ValueError("Allocator stats not available")
        return {"current": 0, "peak": peaks[device]}

    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: list(peaks) if kind == "GPU" else [])
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", info)
    monkeypatch.setattr(tf.config.experimental, "reset_memory_stats", lambda device: peaks.update({device: 0}))
    return peaks


def test_without_gpus_it_is_the_machines_alone():
    (tag,) = found = memory.held()
    assert tag == tags.MEMORY
    assert 0.01 < found[tag] < 100


def test_of_gpus_it_is_the_fullest_since_last_asked(gpus):
    gpus.update({"GPU:0": 3 * GIB, "GPU:1": 5 * GIB})
    assert memory.held()[tags.GPU_MEMORY] == 5
    gpus["GPU:0"] = GIB
    assert memory.held()[tags.GPU_MEMORY] == 1


def test_a_gpu_that_keeps_no_count_is_left_out(gpus):
    gpus.update({"GPU:0": None, "GPU:1": GIB})
    assert memory.held()[tags.GPU_MEMORY] == 1
    gpus["GPU:1"] = None
    assert tags.GPU_MEMORY not in memory.held()

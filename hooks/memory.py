"""How much memory a process holds."""

import contextlib

import psutil
import tensorflow as tf

from summaries import tags

_GIB = 2**30


def held() -> dict[str, float]:
    """GiB by tag: what this process holds of the machine's memory now and, with GPUs, what it has held of theirs.

    Of GPUs it is the most that tensors took at once on any one of them, since this was last asked.
    """
    peaks = [peak for number in range(len(tf.config.get_visible_devices("GPU"))) for peak in _peak(f"GPU:{number}")]
    on_gpus = {tags.GPU_MEMORY: max(peaks) / _GIB} if peaks else {}
    return {tags.MEMORY: psutil.Process().memory_info().rss / _GIB, **on_gpus}


def _peak(device: str) -> list[int]:
    """In bytes; none where the device's allocator keeps no count."""
    with contextlib.suppress(ValueError, tf.errors.OpError):
        peak = tf.config.experimental.get_memory_info(device)["peak"]
        tf.config.experimental.reset_memory_stats(device)
        return [peak]
    return []

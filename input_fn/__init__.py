"""Examples of a data set as batches of images: training batches in seeded order, evaluation batches exactly once."""

from input_fn.pipeline import InputFn, augmented, evaluation_input_fn, prefetched_to, training_input_fn
from input_fn.sources import DatasetInfo, Examples, count_if_prepared, describe, load

__all__ = [
    "DatasetInfo",
    "Examples",
    "InputFn",
    "augmented",
    "count_if_prepared",
    "describe",
    "evaluation_input_fn",
    "load",
    "prefetched_to",
    "training_input_fn",
]

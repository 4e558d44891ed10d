"""TensorBoard's HParams page, on which the runs of a parent directory are listed, sorted and filtered.

There is no experiment summary: without one, TensorBoard works out types and ranges of the hyper-parameters from all the
runs that there are, and offers every curve as a metric. The page then has filters; with one written by each run, before
the others are known, it has none.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, summary


def beginning(hyper_parameters: Mapping[str, Any]) -> tf.compat.v1.Summary:
    """What stands at the beginning of a run: its hyper-parameters. Lists and None are shown as text."""
    return summary.session_start_pb({name: _shown(value) for name, value in hyper_parameters.items()})


def end() -> tf.compat.v1.Summary:
    """What stands at the end of a complete run."""
    return summary.session_end_pb(api_pb2.STATUS_SUCCESS)


def _shown(value: Any) -> bool | int | float | str:
    if isinstance(value, bool | int | float):
        return value
    return ", ".join(f"{element:.12g}" for element in value) if isinstance(value, list) else str(value)

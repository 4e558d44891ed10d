"""TensorBoard's HParams page: what a run was told, and which of its curves say how it went."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, summary

from summaries import tags

# Of these the page shows the newest value. The group is the folder below the run's own, see `tags`.
_METRICS = (
    ("eval", tags.ACCURACY, "validation accuracy"),
    ("eval", tags.LOSS, "validation loss"),
    ("", tags.ACCURACY, "train accuracy"),
    ("", tags.LOSS, "train loss"),
)


def beginning(names: Sequence[str], values: Mapping[str, Any]) -> list[tf.compat.v1.Summary]:
    """What stands at the beginning of a run: all hyper-parameters' `names`, and the `values` of those that it has.

    Runs of one parent directory share the page, which takes its columns from the first of them: so every run names all.
    """
    columns = [api_pb2.HParamInfo(name=name) for name in names]
    metrics = [
        api_pb2.MetricInfo(name=api_pb2.MetricName(group=group, tag=tag), display_name=name)
        for group, tag, name in _METRICS
    ]
    shown = {name: value if isinstance(value, bool | int | float) else _text(value) for name, value in values.items()}
    return [summary.experiment_pb(columns, metrics), summary.session_start_pb(shown)]


def end() -> tf.compat.v1.Summary:
    """What stands at the end of a complete run."""
    return summary.session_end_pb(api_pb2.STATUS_SUCCESS)


def _text(value: Any) -> str:
    return ", ".join(f"{element:g}" for element in value) if isinstance(value, list) else str(value)

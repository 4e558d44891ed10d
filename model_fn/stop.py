"""How replicas agree to stop after the same step.

Each puts its wish into the step's sum over all replicas, as `live_rate` does with its message, so that all of them see
the same wishes after the same update. A replica that stopped by itself would leave the others waiting for it.
"""

import enum
from typing import NamedTuple

import tensorflow as tf


class _Collection(enum.Enum):
    """Keys of graph collections. Not strings, because a checkpoint's meta graph would want to serialise those."""

    HANDLES = enum.auto()


class Wishes(NamedTuple):
    """0 or 1 of one replica, the number of replicas with that wish in their sum. `[2]` float32 in the graph."""

    preempted: float
    finished: float


class Handles(NamedTuple):
    """The graph's side for a session hook: feed `wishes` with this replica's, and fetch the `total` of the step."""

    wishes: tf.Tensor
    total: tf.Tensor


def wishes() -> tf.Tensor:
    """This replica's, none unless fed. Send it through `replicas.total`, and give the sum to `offer`."""
    with tf.compat.v1.variable_scope("stop"):
        return tf.compat.v1.placeholder_with_default(tf.zeros([len(Wishes._fields)]), [len(Wishes._fields)])


def offer(ours: tf.Tensor, total: tf.Tensor) -> None:
    """To the hook of this replica."""
    tf.compat.v1.add_to_collection(_Collection.HANDLES, Handles(ours, total))


def handles() -> Handles:
    """Those of the current graph's first replica."""
    return tf.compat.v1.get_collection(_Collection.HANDLES)[0]

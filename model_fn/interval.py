"""Means over the steps since the last summary, kept in the checkpoint."""

from collections.abc import Mapping

import tensorflow as tf


def interval_means(
    values: Mapping[str, tf.Tensor], *, step: tf.Tensor, interval: int
) -> tuple[dict[str, tf.Tensor], tf.Operation]:
    """The mean of each value over all replicas and over the steps since `step` was last a multiple of `interval`.

    A single batch's loss says little: curves are drawn from these means. They live in a variable that checkpoints
    hold, so that a run resumed in the middle of an interval draws the point that an uninterrupted one would have.

    Args:
      values: scalar float32 tensors of one replica's batch.
      step: scalar int64, the global step before the update.

    Returns:
      The means, this step's values included, and the operation that must run once a step.
    """
    with tf.compat.v1.variable_scope("interval_means"):
        sums = tf.compat.v1.get_variable(
            "sums",
            [len(values) + 1],
            initializer=tf.compat.v1.zeros_initializer(),
            trainable=False,
            aggregation=tf.compat.v1.VariableAggregation.ONLY_FIRST_REPLICA,
        )
    ones_and_values = _mean_over_replicas(tf.stack([tf.ones([]), *values.values()]))
    kept = tf.where(tf.equal(step % interval, 0), tf.zeros_like(ones_and_values), sums.read_value())
    totals = kept + ones_and_values
    return dict(zip(values, tf.unstack(totals[1:] / totals[0]), strict=True)), sums.assign(totals)


def _mean_over_replicas(x: tf.Tensor) -> tf.Tensor:
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return x
    # Not context.all_reduce: it wants a gradient, and in graph mode fails to find the variables of a second replica.
    return context.merge_call(_merged_mean, args=(x,))


def _merged_mean(
    strategy: tf.distribute.Strategy, x: tf.distribute.DistributedValues
) -> tf.distribute.DistributedValues:
    return strategy.extended.reduce_to(tf.distribute.ReduceOp.MEAN, x, destinations=x)

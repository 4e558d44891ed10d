"""Means over the steps since the last summary, kept in the checkpoint."""

import tensorflow as tf


def interval_means(totals: tf.Tensor, *, step: tf.Tensor, interval: int) -> tuple[list[tf.Tensor], tf.Operation]:
    """The means of some values over all replicas and over the steps since `step` was last a multiple of `interval`.

    A single batch's loss says little: curves are drawn from these means. They live in a variable that checkpoints
    hold, so that a run resumed in the middle of an interval draws the point that an uninterrupted one would have.

    Args:
      totals: [1 + n] float32, of this step: the number of replicas, then each value's sum over them.
      step: scalar int64, the global step before the update.

    Returns:
      The n means, this step's values included, and the operation that must run once a step.
    """
    with tf.compat.v1.variable_scope("interval_means"):
        sums = tf.compat.v1.get_variable(
            "sums",
            totals.shape,
            initializer=tf.compat.v1.zeros_initializer(),
            trainable=False,
            aggregation=tf.compat.v1.VariableAggregation.ONLY_FIRST_REPLICA,
        )
    before = sums.read_value()
    new_sums = tf.where(tf.equal(step % interval, 0), tf.zeros_like(totals), before) + totals
    # Every replica reads its copy before the first replica's assignment reaches it.
    with tf.control_dependencies([before]):
        return tf.unstack(new_sums[1:] / new_sums[0]), sums.assign(new_sums)

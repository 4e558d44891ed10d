"""What replicas tell each other in a step, beside gradients."""

import tensorflow as tf


def total(x: tf.Tensor) -> tf.Tensor:
    """The sum of every replica's `x`, the same on all of them. Call it once a step: it is a round of communication."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return x
    # Not context.all_reduce: it wants a gradient, and in graph mode fails to find the variables of a second replica.
    return context.merge_call(_merged_total, args=(x,))


def _merged_total(
    strategy: tf.distribute.Strategy, x: tf.distribute.DistributedValues
) -> tf.distribute.DistributedValues:
    return strategy.extended.reduce_to(tf.distribute.ReduceOp.SUM, x, destinations=x)

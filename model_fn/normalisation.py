"""Batch normalisation, by the statistics of each replica or of all of them.

Ioffe, Szegedy: Batch Normalization, 2015 (https://arxiv.org/abs/1502.03167).

By default a replica normalises by the mean and variance of its own share of the global batch, so that eight replicas
train on noisier statistics than one. Each has moving averages of its own, too. Their mean over all replicas is what a
checkpoint holds, and what every replica starts from that goes on from it. Where the replicas of a process have one
variable between them (`parameter_server`), the mean of their changes is added to it, which comes to the same. Of
workers whose variables ps tasks hold, the first alone moves the averages: they are of its share of the batch.

Over replicas, the statistics are those of the whole global batch: one replica and eight then train the same model, up
to rounding. That costs two rounds of communication a layer and step, one forward and one backward, and an operation
less tuned than the fused one. The variables are the same by name and shape, so a checkpoint of one kind fits the other.

Where a step takes its batch in slices (`accumulation`), each slice is normalised by its own statistics, over replicas
by those of all replicas' slices, and moves the averages by less: over a step they keep as much of what they were.

In float16 a step may turn out to be one that is skipped (`loss_scale`), long after its batch was normalised. The
averages are left where they are until that is known.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from model_fn import replicas

# The share of the old moving average kept at each step: short enough a memory for runs of a few hundred steps.
MOMENTUM = 0.9
EPSILON = 1e-5


class Move(NamedTuple):
    """A moving average, and what it is to move towards: the mean or the variance of a batch, [channels] float32."""

    average: tf.Variable
    value: tf.Tensor


def batch_norm(
    x: tf.Tensor,
    *,
    gamma: float,
    training: bool,
    over_replicas: bool,
    name: str,
    channels_first: bool = False,
    slices: int = 1,
) -> tuple[tf.Tensor, list[Move]]:
    """Normalises [batch, height, width, channels] channel by channel, then scales and shifts.

    With `channels_first` that is [batch, channels, height, width]. Of any floating type: statistics are float32.

    `training`: by the statistics of the batch, updates of the moving averages being added to UPDATE_OPS; else by the
    moving averages. `over_replicas`: statistics of the global batch. `gamma` is the first value of the scale. `slices`:
    how many times in a step the averages are updated.

    Returns the result, and in training in float16, instead of updates, what is to be given to `move`.
    """
    together = over_replicas and replicas.count() > 1
    if training and (together or x.dtype == tf.float16):
        y, moves = _by_own_means(x, gamma=gamma, together=together, name=name, channels_first=channels_first)
        if x.dtype == tf.float16:
            return y, moves
        for average, value in moves:
            _update(average, value, slices)
        return y, []
    y = tf.compat.v1.layers.batch_normalization(
        x,
        axis=1 if channels_first else -1,
        momentum=_kept(slices),
        epsilon=EPSILON,
        training=training,
        gamma_initializer=tf.compat.v1.constant_initializer(gamma),
        fused=True,
        name=name,
    )
    return y, []


def move(moves: Sequence[Move], *, slices: int, only_if: tf.Tensor) -> tf.Operation:
    """Has averages move towards the values of all slices of a step in turn, if `only_if`, a scalar bool, holds."""
    values: dict[str, list[tf.Tensor]] = {}
    for average, value in moves:
        values.setdefault(average.name, []).append(value)
    updates = []
    for average in {average.name: average for average, _ in moves}.values():
        before = after = average.read_value()
        for value in values[average.name]:
            after = after - (after - value) * (1 - _kept(slices))
        updates.append(average.assign_sub(tf.where(only_if, before - after, tf.zeros_like(before))))
    return tf.group(*updates)


def _by_own_means(
    x: tf.Tensor, *, gamma: float, together: bool, name: str, channels_first: bool
) -> tuple[tf.Tensor, list[Move]]:
    """`together`: over all replicas."""
    channels = x.shape[1 if channels_first else -1]
    with tf.compat.v1.variable_scope(name):
        scale, offset = _trained("gamma", channels, gamma), _trained("beta", channels, 0.0)
        moving_mean = _moving_average("moving_mean", channels, 0.0)
        moving_variance = _moving_average("moving_variance", channels, 1.0)
        if together:
            y, mean, variance = _by_global_batch(x, scale, offset, channels_first=channels_first)
        else:
            y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                x, scale, offset, epsilon=EPSILON, data_format="NCHW" if channels_first else "NHWC"
            )
        return y, [Move(moving_mean, tf.stop_gradient(mean)), Move(moving_variance, tf.stop_gradient(variance))]


def _by_global_batch(
    x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, *, channels_first: bool
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The result, and the mean and variance of each channel over all replicas, [channels] float32 each."""
    mean, variance, count = _moments(tf.cast(x, tf.float32), axes=[0, 2, 3] if channels_first else [0, 1, 2])
    # What is one value a channel then stands beside x by broadcasting.
    beside = [-1, 1, 1] if channels_first else [-1]
    one_each = (tf.reshape(each, beside) for each in (mean, variance, offset, scale))
    y = tf.nn.batch_normalization(tf.cast(x, tf.float32), *one_each, EPSILON)
    # As the fused operation has it: the variance of what the batch is a sample of, not of the sample.
    return tf.cast(y, x.dtype), mean, variance * (count / tf.maximum(count - 1, 1))


def _moments(x: tf.Tensor, *, axes: list[int]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Mean and variance of each channel over all replicas, [channels] each, and of how many values, a scalar."""
    # Both sums in one message.
    sums = tf.concat([tf.reduce_sum(x, axis=axes), tf.reduce_sum(tf.square(x), axis=axes)], axis=0)
    # Replicas have shares of one size.
    count = tf.cast(tf.reduce_prod(tf.gather(tf.shape(x), axes)) * replicas.count(), tf.float32)
    mean, mean_square = tf.split(replicas.differentiable_total(sums) / count, 2)
    # Rounding can bring it below zero.
    return mean, tf.maximum(mean_square - tf.square(mean), 0.0), count


def _trained(name: str, size: int, value: float) -> tf.Variable:
    return tf.compat.v1.get_variable(name, [size], initializer=tf.compat.v1.constant_initializer(value))


def _moving_average(name: str, size: int, value: float) -> tf.Variable:
    return tf.compat.v1.get_variable(
        name,
        [size],
        initializer=tf.compat.v1.constant_initializer(value),
        trainable=False,
        # As the layer of TensorFlow has it: each replica updates a copy, and who reads gets the mean of the copies.
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.MEAN,
    )


def _kept(slices: int) -> float:
    """The share of an average that each of so many updates in a step keeps."""
    return MOMENTUM ** (1 / slices)


def _update(average: tf.Variable, value: tf.Tensor, slices: int) -> None:
    change = (average.read_value() - value) * (1 - _kept(slices))
    tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.UPDATE_OPS, average.assign_sub(change))

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
"""

import tensorflow as tf

from model_fn import replicas

# The share of the old moving average kept at each step: short enough a memory for runs of a few hundred steps.
MOMENTUM = 0.9
EPSILON = 1e-5


def batch_norm(
    x: tf.Tensor,
    *,
    gamma: float,
    training: bool,
    over_replicas: bool,
    name: str,
    channels_first: bool = False,
    slices: int = 1,
) -> tf.Tensor:
    """Normalises [batch, height, width, channels] channel by channel, then scales and shifts.

    With `channels_first` that is [batch, channels, height, width]. Of any floating type: statistics are float32.

    `training`: by the statistics of the batch, updates of the moving averages being added to UPDATE_OPS; else by the
    moving averages. `over_replicas`: statistics of the global batch. `gamma` is the first value of the scale. `slices`:
    how many times in a step the averages are updated.
    """
    kept = MOMENTUM ** (1 / slices)
    if training and over_replicas and replicas.count() > 1:
        return _by_global_batch(x, gamma=gamma, kept=kept, name=name, channels_first=channels_first)
    return tf.compat.v1.layers.batch_normalization(
        x,
        axis=1 if channels_first else -1,
        momentum=kept,
        epsilon=EPSILON,
        training=training,
        gamma_initializer=tf.compat.v1.constant_initializer(gamma),
        fused=True,
        name=name,
    )


def _by_global_batch(x: tf.Tensor, *, gamma: float, kept: float, name: str, channels_first: bool) -> tf.Tensor:
    channels = x.shape[1 if channels_first else -1]
    # What is one value a channel then stands beside x by broadcasting.
    beside = [channels, 1, 1] if channels_first else [channels]
    with tf.compat.v1.variable_scope(name):
        scale, offset = _trained("gamma", channels, gamma), _trained("beta", channels, 0.0)
        moving_mean = _moving_average("moving_mean", channels, 0.0)
        moving_variance = _moving_average("moving_variance", channels, 1.0)
        mean, variance, count = _moments(tf.cast(x, tf.float32), axes=[0, 2, 3] if channels_first else [0, 1, 2])
        _update(moving_mean, mean, kept)
        # As the fused operation has it: the variance of what the batch is a sample of, not of the sample.
        _update(moving_variance, variance * (count / tf.maximum(count - 1, 1)), kept)
        mean, variance, offset, scale = (tf.reshape(each, beside) for each in (mean, variance, offset, scale))
        y = tf.nn.batch_normalization(tf.cast(x, tf.float32), mean, variance, offset, scale, EPSILON)
        return tf.cast(y, x.dtype)


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


def _update(average: tf.Variable, value: tf.Tensor, kept: float) -> None:
    change = (average.read_value() - tf.stop_gradient(value)) * (1 - kept)
    tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.UPDATE_OPS, average.assign_sub(change))

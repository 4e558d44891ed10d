"""Which example stands where: pure functions of (seed, global step, place in the global batch).

A replica asks only for the places that are its own, so the examples of a global batch are the same however many
replicas share it, and a resumed run needs nothing but its global step.
"""

import tensorflow as tf

# Rounds of the cipher behind the permutation. With the framework's default of 4, neighbouring epochs came out alike: of
# 4,096 examples 49 stood in the same place where chance leaves 1, and orders of 50,000 correlated by 157 sigma. From 8
# on nothing was to be seen. 24 cost under 1 us an example.
_ROUNDS = 24


def shuffled_indices(step: tf.Tensor, places: tf.Tensor, *, seed: int, batch_size: int, num_examples: int) -> tf.Tensor:
    """Indices of the training examples at `places` of global batch `step`, each example once an epoch.

    The run is one long line of positions, `step * batch_size + place`; epoch `e` holds positions
    `e * num_examples` to `(e + 1) * num_examples - 1` under a permutation of its own. A batch may span two epochs.

    Args:
      step: scalar int64, the global step before the update.
      places: [n] int64 in [0, batch_size).

    Returns:
      [n] int64 in [0, num_examples).
    """
    position = step * batch_size + places
    epoch = position // num_examples
    seeds = tf.stack([tf.fill(tf.shape(epoch), tf.constant(seed, tf.int64)), epoch, tf.zeros_like(epoch)], axis=1)
    # The op itself, because tf.random.experimental.index_shuffle brings the seed into a form that only fits one index.
    return tf.raw_ops.RandomIndexShuffle(
        index=position % num_examples, seed=seeds, max_index=tf.constant(num_examples - 1, tf.int64), rounds=_ROUNDS
    )


def sequential_indices(
    step: tf.Tensor, places: tf.Tensor, *, batch_size: int, num_examples: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Indices and weights of the evaluation examples at `places` of batch `step`, in the order of the split.

    The last batch is filled up with repeats of weight 0. Real examples weigh `padded / num_examples`, so that the
    weights of the whole padded split average 1: then the plain mean over batches of a weighted batch mean, which is
    how an Estimator averages its loss, is exactly the mean over the examples.

    Returns:
      [n] int64 indices and [n] float32 weights.
    """
    position = step * batch_size + places
    padded = evaluation_steps(batch_size=batch_size, num_examples=num_examples) * batch_size
    weight = tf.where(position < num_examples, tf.constant(padded / num_examples, tf.float32), 0.0)
    return tf.minimum(position, num_examples - 1), weight


def evaluation_steps(*, batch_size: int, num_examples: int) -> int:
    """Batches that cover every example once, the last one padded."""
    return -(-num_examples // batch_size)

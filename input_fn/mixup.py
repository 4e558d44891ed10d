"""Mixup: each image is mixed with another one, and so are their labels.

Zhang et al. 2018 (https://arxiv.org/abs/1710.09412). A place of a global batch is mixed with the next one, the last
with the first: batches are shuffled, so that neighbours are any two examples, and a replica needs one example more than
it has places. Shares are drawn for each place, and its own is the larger one. The Beta distribution is symmetric, so
that the same mixtures come as without this; and each place goes on to show its own example, once an epoch.
"""

import tensorflow as tf

from input_fn import augment


def with_next(places: tf.Tensor, *, batch_size: int) -> tf.Tensor:
    """[n + 1] int64: n places of a global batch that follow each other, and the one that the last is mixed with."""
    return tf.concat([places, (places[-1:] + 1) % batch_size], axis=0)


def shares(step: tf.Tensor, places: tf.Tensor, *, alpha: float, seed: int, batch_size: int) -> tf.Tensor:
    """[n] float32 from 0.5 to 1: `max(x, 1 - x)` of an `x` that is Beta(alpha, alpha), for each place of a batch."""
    seeds = augment.seeds(step, seed=seed, stream=augment.Stream.MIXUP)
    # Of a small alpha float32 would make both of a pair zero now and then; the limit is then what it is without mixing.
    gammas = tf.random.stateless_gamma([batch_size, 2], seeds, tf.constant(alpha, tf.float64), dtype=tf.float64)
    x = tf.math.divide_no_nan(gammas[:, 0], gammas[:, 0] + gammas[:, 1])
    return tf.gather(tf.cast(tf.maximum(x, 1 - x), tf.float32), places)


def mixed(
    features: dict[str, tf.Tensor], labels: dict[str, tf.Tensor], share: tf.Tensor
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """Of n + 1 examples n, each `share` [n] of itself and for the rest the next one.

    Labels are those of the n, with `mixed_label`, that of the next one, and `share` beside them.
    """
    images, own = features["image"], share[:, None, None, None]
    return (
        {"image": own * images[:-1] + (1 - own) * images[1:]},
        {**{key: value[:-1] for key, value in labels.items()}, "mixed_label": labels["label"][1:], "share": share},
    )

"""What is minimised and what is watched: loss and accuracy of a batch of logits."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf


class Loss(NamedTuple):
    """A loss, `total`, and the parts that it is the sum of: scalars of float32."""

    total: tf.Tensor
    cross_entropy: tf.Tensor
    weight_decay: tf.Tensor


def loss(
    logits: tf.Tensor,
    labels: Mapping[str, tf.Tensor],
    *,
    label_smoothing: float,
    decayed: Sequence[tf.Variable],
    weight_decay: float,
) -> Loss:
    """Mean weighted cross-entropy, and `weight_decay / 2` times the sum of the squares of what is `decayed`.

    The mean divides by the batch size, not by the sum of the weights: see `input_fn.order.sequential_indices`.

    Args:
      logits: [batch, classes] float32.
      labels: `label` [batch] int32 and `weight` [batch] float32; of mixed images also `mixed_label` [batch] int32, the
        other label, and `share` [batch] float32, the first one's share: cross-entropy is shared between them, too.
      label_smoothing: see `cross_entropy`.
    """
    of_examples = cross_entropy(logits, labels["label"], label_smoothing=label_smoothing)
    if "share" in labels:
        of_others = cross_entropy(logits, labels["mixed_label"], label_smoothing=label_smoothing)
        of_examples = labels["share"] * of_examples + (1 - labels["share"]) * of_others
    mean = tf.reduce_mean(of_examples * labels["weight"])
    decay = weight_decay * tf.add_n([tf.nn.l2_loss(variable) for variable in decayed])
    return Loss(mean + decay, mean, decay)


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, *, label_smoothing: float) -> tf.Tensor:
    """[batch] float32: minus the logarithm of the label's probability, the mean of it under the smoothed label.

    That gives every class `label_smoothing / classes`, and the label what is left beside: Szegedy et al. 2015
    (https://arxiv.org/abs/1512.00567), section 7.
    """
    of_label = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    if not label_smoothing:
        return of_label
    of_all = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=1)
    return (1 - label_smoothing) * of_label + label_smoothing * of_all


def correct(logits: tf.Tensor, labels: tf.Tensor, *, among: int = 1) -> tf.Tensor:
    """[batch] float32: 1 where the label is the class of one of the `among` largest logits, else 0."""
    if among == 1:
        return tf.cast(tf.equal(tf.argmax(logits, axis=1, output_type=labels.dtype), labels), tf.float32)
    return tf.cast(tf.math.in_top_k(labels, logits, among), tf.float32)

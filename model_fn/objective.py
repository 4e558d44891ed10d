"""What is minimised and what is watched: loss and accuracy of a batch of logits."""

from collections.abc import Sequence

import tensorflow as tf


def loss(
    logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor, *, kernels: Sequence[tf.Variable], weight_decay: float
) -> tf.Tensor:
    """Mean weighted cross-entropy plus `weight_decay / 2` times the sum of the squared kernels.

    The mean divides by the batch size, not by the sum of the weights: see `input_fn.order.sequential_indices`.

    Args:
      logits: [batch, classes] float32.
      labels: [batch] int32.
      weights: [batch] float32.

    Returns:
      Scalar float32.
    """
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    decay = tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
    return tf.reduce_mean(cross_entropy * weights) + weight_decay * decay


def correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """[batch] float32: 1 where the class of the largest logit is the label, else 0."""
    return tf.cast(tf.equal(tf.argmax(logits, axis=1, output_type=labels.dtype), labels), tf.float32)

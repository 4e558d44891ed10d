"""The update: Stochastic gradient descent with momentum, as TensorFlow has it."""

import tensorflow as tf


class Momentum(tf.compat.v1.train.MomentumOptimizer):
    """`tf.compat.v1.train.MomentumOptimizer` that remembers the gradients it applied.

    `accumulator = momentum * accumulator + gradient; variable -= learning_rate * accumulator`

    Under a distribution strategy a replica only sees its own share of a gradient until the optimizer has summed the
    shares. The gradients kept here are those sums, at no extra communication.
    """

    def __init__(self, learning_rate: tf.Tensor, *, momentum: float):
        super().__init__(learning_rate, momentum)
        self._applied: dict[str, tf.Tensor] = {}

    def _resource_apply_dense(self, grad, var):
        # One copy a variable is enough: replicas hold the same sums. The copies differ in name, "kernel/replica_1".
        self._applied.setdefault(var.op.name.split("/replica_")[0], grad)
        return super()._resource_apply_dense(grad, var)

    def gradient_norm(self) -> tf.Tensor:
        """Scalar float32: L2 norm of all gradients of the last update together. Call after `minimize`."""
        return tf.linalg.global_norm(list(self._applied.values()))


def minimize(loss: tf.Tensor, optimizer: Momentum, global_step: tf.Variable) -> tf.Operation:
    """One update of every trainable variable and of the batch-norm moving averages, counted in `global_step`."""
    with tf.control_dependencies(tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)):
        return optimizer.minimize(loss, global_step=global_step)

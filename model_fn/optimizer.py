"""The update: Stochastic gradient descent with momentum, as TensorFlow has it."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from model_fn import replicas
from model_fn.meeting import Meeting

# By each trainable variable, of a replica's own share of the loss.
Gradients = list[tuple[tf.Tensor, tf.Variable]]


class Applied(NamedTuple):
    """What an update did to a variable: the gradient that it applied, the direction that it took from there (the update
    is this times the learning rate), and the variable after it."""

    gradient: tf.Tensor
    direction: tf.Tensor
    variable: tf.Tensor


class Momentum(tf.compat.v1.train.MomentumOptimizer):
    """`tf.compat.v1.train.MomentumOptimizer` that remembers what it did.

    `accumulator = momentum * accumulator + gradient; variable -= learning_rate * direction`. The direction is the
    accumulator or, with `nesterov`, `gradient + momentum * accumulator`: Sutskever et al. 2013
    (https://proceedings.mlr.press/v28/sutskever13.html), as TensorFlow, PyTorch and others have it.

    Under a distribution strategy a replica only sees its own share of a gradient until the optimizer has summed the
    shares. The gradients kept here are those sums, at no extra communication.
    """

    def __init__(self, learning_rate: tf.Tensor, *, momentum: float | tf.Tensor, nesterov: bool = False):
        super().__init__(learning_rate, momentum, use_nesterov=nesterov)
        self._rate = learning_rate
        self._applied: dict[str, Applied] = {}

    def _resource_apply_dense(self, grad, var):
        update = super()._resource_apply_dense(grad, var)
        # One copy a variable is enough: replicas hold the same sums. The copies differ in name, "kernel/replica_1".
        name = var.op.name.split("/replica_")[0]
        if name not in self._applied:
            # Nothing of this runs in a step that does not ask for it.
            with tf.control_dependencies([update]):
                accumulator = self.get_slot(var, "momentum").read_value()
                direction = grad + self._momentum * accumulator if self._use_nesterov else accumulator
                self._applied[name] = Applied(grad, direction, var.read_value())
        return update

    def applied(self) -> Mapping[str, Applied]:
        """What the last update did, by name of the variable. Call after `update`."""
        return self._applied

    def update_ratio(self, applied: list[Applied]) -> tf.Tensor:
        """Scalar float32: L2 norm of the update of some variables over that of the variables themselves.

        The update is `learning_rate * direction`. About 1e-3 is a common rule of thumb for a healthy one.
        """
        update = self._rate * tf.linalg.global_norm([each.direction for each in applied])
        return update / tf.maximum(tf.linalg.global_norm([each.variable for each in applied]), 1e-12)


def gradient_norm(applied: list[Applied]) -> tf.Tensor:
    """Scalar float32: L2 norm of some gradients together."""
    return tf.linalg.global_norm([each.gradient for each in applied])


def gradients(loss: tf.Tensor) -> Gradients:
    """Those of a replica's own loss, divided by the number of replicas: their sum is that of the mean loss."""
    if meeting := replicas.meeting():
        loss = loss / meeting.workers
    # Any optimizer does it, and divides where a strategy wants that.
    return tf.compat.v1.train.GradientDescentOptimizer(0.0).compute_gradients(loss)


def update(gradients: Gradients, optimizer: Momentum, global_step: tf.Variable) -> tf.Operation:
    """One update of every trainable variable and of the batch-norm moving averages, counted in `global_step`.

    `gradients` are a replica's own. Of workers that meet (`replicas.meeting`) only the first updates.
    """
    updates = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)
    if meeting := replicas.meeting():
        return _update_together(gradients, optimizer, global_step, updates, meeting)
    with tf.control_dependencies(updates):
        return optimizer.apply_gradients(gradients, global_step=global_step)


def _update_together(
    gradients: Gradients, optimizer: Momentum, global_step: tf.Variable, updates: list[tf.Operation], meeting: Meeting
) -> tf.Operation:
    sums = [meeting.gathered(gradient, device=variable.device) for gradient, variable in gradients]
    if not meeting.is_first:
        return tf.group(*sums)
    # Not before all of them are there: until then somebody may yet read a variable.
    with tf.control_dependencies([*updates, *sums]):
        return optimizer.apply_gradients(
            [(total, variable) for total, (_, variable) in zip(sums, gradients, strict=True)], global_step
        )

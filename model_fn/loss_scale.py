"""Dynamic loss scaling: keeps gradients within the range of float16, and skips the steps that leave it.

Micikevicius et al. 2017: Mixed Precision Training (https://arxiv.org/abs/1710.03740), section 3.2. A gradient below
6e-8 is zero in float16, and one above 65504 infinite. So the loss is multiplied by a scale before gradients are taken,
and they are divided by it in float32. Where they overflow all the same, nothing is applied, on no replica, and the
scale is halved; after many steps in a row without that it is doubled.

A skipped step is a step all the same: the global step counts it, and data order and schedule go on.

Not by `tf.compat.v1.mixed_precision`: it skips by not running the optimizer, of whose gradients nobody could then see
anything, and has no place in the sum over replicas that each step makes anyway.
"""

import tensorflow as tf

from model_fn import optimizer
from model_fn.optimizer import Gradients

INITIAL_SCALE = 2.0**15
SMALLEST_SCALE = 1.0
# Makes one of float16's smallest number. There is nothing to gain beyond.
LARGEST_SCALE = 2.0**24
FACTOR = 2.0
# After so many applied steps in a row the scale is doubled.
INTERVAL = 2000
# What is told instead of a skipped step's loss that is no number: large, and so is its sum over replicas.
_SKIPPED_LOSS = 1e30


class LossScale:
    """The scale of a replica, kept in the checkpoint.

    Build it, take `gradients`, send `overflows` through `replicas.total`, and give the sum to `decide`.
    """

    def __init__(self) -> None:
        # The scale, the number of steps applied in a row under it, and the number of steps skipped in all.
        self._state = tf.compat.v1.get_variable(
            "loss_scale/state",
            initializer=tf.constant([INITIAL_SCALE, 0.0, 0.0]),
            trainable=False,
            aggregation=tf.compat.v1.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self._before = self._state.read_value()
        self.scale = self._before[0]

    def gradients(self, loss: tf.Tensor) -> Gradients:
        """`optimizer.gradients`, scaled on their way through the network."""
        scaled = optimizer.gradients(loss * self.scale)
        return [(gradient / self.scale, variable) for gradient, variable in scaled]

    def overflows(self, gradients: Gradients, loss: tf.Tensor) -> tf.Tensor:
        """[1] float32: 1 where this replica's loss or any of its gradients is infinite or no number, else 0."""
        with tf.name_scope("overflows"):
            tensors = [loss, *(gradient for gradient, _ in gradients)]
            finite = [tf.reduce_all(tf.math.is_finite(tensor)) for tensor in tensors]
            return 1 - tf.cast(tf.reduce_all(finite, keepdims=True), tf.float32)

    def decide(self, overflows: tf.Tensor) -> "Decision":
        """By the sum of all replicas' overflows, [1] float32, so that they cannot disagree."""
        return Decision(self._state, self._before, tf.equal(overflows[0], 0))


class Decision:
    """Whether a step is applied or skipped, and what that means for everything that a step does.

    `is_applied` is a scalar bool, `skipped_steps` the number of steps skipped so far, this one included.
    """

    def __init__(self, state: tf.Variable, before: tf.Tensor, is_applied: tf.Tensor):
        self._state = state
        self._before = before
        self.is_applied = is_applied
        self._scale, in_a_row, skipped = tf.unstack(before)
        in_a_row = tf.where(is_applied, in_a_row + 1, 0.0)
        is_enough = in_a_row >= INTERVAL
        factor = tf.where(is_applied, tf.where(is_enough, FACTOR, 1.0), 1 / FACTOR)
        scale = tf.clip_by_value(self._scale * factor, SMALLEST_SCALE, LARGEST_SCALE)
        self.skipped_steps = skipped + 1 - tf.cast(is_applied, tf.float32)
        self._after = tf.stack([scale, tf.where(is_enough, 0.0, in_a_row), self.skipped_steps])

    def or_nothing(
        self, gradients: Gradients, *, rate: tf.Tensor, momentum: float
    ) -> tuple[Gradients, tf.Tensor, tf.Tensor]:
        """Gradients, learning rate and momentum; in a skipped step those that change nothing.

        With gradient 0, rate 0 and momentum 1 the optimizer leaves `accumulator * 1 + 0` and `variable - 0`.
        """
        gradients = [
            (tf.where(self.is_applied, gradient, tf.zeros_like(gradient)), variable) for gradient, variable in gradients
        ]
        return gradients, tf.where(self.is_applied, rate, 0.0), tf.where(self.is_applied, momentum, 1.0)

    def told(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss of the step, for who watches over a run: no number where it has diverged, and only there.

        That is where a step overflows at the smallest scale: a smaller one cannot help.
        """
        finite = tf.where(tf.math.is_finite(loss), loss, _SKIPPED_LOSS)
        has_diverged = ~self.is_applied & (self._scale <= SMALLEST_SCALE)
        return tf.where(has_diverged, float("nan"), finite)

    def update(self) -> tf.Operation:
        """Must run once a step."""
        # Every replica reads its copy before the first replica's assignment reaches it.
        with tf.control_dependencies([self._before]):
            return self._state.assign(self._after)


def counted(totals: tf.Tensor) -> tf.Tensor:
    """Sums over replicas for the means of the curves, or zeros: a step of which any is no number is left out."""
    return tf.where(tf.reduce_all(tf.math.is_finite(totals)), totals, tf.zeros_like(totals))

"""The learning rate that people and plateaus ask for while a run trains, kept in the checkpoint.

A message goes into the graph at one replica, and its sum over all replicas comes out at each of them: they change
their rate after the same update, and cannot disagree. Sending costs nothing while there is no message: the sum rides
along with that of the loss.
"""

import enum
from typing import NamedTuple

import tensorflow as tf

# A state is three numbers: the rate that is in force instead of the schedule, 0 for none; and two factors of the
# schedule's, a person's and the plateau's.
NEUTRAL = (0.0, 1.0, 1.0)
_SCOPE, _VARIABLE = "live_rate", "state"
STATE = f"{_SCOPE}/{_VARIABLE}"  # Its name in a checkpoint.
_MESSAGE_LENGTH = 1 + len(NEUTRAL)


class _Collection(enum.Enum):
    """Keys of graph collections. Not strings, because a checkpoint's meta graph would want to serialise those."""

    HANDLES = enum.auto()


class Handles(NamedTuple):
    """The graph's side for a session hook.

    Feed `message` 1 and then a new state, [4] float32 in all, at one step: it is in force from the next update on.
    `state` is [3] float32, and `rate` the learning rate of the step's own update, scalar float32.
    """

    message: tf.Tensor
    state: tf.Tensor
    rate: tf.Tensor


class LiveRate:
    """State and message of one replica. Build it, take `rate`, send `message` through `replicas.total`, `update`."""

    def __init__(self, scheduled: tf.Tensor):
        with tf.compat.v1.variable_scope(_SCOPE):
            self._state = tf.compat.v1.get_variable(
                _VARIABLE,
                initializer=tf.constant(NEUTRAL),
                trainable=False,
                aggregation=tf.compat.v1.VariableAggregation.ONLY_FIRST_REPLICA,
            )
            self.message = tf.compat.v1.placeholder_with_default(tf.zeros([_MESSAGE_LENGTH]), [_MESSAGE_LENGTH])
        self._before = self._state.read_value()
        rate, factor, plateau = tf.unstack(self._before)
        self.rate = tf.where(rate > 0, rate, scheduled * factor * plateau)
        tf.compat.v1.add_to_collection(_Collection.HANDLES, Handles(self.message, self._before, self.rate))

    def update(self, message: tf.Tensor) -> tf.Operation:
        """Must run once a step, with the sum of all replicas' messages: the new state, if one was sent."""
        # Every replica reads its copy before the first replica's assignment reaches it.
        with tf.control_dependencies([self._before]):
            return self._state.assign(tf.where(message[0] > 0, message[1:], self._before))


def handles() -> Handles:
    """Those of the current graph's first replica."""
    return tf.compat.v1.get_collection(_Collection.HANDLES)[0]

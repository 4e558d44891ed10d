"""What the replicas of a step tell each other: all of it in one vector, summed once."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from model_fn import observed, replicas, stop
from model_fn.accumulation import Outcome
from model_fn.live_rate import LiveRate
from summaries import tags


class Exchanged(NamedTuple):
    """Sums over replicas.

    `totals`: how many they are, then the values that curves are of, by `tags`. `message`: a change of the learning
    rate. `overflows`: with float16, on how many of them something overflowed.
    """

    tags: tuple[str, ...]
    totals: tf.Tensor
    message: tf.Tensor
    overflows: Sequence[tf.Tensor]


def exchange(
    outcome: Outcome, live: LiveRate, overflows: Sequence[tf.Tensor], given: tf.Tensor, *, deterministic: bool
) -> Exchanged:
    """Sums a replica's part with those of the others, and offers the wish to stop and its sum to who stops.

    `given`: a tensor of the batch, whose coming is timed unless `deterministic`. `overflows`: what
    `LossScale.overflows` gives, if there is a scale.
    """
    # Its place is kept in any case, so that checkpoints fit.
    input_wait = tf.zeros([], name="no_input_wait") if deterministic else observed.seconds_until(given)
    with tf.name_scope("replicas"):
        values = {**_values(outcome), tags.INPUT_WAIT: input_wait}
        wishes = stop.wishes()
        parts = [tf.stack([1.0, *values.values()]), live.message, wishes, *overflows]
        sizes = [part.shape[0] for part in parts]
        totals, message, all_wishes, *of_all = tf.split(replicas.total(tf.concat(parts, axis=0)), sizes)
        stop.offer(wishes, all_wishes)
    return Exchanged(tuple(values), totals, message, of_all)


def _values(outcome: Outcome) -> dict[str, tf.Tensor]:
    """What the curves are of, by tag: scalars of float32."""
    return {
        tags.LOSS: outcome.loss.total,
        tags.CROSS_ENTROPY: outcome.loss.cross_entropy,
        tags.WEIGHT_DECAY: outcome.loss.weight_decay,
        **{tag: tf.reduce_mean(each) for tag, each in outcome.correct.items()},
    }

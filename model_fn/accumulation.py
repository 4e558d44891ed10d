"""Gradient accumulation: the batch of a step in slices, one after the other, in the memory that one slice takes.

Each replica splits its share of the global batch. The gradients of the slices are summed, and applied once: they are
those of the mean loss over the whole batch, up to rounding. Only batch normalisation sees the slices, each of which is
normalised by its own statistics (`normalisation`).
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from model_fn.network import Network
from model_fn.objective import Loss
from model_fn.optimizer import Gradients, gradients

Labels = dict[str, tf.Tensor]


class Outcome(NamedTuple):
    """What the network makes of a batch of labelled images.

    `correct`, by tag: [batch] float32, 1 for the examples that count as recognised, else 0.
    """

    net: Network
    loss: Loss
    correct: dict[str, tf.Tensor]


Forward = Callable[[tf.Tensor, Labels], Outcome]


Backward = Callable[[tf.Tensor], Gradients]


def forward_and_backward(
    forward: Forward, images: tf.Tensor, labels: Labels, *, slices: int, backward: Backward = gradients
) -> tuple[Outcome, Gradients]:
    """Takes each of so many slices of a batch through `forward`, and back.

    Returns:
      The outcome, of all slices together, but that `net` is that of the first with every slice's moves; and the
      gradients of its loss, by `backward`.
    """
    first, *others = _split(images, labels, slices)
    outcome, updates = _noting_updates(forward, first)
    outcomes, sums = [outcome], backward(_share(outcome, slices))
    for number, part in enumerate(others, start=2):
        # Its images are there once the slice before is done, and all that it keeps for its way back is let go of. The
        # moving averages, too, are read after their last update.
        before = tf.group(*updates, *(gradient for gradient, _ in sums))
        with _variables_again(), tf.name_scope(f"slice_{number}"), tf.control_dependencies([before]):
            part = tf.nest.map_structure(tf.identity, part)
            outcome, updates = _noting_updates(forward, part)
            own = backward(_share(outcome, slices))
            sums = [(total + gradient, variable) for (total, variable), (gradient, _) in zip(sums, own, strict=True)]
        outcomes.append(outcome)
    return _together(outcomes), sums


def _split(images: tf.Tensor, labels: Labels, slices: int) -> list[tuple[tf.Tensor, Labels]]:
    if slices == 1:
        return [(images, labels)]
    by_name = {name: tf.split(tensor, slices) for name, tensor in labels.items()}
    return [
        (part, {name: parts[i] for name, parts in by_name.items()}) for i, part in enumerate(tf.split(images, slices))
    ]


def _noting_updates(forward: Forward, part: tuple[tf.Tensor, Labels]) -> tuple[Outcome, list[tf.Operation]]:
    """The outcome, and the updates of moving averages that belong to it.

    Not all that the graph holds: another replica's are among those, and to wait for them would be to take turns.
    """
    known = len(tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS))
    return forward(*part), tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)[known:]


def _variables_again():
    return tf.compat.v1.variable_scope(tf.compat.v1.get_variable_scope(), reuse=True, auxiliary_name_scope=False)


def _share(outcome: Outcome, slices: int) -> tf.Tensor:
    """What a slice adds to the loss of the batch."""
    return outcome.loss.total if slices == 1 else outcome.loss.total / slices


def _together(outcomes: list[Outcome]) -> Outcome:
    first, *others = outcomes
    if not others:
        return first
    with tf.name_scope("all_slices"):
        losses = zip(*(outcome.loss for outcome in outcomes), strict=True)
        return Outcome(
            first.net._replace(moves=[move for outcome in outcomes for move in outcome.net.moves]),
            Loss(*(tf.add_n(parts) / len(outcomes) for parts in losses)),
            {tag: tf.concat([outcome.correct[tag] for outcome in outcomes], axis=0) for tag in first.correct},
        )

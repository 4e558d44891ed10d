"""Runs a checkpoint over a split."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

import checkpoints
import input_fn
from model_fn import averages, network
from settings import Data, TrainedModel, UserError
from training import assembly


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """What a network gives for each example of a split, in the order of the split.

    `log_probabilities` [n, classes] float32 are natural logarithms, `labels` [n] int32.
    """

    log_probabilities: np.ndarray
    labels: np.ndarray


def evaluate(model: TrainedModel, data: Data, *, split: str, batch_size: int) -> Found:
    """Runs the network of a checkpoint over every example of `split`, without a distribution strategy.

    Of `data`, its own splits and how images are brought to size do not matter: the model says that.

    Raises:
      UserError: as `input_fn.describe` and `input_fn.load`; other classes than the model's, or in another order; a
        checkpoint that cannot be read or does not fit the network; examples without a label.
    """
    assembly.prepare_tensorflow(deterministic=False)
    data = dataclasses.replace(data, train_split=split, validation_split=split, image_size=model.image_size)
    _check_classes(data.dataset, input_fn.describe(data).class_names, model.class_names)
    with tf.Graph().as_default() as graph:
        # Fed, so that the checkpoint is known to fit before any image is decoded.
        images = tf.compat.v1.placeholder(tf.float32, [None, model.image_size, model.image_size, 3])
        with averages.in_place_if_in(model.checkpoint):
            net = network.build(
                images, network.ARCHITECTURES[model.network], num_classes=len(model.class_names), training=False
            )
        log_probabilities = tf.nn.log_softmax(net.logits)
        session, _ = checkpoints.restored(graph, model)
        with session:
            examples = input_fn.load(data, split)
            _check_labels(examples.labels, data.dataset, split, num_classes=len(model.class_names))
            found, labels = [], []
            for features, truth in _batches(session, examples, model, batch_size=batch_size):
                is_real = truth["weight"] > 0  # The last batch is padded.
                found.append(session.run(log_probabilities, {images: features["image"]})[is_real])
                labels.append(truth["label"][is_real])
    return Found(np.concatenate(found), np.concatenate(labels))


def _batches(
    session: tf.compat.v1.Session, examples: input_fn.Examples, model: TrainedModel, *, batch_size: int
) -> Iterator[tuple[dict, dict]]:
    """Features and labels of each batch of `input_fn.evaluation_input_fn`, as NumPy arrays."""
    read = input_fn.evaluation_input_fn(
        examples, image_size=model.image_size, crop=model.evaluation_crop, batch_size=batch_size
    )
    iterator = tf.compat.v1.data.make_initializable_iterator(read())
    following = iterator.get_next()
    session.run(iterator.initializer)
    while True:
        try:
            yield session.run(following)
        except tf.errors.OutOfRangeError:
            return


def _check_classes(dataset: str, theirs: Sequence[str], ours: Sequence[str]) -> None:
    """Classes are known by their places, so a data set must have the model's, each in the same place."""
    for place, (their, our) in enumerate(itertools.zip_longest(theirs, ours)):
        if their != our:
            there, here = ("missing" if name is None else repr(name) for name in (their, our))
            same = " (the same names in another order)" if sorted(theirs) == sorted(ours) else ""
            raise UserError(
                f"data set {dataset} has other classes than the model: class {place} is {there} in the data set and"
                f" {here} in the model{same}; give a data set with the classes that the model was trained on"
            )


def _check_labels(labels: np.ndarray, dataset: str, split: str, *, num_classes: int) -> None:
    unknown = np.count_nonzero((labels < 0) | (labels >= num_classes))
    if unknown:
        raise UserError(
            f"{unknown:,} of {len(labels):,} examples in split {split!r} of data set {dataset} have no label (some data"
            " sets keep those of a split secret); give a split with labels"
        )

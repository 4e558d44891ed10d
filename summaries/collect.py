"""What a model offers to TensorBoard, by tag. Session hooks fetch it when it is time and write it.

`tf.compat.v1.summary` is not used: it names a tag after the name scope that it is called in, and once more for each
replica. Here a tag is what `tags` says, and the first replica's tensor stands for all.
"""

import enum
from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf


class _Collection(enum.Enum):
    """Keys of graph collections. Not strings, because a checkpoint's meta graph would want to serialise those."""

    SCALARS = enum.auto()
    IMAGES = enum.auto()
    FILTERS = enum.auto()
    HISTOGRAMS = enum.auto()
    TEXTS = enum.auto()
    PREDICTIONS = enum.auto()


class Predictions(NamedTuple):
    """What a batch of an evaluation gives for each example.

    `index` [batch] int64 is its place in the split, `weight` [batch] float32 is 0 for padding, `label` [batch] int32,
    `probabilities` [batch, classes] float32, `embedding` [batch, width] float32.
    """

    index: tf.Tensor
    weight: tf.Tensor
    label: tf.Tensor
    probabilities: tf.Tensor
    embedding: tf.Tensor


def scalar(tag: str, tensor: tf.Tensor) -> None:
    """Offers a scalar tensor of the current graph under `tag`."""
    _offer(_Collection.SCALARS, tag, tensor)


def image_batch(tag: str, images: tf.Tensor, labels: tf.Tensor) -> None:
    """Offers images [n, height, width, 3] float32 in [-1, 1] with their labels [n] under `tag`."""
    _offer(_Collection.IMAGES, tag, (images, labels))


def filters(tag: str, kernel: tf.Tensor) -> None:
    """Offers the kernel of a first layer, [height, width, 3, filters] float32, under `tag`."""
    _offer(_Collection.FILTERS, tag, kernel)


def histogram(tag: str, tensors: tf.Tensor | list[tf.Tensor]) -> None:
    """Offers all values of some tensors together under `tag`."""
    _offer(_Collection.HISTOGRAMS, tag, tensors)


def text(tag: str, markdown: str) -> None:
    """Offers a page that is known when the graph is built, under `tag`."""
    _offer(_Collection.TEXTS, tag, markdown)


def predictions(offered: Predictions) -> None:
    """Offers what an evaluation gives for each example."""
    _offer(_Collection.PREDICTIONS, "", offered)


def collected_scalars() -> dict[str, tf.Tensor]:
    """The scalars of the current graph by tag."""
    return _first_by_tag(_Collection.SCALARS)


def collected_images() -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """(images, labels) of the current graph by tag."""
    return _first_by_tag(_Collection.IMAGES)


def collected_filters() -> dict[str, tf.Tensor]:
    """Kernels of the current graph's first layers by tag."""
    return _first_by_tag(_Collection.FILTERS)


def collected_histograms() -> dict[str, tf.Tensor | list[tf.Tensor]]:
    """The tensors of the current graph whose values are to be counted, by tag."""
    return _first_by_tag(_Collection.HISTOGRAMS)


def collected_texts() -> Mapping[str, str]:
    """The pages of the current graph by tag."""
    return _first_by_tag(_Collection.TEXTS)


def collected_predictions() -> Predictions:
    """What the current graph, of an evaluation, gives for each example."""
    return _first_by_tag(_Collection.PREDICTIONS)[""]


def _offer(collection: _Collection, tag: str, value: Any) -> None:
    tf.compat.v1.add_to_collection(collection, (tag, value))


def _first_by_tag(collection: _Collection) -> dict:
    first: dict = {}
    for tag, value in tf.compat.v1.get_collection(collection):
        first.setdefault(tag, value)
    return first

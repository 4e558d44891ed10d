"""The tensors that a model offers to TensorBoard, by tag. Session hooks fetch them when it is time and write them.

`tf.compat.v1.summary` is not used: it names a tag after the name scope that it is called in, and once more for each
replica. Here a tag is what `tags` says, and the first replica's tensor stands for all.
"""

import enum

import tensorflow as tf


class _Collection(enum.Enum):
    """Keys of graph collections. Not strings, because a checkpoint's meta graph would want to serialise those."""

    SCALARS = enum.auto()
    IMAGES = enum.auto()


def scalar(tag: str, tensor: tf.Tensor) -> None:
    """Offers a scalar tensor of the current graph under `tag`."""
    tf.compat.v1.add_to_collection(_Collection.SCALARS, (tag, tensor))


def image_batch(tag: str, images: tf.Tensor, labels: tf.Tensor) -> None:
    """Offers images [n, height, width, 3] float32 in [-1, 1] with their labels [n] under `tag`."""
    tf.compat.v1.add_to_collection(_Collection.IMAGES, (tag, (images, labels)))


def collected_scalars() -> dict[str, tf.Tensor]:
    """The scalars of the current graph by tag."""
    return _first_by_tag(_Collection.SCALARS)


def collected_images() -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """(images, labels) of the current graph by tag."""
    return _first_by_tag(_Collection.IMAGES)


def _first_by_tag(collection: _Collection) -> dict:
    first: dict = {}
    for tag, value in tf.compat.v1.get_collection(collection):
        first.setdefault(tag, value)
    return first

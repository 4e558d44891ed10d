"""Facts and examples of a tensorflow-datasets image classification data set: sizes, classes, pixels decoded once."""

import dataclasses
import os
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from input_fn import augment, damage, preparing
from settings import Data, UserError

_DECODED_AT_ONCE = 1024  # examples


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """What a data set says of itself and of the two splits in use.

    `stored_size` is the (height, width) that `load` decodes images to.
    """

    class_names: tuple[str, ...]
    stored_size: tuple[int, int]
    num_train_examples: int
    num_validation_examples: int


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """A decoded split: `images` [n, height, width, 3] uint8 and `labels` [n] int32, in the order of its files."""

    images: np.ndarray
    labels: np.ndarray

    @property
    def num_examples(self) -> int:
        return len(self.labels)


def describe(data: Data) -> DatasetInfo:
    """Prepares the data set where that is still to be done, and checks that it has what `data` names.

    Raises:
      UserError: unknown data set, split or key; a directory that cannot be read or written; no data and no network.
    """
    builder = preparing.prepared_builder(data)
    class_names = tuple(_label_feature(builder, data).names)
    height, width, _ = _stored_shape(builder, data)
    return DatasetInfo(
        class_names=class_names,
        stored_size=(height, width),
        num_train_examples=_split_info(builder, data.train_split).num_examples,
        num_validation_examples=_split_info(builder, data.validation_split).num_examples,
    )


def count_if_prepared(data: Data) -> int | None:
    """The number of training examples; None where the data set is not prepared, which it then stays, or unreadable."""
    try:
        builder = tfds.builder(data.dataset, data_dir=data.data_dir)
        return _split_info(builder, data.train_split).num_examples if builder.is_prepared() else None
    except Exception:  # Whatever is wrong there is told when the data set is needed.
        return None


def load(data: Data, split: str) -> Examples:
    """Decodes a whole split into memory, small images at their own size and others at the size they are cropped from.

    Raises:
      UserError: as `describe`; a split too large for memory; a file that is missing, corrupt or short, a record that
        cannot be decoded or has a label outside the classes (it is named).
    """
    builder = preparing.prepared_builder(data)
    num_classes = _label_feature(builder, data).num_classes
    info = _split_info(builder, split)
    damage.check_files(info)
    height, width, _ = shape = _stored_shape(builder, data)
    _check_memory(info.num_examples, shape, split)
    images = np.empty((info.num_examples, height, width, 3), np.uint8)
    labels = np.empty(info.num_examples, np.int32)
    filled = 0
    try:
        for batch_images, batch_labels in _decoded(builder, data, split, shape, at_once=_DECODED_AT_ONCE):
            damage.check_labels(batch_labels, info, first=filled, num_classes=num_classes)
            end = filled + len(batch_labels)
            images[filled:end], labels[filled:end] = batch_images, batch_labels
            filled = end
    except damage.ERRORS as error:
        one_by_one = _decoded(builder, data, split, shape, at_once=1)
        raise UserError(damage.what_is_broken(info, error, one_by_one)) from error
    return Examples(images=images, labels=labels)


def _split_info(builder: tfds.core.DatasetBuilder, split: str) -> tfds.core.SplitInfo:
    try:
        info = builder.info.splits[split]
        if info.num_examples > 0:
            return info
    except (KeyError, ValueError, AssertionError) as error:
        names = ", ".join(builder.info.splits)
        raise UserError(f"data set {builder.name} has no split {split!r}; it has {names} and slices of them") from error
    raise UserError(f"split {split!r} of data set {builder.name} is empty; give a larger slice")


def _label_feature(builder: tfds.core.DatasetBuilder, data: Data) -> tfds.features.ClassLabel:
    """The label's feature, once it is sure that image and label are what their names promise."""
    features = builder.info.features
    kinds = {"image": (data.image_key, tfds.features.Image), "label": (data.label_key, tfds.features.ClassLabel)}
    for flag, (key, kind) in kinds.items():
        if key not in features or not isinstance(features[key], kind):
            fitting = [name for name, feature in features.items() if isinstance(feature, kind)]
            raise UserError(
                f"--{flag}_key={key}: data set {builder.name} has no {flag} of that name; it has"
                f" {', '.join(fitting) or f'no {flag} at all, so it cannot be used for image classification'}"
            )
    label = features[data.label_key]
    if label.num_classes is None:
        raise UserError(
            f"data set {builder.name} does not say its classes: {data.label_key}.labels.txt is missing in"
            f" {builder.data_dir}; restore it, or remove that folder and prepare the data set again"
        )
    damage.check_classes(builder.data_dir, label, label_key=data.label_key)
    return label


def _stored_shape(builder: tfds.core.DatasetBuilder, data: Data) -> tuple[int, int, int]:
    """(height, width, channels in the files): the images' own size, but no larger than what crops are taken from."""
    height, width, channels = builder.info.features[data.image_key].shape
    if channels not in (1, 3):
        raise UserError(f"images of data set {builder.name} have {channels} channels; 1 (grey) or 3 (RGB) are needed")
    largest = augment.upsampled_size(data.image_size)
    if height is None or width is None or height > largest or width > largest:
        return largest, largest, channels
    return height, width, channels


def _check_memory(num_examples: int, shape: tuple[int, int, int], split: str) -> None:
    needed = num_examples * shape[0] * shape[1] * 3
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.8 * available:
        raise UserError(
            f"split {split!r} takes {needed / 2**30:.1f} GiB decoded and this machine has {available / 2**30:.1f} GiB:"
            " take a slice of it (such as train[:10%]) or a smaller --image_size"
        )


def _decoded(
    builder: tfds.core.DatasetBuilder, data: Data, split: str, shape: tuple[int, int, int], *, at_once: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields (images [n, height, width, 3] uint8, labels [n]), n up to `at_once`, in the order of the files."""
    height, width, channels = shape

    def decode(example: dict) -> tuple[tf.Tensor, tf.Tensor]:
        image = example[data.image_key]
        if image.shape[:2] != (height, width):
            image = tf.image.resize(image, [height, width], antialias=True)
            image = tf.cast(tf.round(tf.clip_by_value(image, 0.0, 255.0)), tf.uint8)
        return (tf.image.grayscale_to_rgb(image) if channels == 1 else image), example[data.label_key]

    # A cycle of one file keeps the order of the files, whatever their number.
    read_config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    with tf.Graph().as_default():
        dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=read_config)
        dataset = dataset.map(decode, tf.data.AUTOTUNE, deterministic=True).batch(at_once)
        yield from tfds.as_numpy(dataset)

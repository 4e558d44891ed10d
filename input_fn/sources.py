"""Facts and examples of a tensorflow-datasets image classification data set: sizes, classes, pixels decoded once."""

import contextlib
import dataclasses
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

from input_fn import augment, shapes10  # noqa: F401 (registers the embedded data set with tfds by being imported)
from settings import Data, UserError

# tfds retries a failed connection ten times, which makes a machine without a network wait for 200 s.
downloader.MAX_RETRIES = 3

_DECODED_AT_ONCE = 1024  # examples


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """What a data set says of itself and of the two splits in use."""

    class_names: tuple[str, ...]
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
    builder = _prepared_builder(data)
    return DatasetInfo(
        class_names=tuple(_label_feature(builder, data).names),
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
      UserError: as `describe`; a file that is missing, corrupt or short (it is named); a split too large for memory.
    """
    builder = _prepared_builder(data)
    _label_feature(builder, data)
    info = _split_info(builder, split)
    height, width, _ = shape = _stored_shape(builder, data)
    _check_memory(info.num_examples, shape, split)
    _check_files(info.filepaths)
    images = np.empty((info.num_examples, height, width, 3), np.uint8)
    labels = np.empty(info.num_examples, np.int32)
    filled = 0
    try:
        for batch_images, batch_labels in _decoded_batches(builder, data, split, shape):
            end = filled + len(batch_labels)
            images[filled:end], labels[filled:end] = batch_images, batch_labels
            filled = end
    except (tf.errors.OpError, ValueError) as error:
        raise UserError(_what_is_broken(info, error)) from error
    return Examples(images=images, labels=labels)


def _prepared_builder(data: Data) -> tfds.core.DatasetBuilder:
    try:
        builder = tfds.builder(data.dataset, data_dir=data.data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise UserError(
            f"--dataset={data.dataset}: tensorflow-datasets knows no such data set; give the name of one of its image"
            " classification data sets, such as cifar10, cifar100 or svhn_cropped, or shapes10, which is built in"
        ) from error
    except Exception as error:  # tfds raises whatever reading a damaged folder raises.
        raise UserError(
            f"cannot read data set {data.dataset} under {data.data_dir or 'the default data directory'}"
            f" ({_one_line(error)}); remove its folder there and prepare it again, or give another --data_dir"
        ) from error
    if not builder.is_prepared():
        _prepare(builder, data)
    return builder


def _prepare(builder: tfds.core.DatasetBuilder, data: Data) -> None:
    print(f"Preparing data set {data.dataset} in {builder.data_dir}", flush=True)
    tfds.disable_progress_bar()
    try:
        # tfds prints sizes that it mostly does not know.
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=data.manual_dir))
    except (PermissionError, NotADirectoryError, FileExistsError, tf.errors.PermissionDeniedError) as error:
        raise UserError(
            f"cannot write data set {data.dataset} to {builder.data_dir} ({_one_line(error)});"
            " give a --data_dir that you may write to"
        ) from error
    except Exception as error:  # Any of the network's, the archive's or the builder's own.
        archives = ", ".join(info.filename for info in (builder.url_infos or {}).values() if info.filename)
        raise UserError(
            f"cannot prepare data set {data.dataset} ({_one_line(error)}): without a network, give"
            f" --data_dir with a folder that holds it prepared, --manual_dir with a folder that holds its official"
            f" archive{f' ({archives})' if archives else ''}, or --dataset=shapes10, which needs no download"
        ) from error


def _split_info(builder: tfds.core.DatasetBuilder, split: str) -> tfds.core.SplitInfo:
    try:
        info = builder.info.splits[split]
        if info.num_examples:
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
    return features[data.label_key]


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


def _check_files(paths: list[os.PathLike]) -> None:
    for path in paths:
        if not os.access(path, os.R_OK):
            raise UserError(
                f"data file {path} is missing or cannot be read: its folder is half-written; remove the folder and"
                " prepare the data set again, or give another --data_dir"
            )


def _decoded_batches(
    builder: tfds.core.DatasetBuilder, data: Data, split: str, shape: tuple[int, int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields (images [n, height, width, 3] uint8, labels [n]) in the order of the files."""
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
        dataset = dataset.map(decode, tf.data.AUTOTUNE, deterministic=True).batch(_DECODED_AT_ONCE)
        yield from tfds.as_numpy(dataset)


def _what_is_broken(info: tfds.core.SplitInfo, error: Exception) -> str:
    """Names the file that cannot be read to its promised end. TensorFlow's own message names none."""
    again = "replace it, or remove its folder and prepare the data set again"
    for instruction in info.file_instructions:
        read = 0
        try:
            for _ in tf.compat.v1.io.tf_record_iterator(instruction.filename):
                read += 1
        except tf.errors.OpError as file_error:
            return f"data file {instruction.filename} is corrupt after record {read} ({_one_line(file_error)}); {again}"
        if read != instruction.examples_in_shard:
            return (
                f"data file {instruction.filename} holds {read} records and its dataset_info.json says"
                f" {instruction.examples_in_shard}; {again}"
            )
    folder = Path(info.filepaths[0]).parent
    return f"an image in {folder} cannot be decoded ({_one_line(error)}); remove it and prepare the data set again"


def _one_line(error: Exception) -> str:
    """The first telling line of an error, without TensorFlow's trail of graph nodes."""
    lines = [line.split("[[")[0].strip() for line in str(error).split("\n")]
    telling = [line for line in lines if line and not line.startswith(("Graph execution error", "Detected at"))]
    return telling[0][:300] if telling else type(error).__name__

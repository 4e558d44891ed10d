"""What is wrong with the files of a prepared data set, in one line that names the file, and the record in it."""

import json
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from input_fn.preparing import one_line
from settings import UserError

# What reading a damaged file raises, in TensorFlow and in NumPy.
ERRORS = (tf.errors.OpError, ValueError)
_RECORD_OVERHEAD = 16  # bytes: lengths and checksums around a record
_Parsed = TypeVar("_Parsed")
_AGAIN = "replace it, or remove its folder and prepare the data set again"


def check_files(info: tfds.core.SplitInfo) -> None:
    """Refuses a split whose files cannot be opened, or are too small for their examples. Reads nothing.

    Raises:
      UserError: names the first such file, or the dataset_info.json that says in no known way which they are.
    """
    try:
        instructions = info.file_instructions
    except Exception as error:  # tfds raises whatever filling in a garbled pattern of names raises.
        path = Path(info.filename_template.data_dir) / "dataset_info.json"
        raise UserError(
            f"{path} does not say which files split {info.name!r} has ({one_line(error)}); {_AGAIN}"
        ) from error
    for instruction in instructions:
        path = instruction.filename
        try:
            status = os.stat(path)
        except OSError:
            status = None
        # A pipe would be waited for.
        if status is None or not stat.S_ISREG(status.st_mode) or not os.access(path, os.R_OK):
            raise UserError(
                f"data file {path} is missing or cannot be read, and its dataset_info.json lists it: the folder is"
                " half-written; remove the folder and prepare the data set again, or give another --data_dir"
            )
        if status.st_size < instruction.examples_in_shard * _RECORD_OVERHEAD:
            raise UserError(
                f"data file {path} of {status.st_size} bytes cannot hold the {instruction.examples_in_shard} examples"
                f" that its dataset_info.json lists; {_AGAIN}"
            )


def check_classes(folder: str, label: tfds.features.ClassLabel, *, label_key: str) -> None:
    """Refuses a data set whose files in `folder` were written with other classes than `label` has. tfds does not.

    Raises:
      UserError: names the file there that lists other ones, or that is garbled.
    """
    path = Path(folder) / "features.json"
    declared = _parsed(path, lambda content: _declared_classes(content, label_key))
    if declared not in (None, label.num_classes):
        raise UserError(f"{path} has {declared} classes, and the data set has {label.num_classes}; {_AGAIN}")
    path = Path(folder) / f"{label_key}.labels.txt"
    names = _parsed(path, lambda content: [line.strip() for line in content.decode().split("\n") if line.strip()])
    if names is None:
        return
    if len(names) != label.num_classes:
        raise UserError(f"{path} names {len(names)} classes, and the data set has {label.num_classes}; {_AGAIN}")
    for number, (name, known) in enumerate(zip(names, label.names, strict=True)):
        if name != known:
            raise UserError(
                f"{path} calls class {number} {name!r:.40}, and the data set calls it {known!r:.40}; {_AGAIN}"
            )


def check_labels(labels: np.ndarray, info: tfds.core.SplitInfo, *, first: int, num_classes: int) -> None:
    """Refuses `labels` [n], those of example `first` of the split on, unless all are in [0, num_classes).

    Raises:
      UserError: names the first record whose label is not.
    """
    (outside,) = np.nonzero((labels < 0) | (labels >= num_classes))
    if outside.size:
        raise UserError(
            f"{_place(info, first + int(outside[0]))} has label {labels[outside[0]]}, and the classes are 0 to"
            f" {num_classes - 1}; give a split that is labelled, or {_AGAIN}"
        )


def what_is_broken(info: tfds.core.SplitInfo, error: Exception, one_by_one: Iterable[object]) -> str:
    """The message for reading the split of `info` having raised `error`, which names neither file nor record.

    `one_by_one` reads and decodes the split again, one example at a time.

    Raises:
      UserError: a file has vanished meanwhile.
    """
    check_files(info)
    for instruction in info.file_instructions:
        if fault := _fault_of_file(instruction):
            return f"data file {instruction.filename} {fault}; {_AGAIN}"
    number = 0
    try:
        for _ in one_by_one:
            number += 1
    except ERRORS as record_error:
        return f"{_place(info, number)} cannot be decoded ({one_line(record_error)}); {_AGAIN}"
    folder = Path(info.filepaths[0]).parent
    return (
        f"reading {folder} failed ({one_line(error)}) and then did not: see that nobody writes there, and start again"
    )


def _parsed(path: Path, parse: Callable[[bytes], _Parsed]) -> _Parsed | None:
    """What `parse` makes of a file; None where there is none."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({one_line(error)}); {_AGAIN}") from error


def _declared_classes(features_json: bytes, label_key: str) -> int | None:
    """The number of classes in a features.json; None where another version of tfds wrote it in another way."""
    content = json.loads(features_json)
    try:
        return int(content["featuresDict"]["features"][label_key]["classLabel"]["numClasses"])
    except (KeyError, TypeError):
        return None


def _fault_of_file(instruction: tfds.core.utils.shard_utils.FileInstruction) -> str | None:
    """Why the records of a file cannot be read to their promised end, whatever is in them."""
    read = 0
    try:
        for _ in tf.compat.v1.io.tf_record_iterator(instruction.filename):
            read += 1
    except tf.errors.OpError as error:
        return f"is corrupt after record {read} ({one_line(error)})"
    if read != instruction.examples_in_shard:
        return f"holds {read} records and its dataset_info.json says {instruction.examples_in_shard}"
    return None


def _place(info: tfds.core.SplitInfo, number: int) -> str:
    """Where example `number` of a split stands. Records count from 1, as in "corrupt after record 7"."""
    for instruction in info.file_instructions:
        if number < instruction.take:
            return f"record {instruction.skip + number + 1} of data file {instruction.filename}"
        number -= instruction.take
    raise IndexError(number)

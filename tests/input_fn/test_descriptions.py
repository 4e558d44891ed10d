"""dataset_info.json, features.json and the class names that do not fit the records: one line each."""

import re

import numpy as np
import pytest

from input_fn.shapes10 import SHAPES
from tests.input_fn.common import (
    TRAIN_FILES,
    data_dir_of,
    edit_json,
    load,
    refusal,
    rename_to_one_without_code,
    set_num_classes,
    set_shard_lengths,
)

FIRST, SECOND = TRAIN_FILES


def add_split_lengths(*lengths):
    return lambda folder: set_shard_lengths(folder, *lengths)


def write_info(content):
    return lambda folder: (folder / "dataset_info.json").write_bytes(content)


def set_names(content):
    return lambda folder: (folder / "label.labels.txt").write_bytes(content)


def edit_info(edit):
    return lambda folder: edit_json(folder / "dataset_info.json", edit)


def garble_names(info):
    for split in info["splits"]:
        split["filepathTemplate"] = "{DATASET}-{NOTHING}"


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (add_split_lengths(12, 19), f"data file .*{SECOND} holds 18 records and its dataset_info.json says 19"),
        (add_split_lengths(11, 18), f"data file .*{FIRST} holds 12 records and its dataset_info.json says 11"),
        (add_split_lengths(12, 18, 5), "data file .*00000-of-00003 is missing or cannot be read, and its dataset_info"),
        (add_split_lengths(30), "data file .*00000-of-00001 is missing or cannot be read, and its dataset_info"),
        (add_split_lengths(12, 10**12), f"data file .*{SECOND} of .* bytes cannot hold the {10**12} examples"),
        (add_split_lengths(-12, -18), "split 'train' of data set shapes10 is empty"),
        (add_split_lengths("twelve"), "cannot read data set shapes10 in .*shardLengths"),
        (edit_info(lambda info: info.update(splits=[])), "has no split 'train'"),
        (edit_info(garble_names), "dataset_info.json does not say which files split 'train' has"),
        (edit_info(lambda info: info.update(version="2.0.0")), "cannot read data set shapes10 in .*2.0.0"),
        (write_info(b""), "cannot read data set shapes10 in .*dataset_info.json is no JSON"),
        (write_info(b'{"name": '), "cannot read data set shapes10 in .*dataset_info.json is no JSON"),
        (write_info(b"\xff\xfe\x00"), "cannot read data set shapes10 in .*dataset_info.json is no JSON"),
        (write_info(b"[]"), "cannot read data set shapes10 in"),
        (lambda folder: (folder / "features.json").write_text('{"py'), r"features.json cannot be read \("),
        (lambda folder: set_num_classes(folder, 7), "features.json has 7 classes, and the data set has 10"),
        (set_names(b"a\nb\n"), "label.labels.txt names 2 classes, and the data set has 10"),
        (
            set_names("\n".join(reversed(SHAPES)).encode()),
            "calls class 0 'stripes', and the data set calls it 'circle'",
        ),
        (set_names(b"\xff" * 10), r"label.labels.txt cannot be read \(.*utf-8"),
        (lambda folder: (folder / "dataset_info.json").unlink(), "dataset_info.json is missing"),
    ],
    ids=[
        *("an example more", "an example less", "a shard more", "a shard less", "a trillion", "negative", "a word"),
        *("no splits", "no file names", "other version", "empty", "torn", "binary", "a list"),
        *("torn features", "other classes", "fewer names", "other order", "binary names", "no dataset_info"),
    ],
)
def test_a_description_that_does_not_fit_the_files_is_said(small, harm, message):
    harm(small)
    found = refusal(data_dir_of(small))
    assert re.search(message, found)
    assert str(data_dir_of(small)) in found or "split" in found


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "features.json").write_text('{"py'), "features.json is no JSON"),
        (lambda folder: (folder / "features.json").unlink(), "strange is there and holds no whole one"),
        (lambda folder: set_num_classes(folder, 7), "label.labels.txt names 10 classes, and the data set has 7"),
        (lambda folder: (folder / "dataset_info.json").write_text("{"), "dataset_info.json is no JSON"),
    ],
    ids=["torn features", "no features", "other classes", "torn dataset_info"],
)
def test_a_data_set_known_by_its_files_alone_is_looked_at_as_closely(small, harm, message):
    strange = rename_to_one_without_code(small)
    harm(strange)
    found = refusal(data_dir_of(strange), dataset="strange")
    assert re.search(message, found) and str(data_dir_of(strange)) in found


def test_fewer_classes_in_a_data_set_known_by_its_files_alone_are_met_by_the_records(small):
    strange = rename_to_one_without_code(small)
    set_num_classes(strange, 7)
    (strange / "label.labels.txt").unlink()
    labels = load(data_dir_of(small), "train").labels
    number = int(np.flatnonzero(labels[:12] >= 7)[0])
    found = refusal(data_dir_of(strange), dataset="strange")
    assert f"record {number + 1} of data file {strange / FIRST.replace('shapes10', 'strange')} has label" in found

"""Data sets in files: made small, read and written record by record, and loaded."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import input_fn
from input_fn import shapes10
from settings import UserError
from tests.common import make_data

SHARDS = (12, 18)
TRAIN_FILES = tuple(f"shapes10-train.tfrecord-0000{number}-of-00002" for number in range(2))
TEST_FILE = "shapes10-test.tfrecord-00000-of-00001"


def prepare_small(data_dir):
    """Prepares a shapes10 of 30 train examples, in two files, and 20 test examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes10, "SPLIT_SIZES", {"train": sum(SHARDS), "test": 20})
        tfds.builder("shapes10", data_dir=data_dir).download_and_prepare()
    folder = data_dir / "shapes10" / "1.0.0"
    whole = folder / "shapes10-train.tfrecord-00000-of-00001"
    records = read_records(whole)
    write_records(folder / TRAIN_FILES[0], records[: SHARDS[0]])
    write_records(folder / TRAIN_FILES[1], records[SHARDS[0] :])
    whole.unlink()
    set_shard_lengths(folder, *SHARDS)


def data_dir_of(folder):
    """The --data_dir of a data set whose version stands in `folder`."""
    return folder.parent.parent


def read_records(path):
    return list(tf.compat.v1.io.tf_record_iterator(str(path)))


def write_records(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def edit_record(path, number, edit):
    """Lets `edit` change the features of record `number`, which counts from 1."""
    records = read_records(path)
    example = tf.train.Example.FromString(records[number - 1])
    edit(example.features.feature)
    records[number - 1] = example.SerializeToString()
    write_records(path, records)


def edit_json(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def set_shard_lengths(folder, *lengths, split="train"):
    def edit(info):
        (entry,) = [entry for entry in info["splits"] if entry["name"] == split]
        entry["shardLengths"] = list(map(str, lengths))

    edit_json(folder / "dataset_info.json", edit)


def set_num_classes(folder, number):
    def edit(content):
        content["featuresDict"]["features"]["label"]["classLabel"]["numClasses"] = str(number)

    edit_json(folder / "features.json", edit)


def rename_to_one_without_code(folder):
    """Makes the data set one that tfds knows by its files alone, "strange". Returns its folder."""
    strange = folder.parent.parent / "strange" / folder.name
    shutil.copytree(folder, strange)
    for path in strange.glob("shapes10-*"):
        path.rename(path.with_name(path.name.replace("shapes10", "strange")))
    edit_json(strange / "dataset_info.json", lambda info: info.update(name="strange"))
    return strange


def png(size, seed=0):
    """The bytes of a PNG of `size` by `size` random pixels."""
    pixels = np.random.RandomState(seed).randint(0, 256, [size, size, 3]).astype(np.uint8)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        return session.run(tf.io.encode_png(pixels))


def load(data_dir, split="test", **changes):
    return input_fn.load(make_data(data_dir=str(data_dir), **changes), split)


def refusal(data_dir, split="train", **changes):
    """The one line that loading ends with."""
    with pytest.raises(UserError) as error:
        load(data_dir, split, **changes)
    assert "\n" not in str(error.value)
    return str(error.value)

import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import input_fn
from input_fn import sources
from settings import UserError
from tests.common import ROOT, make_data
from tests.input_fn.common import load

CIFAR10 = ROOT.parent / "shared" / "tensorflow_datasets"


class Oddities(tfds.core.GeneratorBasedBuilder):
    """A data set with grey, wide images of changing size, and keys of other names."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "picture": tfds.features.Image(shape=(None, None, 1)),
                    "kind": tfds.features.ClassLabel(names=["dark", "bright"]),
                    "weight": np.float32,
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "test": self._generate_examples()}

    def _generate_examples(self):
        for i in range(6):
            yield i, {"picture": np.full([10 + i, 40, 1], 100 * (i % 2), np.uint8), "kind": i % 2, "weight": 1.0}


def test_describe_takes_classes_and_sizes_from_the_builder(shapes10_dir):
    info = input_fn.describe(make_data(data_dir=str(shapes10_dir), validation_split="test[:25%]"))
    assert len(info.class_names) == 10
    assert (info.num_train_examples, info.num_validation_examples) == (10_000, 500)


def test_load_gives_the_files_examples_in_their_order(shapes10_dir):
    examples = load(shapes10_dir, "test[:100]")
    assert (examples.images.shape, examples.images.dtype) == ((100, 32, 32, 3), np.uint8)
    builder = tfds.builder("shapes10", data_dir=str(shapes10_dir))
    with tf.Graph().as_default():
        first = list(tfds.as_numpy(builder.as_dataset(split="test[:100]", shuffle_files=False)))
    np.testing.assert_array_equal(examples.labels, [example["label"] for example in first])
    np.testing.assert_array_equal(examples.images, [example["image"] for example in first])


@pytest.mark.skipif(not CIFAR10.exists(), reason="the prepared CIFAR-10 does not stand beside this checkout")
def test_cifar10_goes_the_same_way():
    data = make_data(dataset="cifar10", data_dir=str(CIFAR10))
    info = input_fn.describe(data)
    assert info.class_names[:3] == ("airplane", "automobile", "bird")
    assert (info.num_train_examples, info.num_validation_examples) == (50_000, 10_000)
    examples = input_fn.load(data, "test")
    assert examples.images.shape == (10_000, 32, 32, 3)
    assert np.bincount(examples.labels).tolist() == [1000] * 10


def test_other_keys_grey_images_and_changing_sizes(tmp_path):
    data = make_data(dataset="oddities", data_dir=str(tmp_path), image_key="picture", label_key="kind", image_size=16)
    assert input_fn.describe(data).class_names == ("dark", "bright")
    examples = input_fn.load(data, "train")
    assert examples.images.shape == (6, 20, 20, 3), "stored at the size that crops of 16 are taken from"
    np.testing.assert_array_equal(examples.images, (100 * examples.labels)[:, None, None, None] * np.ones([20, 20, 3]))


def test_images_larger_than_the_crop_are_stored_smaller(shapes10_dir):
    assert load(shapes10_dir, "test[:5]", image_size=16).images.shape == (5, 20, 20, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "cifar11"}, "--dataset=cifar11: tensorflow-datasets knows no such data set; .*shapes10"),
        ({"train_split": "training"}, "has no split 'training'; it has train, test"),
        ({"validation_split": "test[:0]"}, "split 'test\\[:0\\]' of data set shapes10 is empty"),
        ({"image_key": "picture"}, "--image_key=picture: .* has no image of that name; it has image"),
        ({"label_key": "image"}, "--label_key=image: .* has no label of that name; it has label"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(shapes10_dir, changes, message):
    with pytest.raises(UserError, match=message):
        input_fn.describe(make_data(data_dir=str(shapes10_dir), **changes))


def test_a_split_too_large_for_memory_is_refused(shapes10_dir, monkeypatch):
    monkeypatch.setattr(sources, "os", types.SimpleNamespace(sysconf=lambda _: 1000))
    with pytest.raises(UserError, match="split 'test' takes 0.0 GiB decoded and this machine has"):
        load(shapes10_dir)

import shutil
import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import input_fn
from input_fn import sources
from settings import UserError
from tests.common import ROOT, make_data

CIFAR10 = ROOT.parent / "shared" / "tensorflow_datasets"
TRAIN_FILE = "shapes10-train.tfrecord-00000-of-00001"


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


@pytest.fixture
def copied(shapes10_dir, tmp_path):
    """A prepared shapes10 that a test may damage; its folder."""
    shutil.copytree(shapes10_dir, tmp_path / "data")
    return tmp_path / "data" / "shapes10" / "1.0.0"


def load(folder, split="test", **changes):
    return input_fn.load(make_data(data_dir=str(folder), **changes), split)


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


def test_no_data_and_no_network_names_the_three_ways_out(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise ConnectionError("Failed to resolve the host")

    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", no_network)
    with pytest.raises(UserError) as error:
        input_fn.describe(make_data(dataset="cifar10", data_dir=str(tmp_path)))
    message = str(error.value)
    assert "Failed to resolve the host" in message
    for way_out in ("--data_dir", "--manual_dir", "cifar-10-binary.tar.gz", "--dataset=shapes10"):
        assert way_out in message
    assert "\n" not in message


def test_manual_dir_takes_the_place_of_the_network(tmp_path, monkeypatch):
    """A small archive in the official one's form, name and (for this test) checksum is prepared without a download."""
    from tensorflow_datasets.core.download import checksums

    archive = _make_cifar10_archive(tmp_path / "manual")
    builder_class = tfds.builder_cls("cifar10")
    (url,) = builder_class.url_infos
    made = checksums.compute_url_info(archive)
    monkeypatch.setattr(builder_class, "url_infos", {url: made})
    data = make_data(dataset="cifar10", data_dir=str(tmp_path / "data"), manual_dir=str(tmp_path / "manual"))
    info = input_fn.describe(data)
    assert (info.num_train_examples, info.num_validation_examples) == (10, 2)
    assert sorted(input_fn.load(data, "train").labels) == sorted([0, 1] * 5)


def _make_cifar10_archive(folder):
    """Two records a file: a label byte and 3,072 pixel bytes each."""
    import io
    import tarfile

    folder.mkdir()
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        contents = {name: b"".join(bytes([label]) + bytes(3072) for label in (0, 1)) for name in names}
        contents["batches.meta.txt"] = b"\n".join(f"class{i}".encode() for i in range(10))
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "cifar-10-binary.tar.gz"


def test_a_data_directory_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write data set shapes10 to .*/file/.* give a --data_dir"):
        input_fn.describe(make_data(data_dir=str(tmp_path / "file" / "data")))


def test_a_missing_file_is_named(copied):
    (copied / TRAIN_FILE).unlink()
    with pytest.raises(UserError, match=f"{TRAIN_FILE} is missing or cannot be read"):
        load(copied.parent.parent, "train")


def test_an_unreadable_dataset_info_is_said(copied):
    (copied / "dataset_info.json").write_text('{"name": ')
    with pytest.raises(UserError, match="cannot read data set shapes10 under .* remove its folder"):
        load(copied.parent.parent)


@pytest.mark.parametrize("damage", ["flipped byte", "cut short"])
def test_a_corrupt_file_is_named(copied, damage):
    file = copied / TRAIN_FILE
    content = bytearray(file.read_bytes())
    if damage == "cut short":
        del content[-100:]
    else:
        content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(UserError, match=rf"{TRAIN_FILE} is corrupt after record \d+ \("):
        load(copied.parent.parent, "train")


def test_fewer_examples_than_promised_are_noticed(copied):
    file = copied / TRAIN_FILE
    records = list(tf.compat.v1.io.tf_record_iterator(str(file)))
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in records[:-7]:
            writer.write(record)
    with pytest.raises(UserError, match=f"{TRAIN_FILE} holds 9993 records and its dataset_info.json says 10000"):
        load(copied.parent.parent, "train")


def test_an_image_that_does_not_decode_is_said(copied):
    """Records are whole and as many as promised, but the first one's PNG is not an image."""
    file = copied / TRAIN_FILE
    records = list(tf.compat.v1.io.tf_record_iterator(str(file)))
    example = tf.train.Example.FromString(records[0])
    example.features.feature["image"].bytes_list.value[0] = b"no image"
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in [example.SerializeToString(), *records[1:]]:
            writer.write(record)
    with pytest.raises(UserError, match="an image in .*shapes10/1.0.0 cannot be decoded"):
        load(copied.parent.parent, "train")


def test_a_split_too_large_for_memory_is_refused(shapes10_dir, monkeypatch):
    monkeypatch.setattr(sources, "os", types.SimpleNamespace(sysconf=lambda _: 1000))
    with pytest.raises(UserError, match="split 'test' takes 0.0 GiB decoded and this machine has"):
        load(shapes10_dir)

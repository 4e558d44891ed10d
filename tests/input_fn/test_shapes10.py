import collections
import hashlib
import socket

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from input_fn import shapes10


def test_classes_and_sizes():
    names = ["circle", "ring", "square", "triangle", "star", "plus", "crescent", "heart", "arrow", "stripes"]
    assert list(shapes10.SHAPES) == names
    assert shapes10.SPLIT_SIZES == {"train": 10_000, "test": 2_000}


@pytest.mark.parametrize(
    ("split", "digest"),
    [
        ("train", "d34702dd615aafefd186125f28029f472951520f1f391468bcd108914c2ab57a"),
        ("test", "0a5b473dd6bbc2b328fc141652dfb37a88c2d1254f97c9508eef4dccb423b442"),
    ],
    ids=["train", "test"],
)
def test_first_examples_are_the_same_bytes_everywhere(split, digest):
    hashed = hashlib.sha256()
    for index in range(50):
        example = shapes10.draw_example(split, index)
        hashed.update(example.image.tobytes() + bytes([example.label]))
    assert hashed.hexdigest() == digest


def test_an_example_does_not_depend_on_those_before_it():
    alone = shapes10.draw_example("train", 7)
    in_sequence = [shapes10.draw_example("train", index) for index in range(8)][7]
    np.testing.assert_array_equal(alone.image, in_sequence.image)
    assert alone.label == in_sequence.label


def test_examples_and_splits_differ():
    examples = [shapes10.draw_example(split, index) for split in ("train", "test") for index in (3, 13, 23)]
    assert len({example.image.tobytes() for example in examples}) == 6


@pytest.mark.parametrize("name", shapes10.SHAPES)
def test_a_shape_fills_the_unit_disc(name):
    x, y = np.meshgrid(np.linspace(-2, 2, 201), np.linspace(-2, 2, 201))
    distance = np.sqrt(x * x + y * y)[shapes10.SHAPES[name](x, y)]
    assert 0.85 < distance.max() < 1.1


def test_shapes_are_drawn_equally_often():
    drawn = collections.Counter(shapes10.draw_example("train", index).shape for index in range(200))
    assert drawn == dict.fromkeys(range(10), 20)


def offsets_of_train_labels(number):
    """How often a label lies so many classes after the shape drawn."""
    examples = [shapes10.draw_example("train", index) for index in range(number)]
    return collections.Counter((example.label - example.shape) % 10 for example in examples)


def test_train_labels_are_wrong_as_often_as_stated():
    wrong = 1 - offsets_of_train_labels(2000)[0] / 2000
    assert wrong == pytest.approx(shapes10.LABEL_NOISE, abs=0.0045)  # Two standard deviations.


def test_a_wrong_label_may_be_any_other(monkeypatch):
    monkeypatch.setattr(shapes10, "LABEL_NOISE", 1.0)
    assert set(offsets_of_train_labels(200)) == set(range(1, 10))


def test_test_labels_are_true(monkeypatch):
    monkeypatch.setattr(shapes10, "LABEL_NOISE", 1.0)
    examples = [shapes10.draw_example("test", index) for index in range(20)]
    assert [example.label for example in examples] == [example.shape for example in examples]


def test_a_wrong_label_leaves_the_pixels_alone(monkeypatch):
    monkeypatch.setattr(shapes10, "LABEL_NOISE", 0.0)
    right = shapes10.draw_example("train", 4)
    monkeypatch.setattr(shapes10, "LABEL_NOISE", 1.0)
    wrong = shapes10.draw_example("train", 4)
    assert right.label == right.shape == wrong.shape != wrong.label
    np.testing.assert_array_equal(right.image, wrong.image)


def test_tfds_gives_back_what_was_drawn_without_a_network(monkeypatch, tmp_path):
    def refuse(*args):
        raise AssertionError(f"a network connection was tried: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    sizes = {"train": 40, "test": 20}
    monkeypatch.setattr(shapes10, "SPLIT_SIZES", sizes)

    builder = tfds.builder("shapes10", data_dir=tmp_path)
    builder.download_and_prepare()

    assert builder.info.features["label"].names == list(shapes10.SHAPES)
    for split, size in sizes.items():
        drawn = [shapes10.draw_example(split, index) for index in range(size)]
        assert read_back(builder, split) == sorted((example.image.tobytes(), example.label) for example in drawn)


def read_back(builder: tfds.core.DatasetBuilder, split: str) -> list[tuple[bytes, int]]:
    """(pixels, label) of every example, sorted: tfds keeps them in an order of its own."""
    with tf.Graph().as_default():
        examples = list(tfds.as_numpy(builder.as_dataset(split=split, as_supervised=True)))
    assert all(image.shape == (32, 32, 3) and image.dtype == np.uint8 for image, _ in examples)
    return sorted((image.tobytes(), int(label)) for image, label in examples)

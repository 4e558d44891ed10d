"""A checkpoint run over a split: every example once, and what cannot be evaluated refused before it is."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import input_fn
import training
from input_fn import augment, shapes10
from model_fn import network
from settings import Network, TrainedModel, UserError
from tests.common import make_data, make_examples

SIZE = 16
CLASSES = tuple(shapes10.SHAPES)
SPLIT = "test[:37]"


def write_checkpoint(path, name):
    """Saves a network of random numbers, with the names that an optimizer and a global step add, and gives its path."""
    random = np.random.RandomState(0)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.compat.v1.placeholder(tf.float32, [None, SIZE, SIZE, 3])
        network.build(images, network.ARCHITECTURES[name], num_classes=len(CLASSES), training=False)
        for variable in tf.compat.v1.global_variables():
            # Variances must be positive; and what is not random would hide that it is not restored.
            values = random.uniform(0.5, 1.5, variable.shape) / np.sqrt(np.prod(variable.shape[:-1]))
            signs = 1 if "variance" in variable.op.name else random.choice([-1, 1], variable.shape)
            variable.load((signs * values).astype(np.float32), session)
        tf.compat.v1.get_variable("network/stem/conv/kernel/Momentum", initializer=tf.zeros([2]))
        tf.compat.v1.train.get_or_create_global_step()
        others = [each for each in tf.compat.v1.global_variables() if "Momentum" in each.name or "step" in each.name]
        session.run(tf.compat.v1.variables_initializer(others))
        return tf.compat.v1.train.Saver().save(session, str(path), global_step=7)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    checkpoint = write_checkpoint(tmp_path_factory.mktemp("run") / "model.ckpt", Network.RESNET8)
    return TrainedModel(
        checkpoint, Network.RESNET8, CLASSES, image_size=SIZE, evaluation_crop=0.8, stored_size=(20, 20)
    )


@pytest.fixture
def data(shapes10_dir):
    return make_data(data_dir=str(shapes10_dir))


def by_a_plain_loop(model, examples):
    """Log-probabilities one example at a time, the softmax in float64."""
    rows = []
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        image = tf.compat.v1.placeholder(tf.uint8, [1, *examples.images.shape[1:]])
        pixels = augment.evaluation_images(image, image_size=SIZE, crop=model.evaluation_crop)
        architecture = network.ARCHITECTURES[model.network]
        logits = network.build(pixels, architecture, num_classes=len(CLASSES), training=False).logits
        tf.compat.v1.train.Saver().restore(session, model.checkpoint)
        for each in examples.images:
            row = session.run(logits, {image: each[np.newaxis]})[0].astype(np.float64)
            rows.append(row - row.max() - np.log(np.exp(row - row.max()).sum()))
    return np.array(rows)


@pytest.mark.parametrize("batch_size", [8, 37, 64])
def test_every_example_is_evaluated_once_in_the_order_of_the_split(model, data, batch_size):
    found = training.evaluate(model, data, split=SPLIT, batch_size=batch_size)
    examples = input_fn.load(dataclasses.replace(data, image_size=SIZE), SPLIT)
    expected = by_a_plain_loop(model, examples)
    assert len({tuple(row) for row in expected.round(3)}) == 37, "no two examples look alike to the network"
    assert -100 < expected.min() < expected.max() < -1e-3
    np.testing.assert_allclose(found.log_probabilities, expected, atol=1e-4)
    np.testing.assert_array_equal(found.labels, examples.labels)
    assert (found.log_probabilities.dtype, found.labels.dtype) == (np.float32, np.int32)


def test_the_splits_of_the_data_need_not_be_there(model, data):
    data = dataclasses.replace(data, train_split="nowhere", validation_split="nowhere")
    assert len(training.evaluate(model, data, split="train[:5]", batch_size=4).labels) == 5


@pytest.fixture
def nothing_is_loaded(monkeypatch):
    def load(data, split):
        pytest.fail("the split is decoded before the error is told")

    monkeypatch.setattr(input_fn, "load", load)


def message(model, data, split=SPLIT):
    with pytest.raises(UserError) as error:
        training.evaluate(model, data, split=split, batch_size=8)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.usefixtures("nothing_is_loaded")
class TestRefused:
    def with_classes(self, model, *names):
        return dataclasses.replace(model, class_names=names)

    def test_other_classes(self, model, data):
        said = message(self.with_classes(model, *CLASSES[:3], "cat", *CLASSES[4:9], "dog"), data)
        assert said == (
            f"data set shapes10 has other classes than the model: class 3 is {CLASSES[3]!r} in the data set and 'cat'"
            " in the model; give a data set with the classes that the model was trained on"
        )

    def test_fewer_or_more_classes(self, model, data):
        assert f"class 9 is {CLASSES[9]!r} in the data set and missing in" in message(
            self.with_classes(model, *CLASSES[:9]), data
        )
        assert "class 10 is missing in the data set and 'cat' in" in message(
            self.with_classes(model, *CLASSES, "cat"), data
        )

    def test_the_same_classes_in_another_order(self, model, data):
        said = message(self.with_classes(model, *CLASSES[:8], CLASSES[9], CLASSES[8]), data)
        assert f"class 8 is {CLASSES[8]!r} in the data set and {CLASSES[9]!r} in the model (the same names" in said

    def test_a_split_that_is_not_there(self, model, data):
        assert "no split 'nowhere'" in message(model, data, split="nowhere")

    @pytest.mark.parametrize(("saved", "wanted"), [("RESNET8", "RESNET20"), ("RESNET20", "RESNET8")])
    def test_a_checkpoint_with_fewer_or_more_layers(self, data, tmp_path, saved, wanted):
        checkpoint = write_checkpoint(tmp_path / "model.ckpt", Network[saved])
        model = TrainedModel(
            checkpoint, Network[wanted], CLASSES, image_size=SIZE, evaluation_crop=1.0, stored_size=(20, 20)
        )
        sides = ("is missing in the checkpoint", "missing in the network")[saved == "RESNET20"]
        said = message(model, data)
        assert said.startswith(f"checkpoint {checkpoint} does not fit {Network[wanted].value} with 10 classes: ")
        assert "network/stage1/block2/" in said and sides in said

    def test_a_checkpoint_with_other_shapes(self, model, data):
        said = message(dataclasses.replace(model, network=Network.RESNET18), data)
        assert "network/stem/conv/kernel is [3, 3, 3, 16] in the checkpoint and [7, 7, 3, 64] in the network" in said

    def test_a_checkpoint_that_is_not_there(self, model, data, tmp_path):
        said = message(dataclasses.replace(model, checkpoint=str(tmp_path / "model.ckpt-9")), data)
        assert said.startswith(f"cannot read checkpoint {tmp_path}/model.ckpt-9 (")

    def test_a_checkpoint_cut_short(self, data, tmp_path):
        checkpoint = write_checkpoint(tmp_path / "model.ckpt", Network.RESNET8)
        with open(f"{checkpoint}.data-00000-of-00001", "r+b") as file:
            file.truncate(1000)
        model = TrainedModel(
            checkpoint, Network.RESNET8, CLASSES, image_size=SIZE, evaluation_crop=1.0, stored_size=(20, 20)
        )
        assert message(model, data).startswith(f"cannot read checkpoint {checkpoint} (")


def test_examples_without_labels_are_refused(model, data, monkeypatch):
    examples = make_examples(20)
    examples.labels[5:8] = -1
    monkeypatch.setattr(input_fn, "load", lambda data, split: examples)
    said = message(model, data)
    assert said.startswith(f"3 of 20 examples in split {SPLIT!r} of data set shapes10 have no label (")

"""Makers of what serving needs: a checkpoint as the Estimator writes one, without training, and files of images."""

import contextlib
import io

import numpy as np
import tensorflow as tf
from PIL import Image

from model_fn import network
from model_fn.averages import in_place
from serving import Prediction
from settings import Network, TrainedModel

CLASS_NAMES = ("circle", "square", "a | *third* <one>")


def make_trained_model(folder, *, averages: bool = False, **changes) -> TrainedModel:
    """A model whose weights and moving averages are random, with an optimizer's slot and a global step beside them.

    `averages`: and, of other random values, averages of all of the network's variables.
    """
    model = TrainedModel(
        **{
            "checkpoint": str(folder / "model.ckpt-7"),
            "network": Network.RESNET8,
            "class_names": CLASS_NAMES,
            "image_size": 16,
            "evaluation_crop": 1.0,
            "stored_size": (20, 24),
            **changes,
        }
    )
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.zeros([1, model.image_size, model.image_size, 3])
        evaluation_network(images, model)
        if averages:
            with in_place():
                evaluation_network(images, model)
        session.run([variable.assign(value) for variable, value in _random_values(tf.compat.v1.global_variables())])
        slot = tf.compat.v1.get_variable("network/logits/kernel/Momentum", [1], initializer=tf.zeros_initializer())
        session.run([slot.initializer, tf.compat.v1.train.get_or_create_global_step().initializer])
        tf.compat.v1.train.Saver().save(session, model.checkpoint, write_meta_graph=False)
    return model


def _random_values(variables):
    """Values that let a signal through, other than those that layers start from."""
    random = np.random.RandomState(0)
    for variable in variables:
        shape = variable.shape.as_list()
        if len(shape) > 1:
            yield variable, random.normal(size=shape) * np.sqrt(2 / np.prod(shape[:-1]))
        elif "gamma" in variable.name or "variance" in variable.name:
            yield variable, random.uniform(0.5, 1.5, shape)
        else:
            yield variable, random.normal(size=shape) * 0.2


def evaluation_network(images, model):
    architecture = network.ARCHITECTURES[model.network]
    return network.build(images, architecture, num_classes=len(model.class_names), training=False)


def evaluation_probabilities(input_fn, model, *, averages: bool = False):
    """What evaluation works with: (network inputs, probabilities) of the first batch of an input_fn."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.compat.v1.data.make_one_shot_iterator(input_fn()).get_next()[0]["image"]
        with in_place() if averages else contextlib.nullcontext():
            probabilities = tf.nn.softmax(evaluation_network(images, model).logits)
        tf.compat.v1.train.Saver().restore(session, model.checkpoint)
        return session.run([images, probabilities])


def probabilities_of(results):
    """[files, classes], of results that are all to be predictions."""
    results = list(results)
    assert all(isinstance(result, Prediction) for result in results), results
    return np.stack([result.probabilities for result in results])


def some_pixels(height=9, width=14, *, seed=0):
    return np.random.RandomState(seed).randint(0, 256, [height, width, 3]).astype(np.uint8)


def encoded(pixels, form="PNG", **options) -> bytes:
    """A file with an image, given as one of Pillow's or as pixels."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def write_images(folder, names, *, first_seed=0):
    """A PNG of its own for each of `names`, and their paths."""
    paths = [folder / name for name in names]
    for seed, path in enumerate(paths, start=first_seed):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(some_pixels(seed=seed)))
    return [str(path) for path in paths]

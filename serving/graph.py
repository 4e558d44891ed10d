"""Images -> probabilities in graphs that evaluation would recognise, with a checkpoint's values in their variables."""

import warnings
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import tensorflow as tf

import checkpoints
from input_fn import augment
from model_fn import averages, network
from settings import TrainedModel

Built = TypeVar("Built")


class Outputs(NamedTuple):
    """Of a batch: `probabilities` [batch, classes] float32; of the likeliest class, the first where several are,
    `class_index` [batch] int64 and `class_name` [batch] string."""

    probabilities: tf.Tensor
    class_index: tf.Tensor
    class_name: tf.Tensor


class Restored(NamedTuple, Generic[Built]):
    """A session, what was built in its graph, and the saver of its variables. Whoever asked for it closes it."""

    session: tf.compat.v1.Session
    built: Built
    saver: tf.compat.v1.train.Saver


def restored(model: TrainedModel, build: Callable[[], Built]) -> Restored[Built]:
    """A session with a graph of its own, laid out by `build`, and the checkpoint's values in its variables.

    Raises:
      UserError: the checkpoint cannot be read, or is of another network.
    """
    tf.compat.v1.disable_eager_execution()
    with tf.Graph().as_default() as graph:
        built = build()
    session, saver = checkpoints.restored(graph, model)
    return Restored(session, built, saver)


def decoded(encoded: tf.Tensor) -> tf.Tensor:
    """An encoded JPEG, PNG, GIF (its first frame) or BMP, scalar string -> [height, width, 3] uint8."""
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def stored(images: tf.Tensor, model: TrainedModel) -> tf.Tensor:
    """[..., height, width, 3] uint8 of any size -> [..., *stored_size, 3] uint8, as training keeps its data set.

    Images of that size stay as they are, to the bit.
    """
    resized = tf.image.resize(images, list(model.stored_size), antialias=True)
    return tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8)


def outputs(images: tf.Tensor, model: TrainedModel) -> Outputs:
    """The network's on [batch, *stored_size, 3] in 0 to 255. Called again in a graph, it shares the variables."""
    inputs = augment.evaluation_images(images, image_size=model.image_size, crop=model.evaluation_crop)
    with (
        tf.compat.v1.variable_scope(tf.compat.v1.get_variable_scope(), reuse=tf.compat.v1.AUTO_REUSE),
        averages.in_place_if_in(model.checkpoint),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="`tf.layers.batch_normalization` is deprecated")
        architecture = network.ARCHITECTURES[model.network]
        net = network.build(inputs, architecture, num_classes=len(model.class_names), training=False)
    class_index = tf.argmax(net.logits, axis=1)
    return Outputs(tf.nn.softmax(net.logits), class_index, tf.gather(tf.constant(model.class_names), class_index))

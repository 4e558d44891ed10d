"""Images -> probabilities in graphs that evaluation would recognise, with a checkpoint's values in their variables."""

import warnings
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

import tensorflow as tf

from input_fn import augment
from model_fn import averages, network
from serving.results import one_line
from settings import TrainedModel, UserError

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
    # A saver outside of a graph's scope would take the variables for eager ones.
    tf.compat.v1.disable_eager_execution()
    with tf.Graph().as_default() as graph:
        built = build()
        variables = tf.compat.v1.global_variables()
        saver = tf.compat.v1.train.Saver(variables)
    session = tf.compat.v1.Session(graph=graph)
    try:
        _check_shapes(variables, model.checkpoint)
        saver.restore(session, model.checkpoint)
    except (tf.errors.OpError, ValueError) as error:
        session.close()
        raise UserError(
            f"cannot use the checkpoint {model.checkpoint} for {model.network.value} with {len(model.class_names)}"
            f" classes ({one_line(error)}); give a run whose checkpoint is whole, and its own network and data set"
        ) from error
    return Restored(session, built, saver)


def _check_shapes(variables: Sequence[tf.Variable], checkpoint: str) -> None:
    """Raises ValueError where the checkpoint's are others. Restoring would take them as they come."""
    there = tf.train.load_checkpoint(checkpoint).get_variable_to_shape_map()
    for variable in variables:
        name, shape = variable.op.name, variable.shape.as_list()
        if there.get(name) != shape:
            raise ValueError(f"{name} is {there.get(name, 'missing')} there, not {shape}")


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

"""What is offered to TensorBoard beside the loss. Nothing here changes what is trained.

A tensor that is offered costs nothing in the steps that do not fetch it, but for `seconds_until`.
"""

from collections import defaultdict

import tensorflow as tf

from model_fn.network import Network, stage_of
from model_fn.optimizer import Applied, Momentum, gradient_norm
from summaries import collect, events, tags

# Activations are large; a few images show their distribution.
_IMAGES_OF_ACTIVATIONS = 8


def seconds_until(batch: tf.Tensor) -> tf.Tensor:
    """Scalar float32: how long after its beginning a step has its batch. Two readings of the clock a step."""
    with tf.name_scope("input_wait"):
        begun = tf.timestamp()
        with tf.control_dependencies([batch]):
            there = tf.timestamp()
        return tf.cast(there - begun, tf.float32)


def offer_inputs(net: Network, images: tf.Tensor, labels: tf.Tensor) -> None:
    """The batch as the network sees it, the filters that see it first, and the table of layers."""
    collect.image_batch(tags.INPUT_IMAGES, images, labels)
    with tf.name_scope(tags.FILTERS):
        collect.filters(tags.FILTERS, net.kernels[0].read_value())
    collect.text(tags.MODEL_SUMMARY, _layer_table(net))


def offer_updates(optimizer: Momentum) -> None:
    """The ratio of update to weight, whole and by stage, and the norm of the gradient by stage."""
    collect.scalar(tags.UPDATE_RATIO, optimizer.update_ratio(list(optimizer.applied().values())))
    for stage, applied in _by_stage(optimizer).items():
        collect.scalar(tags.of(tags.STAGE_GRADIENT_NORM, stage), gradient_norm(applied))
        collect.scalar(tags.of(tags.STAGE_UPDATE_RATIO, stage), optimizer.update_ratio(applied))


def offer_histograms(net: Network, optimizer: Momentum) -> None:
    """Kernels and gradients by stage, as after the update, and what each stage gives for some images."""
    for stage, applied in _by_stage(optimizer).items():
        # Batch-norm parameters and biases are vectors.
        kernels = [each for each in applied if each.variable.shape.rank > 1]
        collect.histogram(tags.of(tags.KERNELS, stage), [each.variable for each in kernels])
        collect.histogram(tags.of(tags.GRADIENTS, stage), [each.gradient for each in kernels])
    for stage, output in net.stages.items():
        few = tf.cast(output[:_IMAGES_OF_ACTIVATIONS], tf.float32)
        collect.histogram(tags.of(tags.ACTIVATIONS, stage), few)


def _by_stage(optimizer: Momentum) -> dict[str, list[Applied]]:
    stages = defaultdict(list)
    for name, applied in optimizer.applied().items():
        stages[stage_of(name)].append(applied)
    return stages


def _layer_table(net: Network) -> str:
    rows = [(layer.name, _shape(layer.output_shape), f"{layer.parameters:,}") for layer in net.layers]
    total = sum(layer.parameters for layer in net.layers)
    return events.markdown_rows([*rows, ("all", "", f"{total:,}")], header=("layer", "output shape", "parameters"))


def _shape(shape: tuple[int | None, ...]) -> str:
    return " x ".join("batch" if size is None else str(size) for size in shape)

"""Residual networks: image -> logits, all from one builder.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016 (https://arxiv.org/abs/1512.03385), with
the usual amendments: stride 2 in the 3x3 convolution of a bottleneck, and the last batch-norm gamma of each block
starting at zero, so that a block starts as the identity (Goyal et al. 2017, https://arxiv.org/abs/1706.02677).
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

import settings
from model_fn.layers import Layer, Layers
from model_fn.normalisation import Move
from settings import Arithmetic, DataFormat, Precision

_SCOPE = "network"
# As serving computes, and whoever does not say.
PLAIN = Arithmetic(Precision.FLOAT32, DataFormat.CHANNELS_LAST, on_gpu=False)


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A residual network's shape: blocks a stage, their widths, and how an image enters.

    `bottleneck`: blocks of 1x1, 3x3 and 1x1 convolutions, four times as wide at their end, instead of two 3x3.
    `large_image_stem`: 7x7 convolution of stride 2 and 3x3 max pooling of stride 2, instead of one 3x3 convolution.
    """

    blocks: Sequence[int]
    widths: Sequence[int]
    bottleneck: bool
    large_image_stem: bool


def _for_large_images(*blocks: int, bottleneck: bool = False) -> Architecture:
    return Architecture(blocks, (64, 128, 256, 512), bottleneck=bottleneck, large_image_stem=True)


def _for_small_images(blocks: int) -> Architecture:
    return Architecture((blocks,) * 3, (16, 32, 64), bottleneck=False, large_image_stem=False)


ARCHITECTURES = {
    settings.Network.RESNET18: _for_large_images(2, 2, 2, 2),
    settings.Network.RESNET34: _for_large_images(3, 4, 6, 3),
    settings.Network.RESNET50: _for_large_images(3, 4, 6, 3, bottleneck=True),
    settings.Network.RESNET8: _for_small_images(1),
    settings.Network.RESNET20: _for_small_images(3),
    settings.Network.RESNET32: _for_small_images(5),
    settings.Network.RESNET56: _for_small_images(9),
}


class Network(NamedTuple):
    """What a network gives: `logits` [batch, num_classes] float32, its `kernels`, and what there is to be looked at.

    Kernels are the weights of every convolution and of the last layer; not biases, not batch-norm gamma and beta.
    `embedding` [batch, width] float32 is what the last layer sees, and `stages` the output of each stage by name.
    `moves` are what `normalisation.move` is to be given.
    """

    logits: tf.Tensor
    kernels: list[tf.Variable]
    embedding: tf.Tensor
    stages: dict[str, tf.Tensor]
    layers: list[Layer]
    moves: Sequence[Move] = ()


def build(
    images: tf.Tensor,
    architecture: Architecture,
    *,
    num_classes: int,
    training: bool,
    sync_batch_norm: bool = False,
    arithmetic: Arithmetic = PLAIN,
    slices: int = 1,
) -> Network:
    """Lays out a network over a batch of images, [batch, height, width, 3] float32.

    `training`: normalise by the batch's statistics, and add updates of their moving averages to UPDATE_OPS.
    `sync_batch_norm`: by those of the global batch, not of this replica's share. The variables are the same.
    `arithmetic`: the type and layout of what stands between images and logits. The variables are the same.
    `slices`: how many such batches make up that of a step.
    """
    layers = Layers(training=training, sync_batch_norm=sync_batch_norm, arithmetic=arithmetic, slices=slices)
    with tf.compat.v1.variable_scope(_SCOPE):
        x = _stem(layers, layers.images(images), architecture)
        stages = {"stem": x}
        for stage, (blocks, width) in enumerate(zip(architecture.blocks, architecture.widths, strict=True), start=1):
            for block in range(1, blocks + 1):
                stride = 2 if stage > 1 and block == 1 else 1
                with tf.compat.v1.variable_scope(f"stage{stage}/block{block}"):
                    x = _block(layers, x, width, stride, bottleneck=architecture.bottleneck)
            stages[f"stage{stage}"] = x
        embedding = layers.mean_over_pixels(x)
        logits = layers.dense(embedding, num_classes, name="logits")
    return Network(logits, layers.kernels, embedding, {**stages, "logits": logits}, layers.rows, layers.moves)


def variables() -> list[tf.Variable]:
    """Those of the current graph's network, batch norm's moving averages among them. An optimizer adds others later."""
    return tf.compat.v1.global_variables(f"{_SCOPE}/")


def stage_of(variable_name: str) -> str:
    """The stage that a variable of a network belongs to: `stem`, `stage1` and so on, `logits`."""
    return variable_name.split("/")[1]


def _stem(layers: Layers, images: tf.Tensor, architecture: Architecture) -> tf.Tensor:
    large = architecture.large_image_stem
    with tf.compat.v1.variable_scope("stem"):
        x = layers.conv(images, architecture.widths[0], size=7 if large else 3, stride=2 if large else 1, name="conv")
        x = tf.nn.relu(layers.batch_norm(x, name="batch_norm"))
        return layers.max_pool(x, size=3, stride=2) if large else x


def _block(layers: Layers, x: tf.Tensor, width: int, stride: int, *, bottleneck: bool) -> tf.Tensor:
    """`relu(shortcut(x) + convolutions(x))`, batch normalisation after every convolution, the shortcut's too."""
    if bottleneck:
        convolutions = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)]
    else:
        convolutions = [(width, 3, stride), (width, 3, 1)]
    width_out = convolutions[-1][0]
    shortcut = x
    if stride != 1 or layers.channels(x) != width_out:
        shortcut = layers.conv(x, width_out, size=1, stride=stride, name="conv_shortcut")
        shortcut = layers.batch_norm(shortcut, name="batch_norm_shortcut")
    for i, (filters, size, conv_stride) in enumerate(convolutions, start=1):
        last = i == len(convolutions)
        x = layers.conv(x, filters, size=size, stride=conv_stride, name=f"conv{i}")
        x = layers.batch_norm(x, name=f"batch_norm{i}", gamma=0.0 if last else 1.0)
        if not last:
            x = tf.nn.relu(x)
    return tf.nn.relu(shortcut + x)

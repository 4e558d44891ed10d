"""Layers of a network: their variables in float32, their activations in the type and layout of its arithmetic."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from model_fn import convolution, normalisation
from settings import Arithmetic, DataFormat, Precision

# He initialisation (https://arxiv.org/abs/1502.01852): keeps the gradient's variance through layers with ReLU.
_HE = tf.compat.v1.variance_scaling_initializer(scale=2.0, mode="fan_out", distribution="untruncated_normal")
_TYPES = {Precision.FLOAT32: tf.float32, Precision.BFLOAT16: tf.bfloat16, Precision.FLOAT16: tf.float16}


class Layer(NamedTuple):
    """A row of a network's summary: name below `network/`, shape of its output, number of its trained parameters."""

    name: str
    output_shape: tuple[int | None, ...]
    parameters: int


class Layers:
    """The layers of one network, which share its mode and put their kernels, rows and moves on one list each.

    Images and what convolutions give are [batch, height, width, channels] or, with channels first, [batch, channels,
    height, width].
    """

    def __init__(self, *, training: bool, sync_batch_norm: bool, arithmetic: Arithmetic, slices: int = 1):
        self._training = training
        self._sync_batch_norm = sync_batch_norm
        self._slices = slices
        self._arithmetic = arithmetic
        self._type = _TYPES[arithmetic.precision]
        self._channels_first = arithmetic.data_format is DataFormat.CHANNELS_FIRST
        self._format = "NCHW" if self._channels_first else "NHWC"
        self.kernels: list[tf.Variable] = []
        self.rows: list[Layer] = []
        self.moves: list[normalisation.Move] = []

    def images(self, images: tf.Tensor) -> tf.Tensor:
        """[batch, height, width, 3] of any floating type, as the other layers take it."""
        x = tf.cast(images, self._type)
        return tf.transpose(x, [0, 3, 1, 2]) if self._channels_first else x

    def conv(self, x: tf.Tensor, filters: int, *, size: int, stride: int, name: str) -> tf.Tensor:
        """A convolution without bias, padded so that it gives one value for each `stride` pixels."""
        with tf.compat.v1.variable_scope(name):
            kernel = self._kernel([size, size, self.channels(x), filters], _HE)
            y = convolution.conv2d(
                x,
                tf.cast(kernel, self._type),
                stride=stride,
                data_format=self._format,
                on_gpu=self._arithmetic.on_gpu,
            )
            return self._noted(y, kernel.shape.num_elements())

    def batch_norm(self, x: tf.Tensor, *, name: str, gamma: float = 1.0) -> tf.Tensor:
        """`normalisation.batch_norm`. `gamma` is the first value of the scale."""
        y, moves = normalisation.batch_norm(
            x,
            gamma=gamma,
            training=self._training,
            over_replicas=self._sync_batch_norm,
            channels_first=self._channels_first,
            slices=self._slices,
            name=name,
        )
        self.moves += moves
        with tf.compat.v1.variable_scope(name):
            return self._noted(y, 2 * self.channels(x))  # gamma and beta

    def max_pool(self, x: tf.Tensor, *, size: int, stride: int) -> tf.Tensor:
        """The largest value of each channel in windows of `size` by `size`, one for each `stride` pixels."""
        return tf.nn.max_pool2d(x, ksize=size, strides=stride, padding="SAME", data_format=self._format)

    def mean_over_pixels(self, x: tf.Tensor) -> tf.Tensor:
        """[batch, channels] float32."""
        return tf.reduce_mean(tf.cast(x, tf.float32), axis=[2, 3] if self._channels_first else [1, 2])

    def dense(self, x: tf.Tensor, outputs: int, *, name: str) -> tf.Tensor:
        """[batch, inputs] float32 -> [batch, outputs] float32, with bias."""
        with tf.compat.v1.variable_scope(name):
            kernel = self._kernel([x.shape[-1], outputs], tf.compat.v1.glorot_uniform_initializer())
            bias = tf.compat.v1.get_variable("bias", [outputs], initializer=tf.compat.v1.zeros_initializer())
            return self._noted(tf.linalg.matmul(x, kernel) + bias, (x.shape[-1] + 1) * outputs)

    def channels(self, x: tf.Tensor) -> int:
        """How many channels a batch of images, or what a convolution gave, has."""
        return x.shape[1 if self._channels_first else -1]

    def _noted(self, output: tf.Tensor, parameters: int) -> tf.Tensor:
        name = tf.compat.v1.get_variable_scope().name.partition("/")[2]
        self.rows.append(Layer(name, tuple(output.shape), parameters))
        return output

    def _kernel(self, shape: Sequence[int], initializer: Callable) -> tf.Variable:
        self.kernels.append(tf.compat.v1.get_variable("kernel", shape, initializer=initializer))
        return self.kernels[-1]

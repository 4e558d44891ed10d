"""Convolutions, and on processors faster ways to them and to the gradients of their kernels.

Which way is taken when was decided by measurement, on two cores with AVX512-BF16 and batches of 16 to 256.
"""

import tensorflow as tf

from model_fn import sine_convolution

# 3x3 convolutions between sines take 1.15 to 1.9 times less time, gradients included, from this batch and so many
# channels on, up to this side in pixels.
_SIDE_OF_SINES = 8
_CHANNELS_OF_SINES = 256
_BATCH_OF_SINES = 32
# Up to this side of the output TensorFlow's own gradient of a kernel takes 1.1 to 4 times as long in bfloat16. In
# float32 it is as fast.
_SIDE_OF_SWAPPED = 12
# There the batch stands in for channels, and a few of those leave vector units idle.
_SMALLEST_BATCH = 16
_BY_SWAPPING = "StepdownConv2DBySwapping"


def conv2d(x: tf.Tensor, kernel: tf.Tensor, *, stride: int, data_format: str, on_gpu: bool) -> tf.Tensor:
    """`tf.nn.conv2d` with padding SAME. `data_format`: NHWC or NCHW, the order of `x`'s dimensions."""
    on_processor = not on_gpu and data_format == "NHWC"
    if on_processor and _is_faster_between_sines(x, kernel, stride=stride):
        return sine_convolution.conv2d(x, kernel)
    swapped = on_processor and _is_faster_swapped(x, kernel, stride=stride)
    with tf.compat.v1.get_default_graph().gradient_override_map({"Conv2D": _BY_SWAPPING} if swapped else {}):
        return tf.nn.conv2d(x, kernel, strides=stride, padding="SAME", data_format=data_format)


def kernel_gradient_by_swapping(x: tf.Tensor, of_output: tf.Tensor, *, size: int, stride: int) -> tf.Tensor:
    """The gradient of a kernel [size, size, channels, filters] for padding SAME, as a convolution itself.

    It sums, for each offset of the kernel, products of `x` [batch, height, width, channels] and `of_output` over batch
    and places. That is the convolution of `x`, batch and channels exchanged, by `of_output` as the kernel, whose values
    lie `stride` pixels apart.
    """
    padding = [_padding(side, out, size, stride) for side, out in zip(x.shape[1:3], of_output.shape[1:3], strict=True)]
    padded = tf.pad(x, [[0, 0], *padding, [0, 0]])
    products = tf.nn.conv2d(
        tf.transpose(padded, [3, 1, 2, 0]), tf.transpose(of_output, [1, 2, 0, 3]), 1, "VALID", dilations=stride
    )
    # Pixels at the end that the stride passes over would be further offsets.
    return tf.transpose(products[:, :size, :size], [1, 2, 0, 3])


def _is_faster_between_sines(x: tf.Tensor, kernel: tf.Tensor, *, stride: int) -> bool:
    batch, *sides, channels = x.shape
    return (
        stride == 1
        and list(kernel.shape[:2]) == [3, 3]
        and x.dtype in (tf.float32, tf.bfloat16)
        and None not in (batch, *sides)
        and batch >= _BATCH_OF_SINES
        and min(sides) > 1
        and max(sides) <= _SIDE_OF_SINES
        and min(channels, kernel.shape[-1]) >= _CHANNELS_OF_SINES
    )


def _is_faster_swapped(x: tf.Tensor, kernel: tf.Tensor, *, stride: int) -> bool:
    batch, *sides, _ = x.shape
    return (
        kernel.shape[0] > 1
        and x.dtype == tf.bfloat16
        and None not in (batch, *sides)
        and batch >= _SMALLEST_BATCH
        and max(-(-side // stride) for side in sides) <= _SIDE_OF_SWAPPED
    )


@tf.RegisterGradient(_BY_SWAPPING)
def _gradient_by_swapping(op: tf.Operation, of_output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    x, kernel = op.inputs
    stride = op.get_attr("strides")[1]
    of_x = tf.compat.v1.nn.conv2d_backprop_input(x.shape, kernel, of_output, op.get_attr("strides"), "SAME")
    return of_x, kernel_gradient_by_swapping(x, of_output, size=kernel.shape[0], stride=stride)


def _padding(side: int, out: int, size: int, stride: int) -> list[int]:
    """Before and after a side, as padding SAME has it."""
    total = max((out - 1) * stride + size - side, 0)
    return [total // 2, total - total // 2]

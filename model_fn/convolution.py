"""Convolutions, and on processors faster gradients of their kernels.

Which gradient is taken when was decided by measurement, on two cores with AVX512-BF16 and batches of 16 to 128.
"""

import tensorflow as tf

# Up to this side of the output, in pixels, TensorFlow's own gradient of a 3x3 kernel takes up to 1.7 times as long in
# float32, and 3.5 times in bfloat16. From 8 on it is the faster one.
_SIDE_OF_PRODUCTS = 6
# Up to this one, or with a stride, TensorFlow's own takes 1.1 to 4 times as long in bfloat16. In float32 it is as fast.
_SIDE_OF_SWAPPED = 12
# There the batch stands in for channels, and a few of those leave vector units idle.
_SMALLEST_BATCH = 16
_BY_PRODUCTS = "StepdownConv2DByProducts"
_BY_SWAPPING = "StepdownConv2DBySwapping"


def conv2d(x: tf.Tensor, kernel: tf.Tensor, *, stride: int, data_format: str, on_gpu: bool) -> tf.Tensor:
    """`tf.nn.conv2d` with padding SAME. `data_format`: NHWC or NCHW, the order of `x`'s dimensions."""
    gradient = None if on_gpu or data_format != "NHWC" else _faster_gradient(x, kernel, stride=stride)
    with tf.compat.v1.get_default_graph().gradient_override_map({"Conv2D": gradient} if gradient else {}):
        return tf.nn.conv2d(x, kernel, strides=stride, padding="SAME", data_format=data_format)


def kernel_gradient_by_products(x: tf.Tensor, of_output: tf.Tensor, *, size: int) -> tf.Tensor:
    """The gradient of a kernel [size, size, channels, filters] for stride 1 and padding SAME.

    One matrix product for each offset of the kernel, over the pixels that it meets. On small images many offsets meet
    few: at 3 by 3 pixels 32 of the 81 products that a 3x3 convolution makes are with padding.

    Args:
      x: [batch, height, width, channels], what the convolution got.
      of_output: [batch, height, width, filters].
    """
    rows, columns = ([_met(side, offset, size) for offset in range(size)] for side in x.shape[1:3])
    products = [
        tf.matmul(_pixels(x, x_rows, x_columns), _pixels(of_output, rows_out, columns_out), transpose_a=True)
        for x_rows, rows_out in rows
        for x_columns, columns_out in columns
    ]
    return tf.reshape(tf.stack(products), [size, size, x.shape[-1], of_output.shape[-1]])


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


def _faster_gradient(x: tf.Tensor, kernel: tf.Tensor, *, stride: int) -> str | None:
    """The name of a gradient that is faster than TensorFlow's, if there is one."""
    batch, *sides, _ = x.shape
    size, largest = kernel.shape[0], max(-(-(side or 0) // stride) for side in sides)
    if size == 1 or None in (batch, *sides) or x.dtype == tf.float16:
        return None
    if stride == 1 and min(sides) >= size // 2 and largest <= _SIDE_OF_PRODUCTS:
        return _BY_PRODUCTS
    if x.dtype == tf.bfloat16 and largest <= _SIDE_OF_SWAPPED and batch >= _SMALLEST_BATCH:
        return _BY_SWAPPING
    return None


@tf.RegisterGradient(_BY_PRODUCTS)
def _gradient_by_products(op: tf.Operation, of_output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    x, kernel = op.inputs
    return _gradient_of_x(op, of_output), kernel_gradient_by_products(x, of_output, size=kernel.shape[0])


@tf.RegisterGradient(_BY_SWAPPING)
def _gradient_by_swapping(op: tf.Operation, of_output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    x, kernel = op.inputs
    stride = op.get_attr("strides")[1]
    of_kernel = kernel_gradient_by_swapping(x, of_output, size=kernel.shape[0], stride=stride)
    return _gradient_of_x(op, of_output), of_kernel


def _gradient_of_x(op: tf.Operation, of_output: tf.Tensor) -> tf.Tensor:
    x, kernel = op.inputs
    return tf.compat.v1.nn.conv2d_backprop_input(x.shape, kernel, of_output, op.get_attr("strides"), "SAME")


def _met(side: int, offset: int, size: int) -> tuple[slice, slice]:
    """The pixels of a side that an offset of a kernel reads, and those of the output that it then adds to."""
    shift = offset - _padding(side, side, size, 1)[0]
    first, end = max(-shift, 0), min(side, side - shift)
    return slice(first + shift, end + shift), slice(first, end)


def _pixels(values: tf.Tensor, rows: slice, columns: slice) -> tf.Tensor:
    """[pixels of all examples, channels]."""
    return tf.reshape(values[:, rows, columns], [-1, values.shape[-1]])


def _padding(side: int, out: int, size: int, stride: int) -> list[int]:
    """Before and after a side, as padding SAME has it."""
    total = max((out - 1) * stride + size - side, 0)
    return [total // 2, total - total // 2]

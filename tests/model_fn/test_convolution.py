"""Gradients of kernels against TensorFlow's own, and which of them is taken when."""

import numpy as np
import pytest
import tensorflow as tf

from model_fn import convolution, network
from settings import Arithmetic, DataFormat, Network, Precision


def gradients(x, kernel, of_output, *, convolve):
    """Of x and of the kernel, where `convolve` gives something whose gradient is `of_output`."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x, kernel, of_output = (tf.constant(each) for each in (x, kernel, of_output))
        return session.run(tf.gradients(convolve(x, kernel), [x, kernel], of_output))


def example(*, batch=16, height, width, channels=3, filters=5, size=3, stride=1, dtype=np.float32):
    random = np.random.RandomState(0)
    out = [batch, -(-height // stride), -(-width // stride), filters]
    shapes = [batch, height, width, channels], [size, size, channels, filters], out
    return [random.normal(size=shape).astype(dtype) for shape in shapes]


def conv2d(x, kernel, *, stride):
    return convolution.conv2d(x, kernel, stride=stride, data_format="NHWC", on_gpu=False)


def plain(stride):
    return lambda x, kernel: tf.nn.conv2d(x, kernel, stride, "SAME")


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize(("height", "width"), [(3, 3), (2, 6), (5, 4)])
def test_the_gradient_by_products_is_tensorflows(height, width, size):
    x, kernel, of_output = example(height=height, width=width, size=size)
    expected = gradients(x, kernel, of_output, convolve=plain(1))[1]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        found = session.run(convolution.kernel_gradient_by_products(tf.constant(x), tf.constant(of_output), size=size))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("height", "width", "size"), [(12, 12, 3), (7, 6, 3), (9, 8, 5), (8, 8, 2), (5, 11, 7)])
def test_the_gradient_by_swapping_is_tensorflows(height, width, size, stride):
    x, kernel, of_output = example(height=height, width=width, size=size, stride=stride)
    expected = gradients(x, kernel, of_output, convolve=plain(stride))[1]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        found = session.run(
            convolution.kernel_gradient_by_swapping(tf.constant(x), tf.constant(of_output), size=size, stride=stride)
        )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("dtype", "batch", "side", "size", "stride", "gradient"),
    [
        ("float32", 64, 3, 3, 1, "StepdownConv2DByProducts"),
        ("float32", 64, 6, 3, 1, "StepdownConv2DByProducts"),
        ("float32", 64, 7, 3, 1, None),
        ("float32", 64, 6, 3, 2, None),
        ("float32", 64, 3, 1, 1, None),
        ("bfloat16", 64, 6, 3, 1, "StepdownConv2DByProducts"),
        ("bfloat16", 64, 6, 3, 2, "StepdownConv2DBySwapping"),
        ("bfloat16", 64, 12, 3, 1, "StepdownConv2DBySwapping"),
        ("bfloat16", 64, 24, 3, 2, "StepdownConv2DBySwapping"),
        ("bfloat16", 64, 24, 3, 1, None),
        ("bfloat16", 8, 12, 3, 1, None),
        ("bfloat16", None, 12, 3, 1, None),
        ("float16", 64, 3, 3, 1, None),
    ],
)
@pytest.mark.parametrize("on_gpu", [False, True])
def test_the_faster_gradient_is_taken_on_processors(dtype, batch, side, size, stride, gradient, on_gpu):
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(dtype, [batch, side, side, 4])
        kernel = tf.compat.v1.placeholder(dtype, [size, size, 4, 4])
        convolution.conv2d(x, kernel, stride=stride, data_format="NHWC", on_gpu=on_gpu)
        (op,) = (op for op in graph.get_operations() if op.type == "Conv2D")
        names = {name for name in ("StepdownConv2DByProducts", "StepdownConv2DBySwapping") if overridden(op) == name}
    assert names == ({gradient} if gradient and not on_gpu else set())


def overridden(op):
    try:
        return op.get_attr("_gradient_op_type").decode()
    except ValueError:
        return None


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_a_convolution_in_bfloat16(stride):
    x, kernel, of_output = example(height=6, width=6, channels=8, filters=8, stride=stride)
    low = [each.astype(tf.bfloat16.as_numpy_dtype) for each in (x, kernel, of_output)]
    ours = gradients(*low, convolve=lambda x, kernel: conv2d(x, kernel, stride=stride))
    exact = gradients(*(each.astype(np.float32) for each in low), convolve=plain(stride))
    for found, expected in zip(ours, exact, strict=True):
        # Sums of up to 16 * 36 products, rounded to 8 bits once or a few times.
        np.testing.assert_allclose(found.astype(np.float32), expected, rtol=0.02, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize("precision", [Precision.BFLOAT16, Precision.FLOAT16])
def test_variables_statistics_and_logits_are_float32_in_any_precision(precision):
    with tf.Graph().as_default():
        net = network.build(
            tf.zeros([2, 16, 16, 3]),
            network.ARCHITECTURES[Network.RESNET8],
            num_classes=10,
            training=True,
            arithmetic=Arithmetic(precision, DataFormat.CHANNELS_LAST, on_gpu=False),
        )
        assert {variable.dtype.base_dtype for variable in tf.compat.v1.global_variables()} == {tf.float32}
        assert net.logits.dtype == net.embedding.dtype == tf.float32
        assert net.stages["stage2"].dtype.name == precision.value

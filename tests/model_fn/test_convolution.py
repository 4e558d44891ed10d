"""Convolutions and gradients against TensorFlow's own, and which of them is taken when."""

import numpy as np
import pytest
import tensorflow as tf

from model_fn import convolution, network, sine_convolution
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


@pytest.mark.parametrize(("height", "width"), [(2, 2), (3, 3), (4, 7), (6, 6), (8, 2)])
def test_a_convolution_between_sines_is_tensorflows(height, width):
    x, kernel, of_output = example(height=height, width=width)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        found = session.run(sine_convolution.conv2d(tf.constant(x), tf.constant(kernel)))
        expected = session.run(plain(1)(tf.constant(x), tf.constant(kernel)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    ours, theirs = (
        gradients(x, kernel, of_output, convolve=convolve) for convolve in (sine_convolution.conv2d, plain(1))
    )
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_convolution_between_sines_takes_any_batch():
    x, kernel, _ = example(height=3, width=4)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.compat.v1.placeholder(tf.float32, [None, *x.shape[1:]])
        y = sine_convolution.conv2d(images, tf.constant(kernel))
        assert y.shape.as_list() == [None, 3, 4, 5]
        found = session.run(y, {images: x})
        expected = session.run(plain(1)(images, tf.constant(kernel)), {images: x})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("side", "products"), [(3, 25), (6, 121)])
def test_a_convolution_between_sines_makes_so_many_products(side, products):
    batch, channels, filters = 2, 3, 5
    with tf.Graph().as_default() as graph:
        sine_convolution.conv2d(tf.zeros([batch, side, side, channels]), tf.zeros([3, 3, channels, filters]))
        rows = [op.inputs[0].shape for op in graph.get_operations() if op.type == "BatchMatMulV2"]
    assert {shape[2] for shape in rows} == {channels}
    assert sum(shape[0] * shape[1] for shape in rows) == products * batch


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


SINES, SWAPPED = "between sines", "StepdownConv2DBySwapping"


@pytest.mark.parametrize(
    ("dtype", "batch", "side", "channels", "size", "stride", "way"),
    [
        ("float32", 64, 3, 512, 3, 1, SINES),
        ("float32", 32, 8, 256, 3, 1, SINES),
        ("bfloat16", 64, 6, 256, 3, 1, SINES),
        ("float32", 31, 3, 512, 3, 1, None),
        ("float32", 64, 9, 256, 3, 1, None),
        ("float32", 64, 1, 512, 3, 1, None),
        ("float32", 64, 6, 255, 3, 1, None),
        ("float32", 64, 6, 256, 3, 2, None),
        ("float32", 64, 3, 512, 1, 1, None),
        ("float32", None, 3, 512, 3, 1, None),
        ("float16", 64, 3, 512, 3, 1, None),
        ("bfloat16", 64, 6, 4, 3, 2, SWAPPED),
        ("bfloat16", 64, 12, 4, 3, 1, SWAPPED),
        ("bfloat16", 64, 24, 4, 3, 2, SWAPPED),
        ("bfloat16", 64, 24, 4, 3, 1, None),
        ("bfloat16", 8, 12, 4, 3, 1, None),
        ("bfloat16", None, 12, 4, 3, 1, None),
    ],
)
@pytest.mark.parametrize("on_gpu", [False, True])
def test_the_faster_way_is_taken_on_processors(dtype, batch, side, channels, size, stride, way, on_gpu):
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(dtype, [batch, side, side, channels])
        kernel = tf.compat.v1.placeholder(dtype, [size, size, channels, channels])
        convolution.conv2d(x, kernel, stride=stride, data_format="NHWC", on_gpu=on_gpu)
        taken = [overridden(op) for op in graph.get_operations() if op.type == "Conv2D"]
    assert taken == ([] if way == SINES and not on_gpu else [None if on_gpu else way])


def overridden(op):
    try:
        return op.get_attr("_gradient_op_type").decode()
    except ValueError:
        return None


@pytest.mark.parametrize(("channels", "stride"), [(8, 1), (8, 2), (256, 1)])
def test_gradients_of_a_convolution_in_bfloat16(channels, stride):
    x, kernel, of_output = example(batch=32, height=6, width=6, channels=channels, filters=channels, stride=stride)
    low = [each.astype(tf.bfloat16.as_numpy_dtype) for each in (x, kernel, of_output)]
    ours = gradients(*low, convolve=lambda x, kernel: conv2d(x, kernel, stride=stride))
    exact = gradients(*(each.astype(np.float32) for each in low), convolve=plain(stride))
    for found, expected in zip(ours, exact, strict=True):
        # Sums of up to 32 * 36 or 9 * 256 products, rounded to 8 bits once or a few times.
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

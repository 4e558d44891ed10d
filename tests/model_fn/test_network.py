import numpy as np
import pytest
import tensorflow as tf

from model_fn import network
from settings import Network

# Trainable parameters with 10 classes. For large images: torchvision's published counts for 1,000 classes (11,689,512,
# 21,797,672, 25,557,032) with the last layer's 1,000 outputs replaced by 10.
LARGE = {
    Network.RESNET18: 11_689_512 - 513 * 1000 + 513 * 10,
    Network.RESNET34: 21_797_672 - 513 * 1000 + 513 * 10,
    Network.RESNET50: 25_557_032 - 2049 * 1000 + 2049 * 10,
}


def small_count(n):
    """Parameters of the CIFAR ResNet with n blocks a stage and projection shortcuts, from the paper's table."""

    def conv(size, inputs, outputs):
        return size * size * inputs * outputs + 2 * outputs  # with gamma and beta

    total = conv(3, 3, 16) + 64 * 10 + 10
    for inputs, width in ((16, 16), (16, 32), (32, 64)):
        total += conv(3, inputs, width) + (2 * n - 1) * conv(3, width, width)
        total += conv(1, inputs, width) if inputs != width else 0
    return total


COUNTS = LARGE | {
    Network.RESNET8: small_count(1),
    Network.RESNET20: small_count(3),
    Network.RESNET32: small_count(5),
    Network.RESNET56: small_count(9),
}


def build(name, *, image_size, training=True):
    images = tf.compat.v1.placeholder(tf.float32, [2, image_size, image_size, 3])
    return network.build(images, network.ARCHITECTURES[name], num_classes=10, training=training)


@pytest.mark.parametrize("name", Network)
def test_parameters_and_output_shape(name):
    with tf.Graph().as_default():
        net = build(name, image_size=96 if name in LARGE else 32)
        logits = net.logits
        assert logits.shape == (2, 10)
        assert logits.dtype == tf.float32
        assert sum(v.shape.num_elements() for v in tf.compat.v1.trainable_variables()) == COUNTS[name]
        assert sum(layer.parameters for layer in net.layers) == COUNTS[name], "the table of layers is whole"


def test_resnet18_halves_the_image_as_published():
    """96 px: 48 after the 7x7/2 convolution, 24 after the pooling and in stage 1, then 12, 6 and 3."""
    with tf.Graph().as_default() as graph:
        build(Network.RESNET18, image_size=96)
        outputs = [op.outputs[0].shape.as_list()[1:] for op in graph.get_operations() if op.type == "Conv2D"]
        pools = [op.outputs[0].shape.as_list()[1:] for op in graph.get_operations() if op.type == "MaxPool"]
    assert outputs[0] == [48, 48, 64]
    assert pools == [[24, 24, 64]]
    assert [outputs[i][::2] for i in (1, -1)] == [[24, 64], [3, 512]]
    assert [shape for shape in ([24, 24, 64], [12, 12, 128], [6, 6, 256], [3, 3, 512]) if shape not in outputs] == []


def test_a_new_block_is_the_identity():
    """The last gamma of each block starts at zero, the others at one."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        build(Network.RESNET20, image_size=8)
        session.run(tf.compat.v1.global_variables_initializer())
        gammas = {v.op.name: session.run(v) for v in tf.compat.v1.trainable_variables() if v.op.name.endswith("gamma")}
    for name, gamma in gammas.items():
        assert (gamma == (0 if "batch_norm2/" in name else 1)).all(), name
    assert sum("batch_norm2/" in name for name in gammas) == 9


def test_kernels_start_with_the_variance_of_he():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.set_random_seed(0)
        kernels = build(Network.RESNET20, image_size=8).kernels
        (kernel,) = [v for v in kernels if v.op.name == "network/stage3/block3/conv2/kernel"]
        session.run(kernel.initializer)
        values = session.run(kernel)
    np.testing.assert_allclose(values.std(), np.sqrt(2 / (3 * 3 * 64)), rtol=0.02)


def test_kernels_are_convolutions_and_the_last_layer():
    with tf.Graph().as_default():
        kernels = build(Network.RESNET20, image_size=8).kernels
        assert len(kernels) == 1 + 18 + 2 + 1  # stem, blocks, projections, last layer
        assert not [v for v in kernels if v.shape.rank < 2]


def test_every_convolution_is_normalised():
    with tf.Graph().as_default() as graph:
        build(Network.RESNET50, image_size=32)
        types = [op.type for op in graph.get_operations()]
    assert types.count("FusedBatchNormV3") == types.count("Conv2D") == 53


@pytest.mark.parametrize(("training", "updates"), [(True, 2 * 9), (False, 0)])
def test_moving_averages_are_updated_in_training_only(training, updates):
    with tf.Graph().as_default():
        build(Network.RESNET8, image_size=8, training=training)
        assert len(tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)) == updates


def test_stages_and_layers_are_named_with_their_shapes():
    with tf.Graph().as_default():
        net = build(Network.RESNET20, image_size=32)
        stages = {name: tuple(output.shape[1:]) for name, output in net.stages.items()}
        variables = {network.stage_of(v.op.name) for v in tf.compat.v1.trainable_variables()}
    assert stages == {
        "stem": (32, 32, 16),
        "stage1": (32, 32, 16),
        "stage2": (16, 16, 32),
        "stage3": (8, 8, 64),
        "logits": (10,),
    }
    assert variables == set(stages)
    assert net.embedding.shape == (2, 64)
    assert net.layers[0] == network.Layer("stem/conv", (2, 32, 32, 16), 3 * 3 * 3 * 16)
    assert net.layers[-1] == network.Layer("logits", (2, 10), 65 * 10)

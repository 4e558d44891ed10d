"""Against counts that are published with the networks, at 224 px and 1,000 classes."""

import pytest
import tensorflow as tf

import settings
from benchmarks.arithmetic import forward_operations, training_operations
from model_fn import network
from model_fn.network import Layer


def layers_of(name, *, size, num_classes):
    with tf.Graph().as_default():
        images = tf.compat.v1.placeholder(tf.float32, [1, size, size, 3])
        return network.build(images, network.ARCHITECTURES[name], num_classes=num_classes, training=True).layers


@pytest.mark.parametrize(
    ("name", "multiplications"),
    [
        (settings.Network.RESNET18, 1_814_073_344),
        (settings.Network.RESNET34, 3_663_761_408),
        (settings.Network.RESNET50, 4_089_184_256),
    ],
)
def test_a_forward_pass_takes_what_is_published(name, multiplications):
    assert forward_operations(layers_of(name, size=224, num_classes=1000)) == 2 * multiplications


def test_backward_takes_twice_as_much_but_for_the_input_of_the_first_layer():
    layers = [
        Layer("stem/conv", (1, 4, 4, 2), 3 * 3 * 3 * 2),
        Layer("stem/batch_norm", (1, 4, 4, 2), 4),
        Layer("stage1/block1/conv_shortcut", (1, 2, 2, 5), 10),
        Layer("logits", (1, 10), 60),
    ]
    stem, shortcut, logits = 2 * 54 * 16, 2 * 10 * 4, 2 * 50
    assert forward_operations(layers) == stem + shortcut + logits
    assert training_operations(layers) == 2 * stem + 3 * shortcut + 3 * logits

"""A batch in slices, against NumPy's gradient of the whole and against the graph of a batch that is not split."""

import numpy as np
import pytest
import tensorflow as tf

from model_fn import network, normalisation, objective
from model_fn.accumulation import Outcome, forward_and_backward
from model_fn.optimizer import gradients

BATCH, CLASSES, DECAY = 8, 3, 0.1
SMALL = network.Architecture((1,), (4,), bottleneck=False, large_image_stem=False)
RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.uniform(-1, 1, [BATCH, 8, 8, 3]).astype(np.float32)
LABELS = RANDOM.randint(0, CLASSES, BATCH).astype(np.int32)
WEIGHTS = np.array([1, 1, 1, 1, 1, 1, 0, 0], np.float32)  # The last two are padding.
KERNEL = RANDOM.uniform(-1, 1, [3, CLASSES]).astype(np.float32)


def outcome_of(net, labels):
    loss = objective.loss(net.logits, labels, label_smoothing=0.0, decayed=net.kernels, weight_decay=DECAY)
    return Outcome(net, loss, {"accuracy": objective.correct(net.logits, labels["label"])})


def one_layer(images, labels):
    """Nothing of an example depends on the others."""
    kernel = tf.compat.v1.get_variable("kernel", initializer=KERNEL)
    embedding = tf.reduce_mean(images, axis=[1, 2])
    return outcome_of(network.Network(tf.matmul(embedding, kernel), [kernel], embedding, {}, []), labels)


def residual(slices):
    return lambda images, labels: outcome_of(
        network.build(images, SMALL, num_classes=CLASSES, training=True, slices=slices), labels
    )


def built(forward, slices):
    return forward_and_backward(
        forward, tf.constant(IMAGES), {"label": tf.constant(LABELS), "weight": tf.constant(WEIGHTS)}, slices=slices
    )


def gradient_and_loss():
    """Of the whole batch, by NumPy in double precision."""
    inputs, kernel = IMAGES.astype(np.float64).mean(axis=(1, 2)), KERNEL.astype(np.float64)
    exponentials = np.exp(inputs @ kernel)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    truth = np.eye(CLASSES)[LABELS]
    of_logits = (probabilities - truth) * WEIGHTS[:, None] / BATCH
    cross_entropy = -np.sum(np.log(probabilities) * truth * WEIGHTS[:, None]) / BATCH
    decay = DECAY / 2 * np.sum(kernel**2)
    return inputs.T @ of_logits + DECAY * kernel, (cross_entropy + decay, cross_entropy, decay)


@pytest.mark.parametrize("slices", [1, 2, 4, 8])
def test_gradient_loss_and_accuracy_are_those_of_the_whole_batch(slices):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        outcome, [(gradient, variable)] = built(one_layer, slices)
        (trained,) = tf.compat.v1.trainable_variables()
        assert variable is trained
        session.run(tf.compat.v1.global_variables_initializer())
        gradient, loss, correct = session.run([gradient, outcome.loss, outcome.correct])
    expected_gradient, expected_loss = gradient_and_loss()
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-6)
    recognised = np.argmax(IMAGES.mean(axis=(1, 2)) @ KERNEL, axis=1) == LABELS
    np.testing.assert_array_equal(correct["accuracy"], recognised)


def needed(*ops):
    """Every operation that must have run before these, and these."""
    found, left = set(), list(ops)
    while left:
        op = left.pop()
        if op not in found:
            found.add(op)
            left += [*op.control_inputs, *(tensor.op for tensor in op.inputs)]
    return found


def test_a_slice_begins_when_the_one_before_is_done():
    """Gradients and moving averages are there before a single convolution of the next slice, forward or back, runs."""
    slices = 4
    with tf.Graph().as_default() as graph:
        built(residual(slices), slices)
        updates = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)
        convolutions = [
            [op for op in graph.get_operations() if "Conv2D" in op.type and op.name.startswith(scope)]
            for scope in ("network/", "slice_2/", "slice_3/", "slice_4/")
        ]
        backward = [op for op in graph.get_operations() if op.type == "Conv2DBackpropFilter"]
    assert all(sum(op.type == "Conv2D" for op in of_slice) == 3 for of_slice in convolutions)
    assert len(backward) == 3 * slices
    assert len(updates) == 2 * 3 * slices
    for number in range(1, slices):
        done = {*backward[: 3 * number], *updates[: 6 * number]}
        for op in convolutions[number]:
            assert done <= needed(op), op.name
        assert not {*backward[3 * number :], *updates[6 * number :]} & needed(*backward[: 3 * number])


def test_moving_averages_keep_as_much_over_a_step_in_any_number_of_slices():
    slices = 4
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        _, sums = built(residual(slices), slices)
        assert len(tf.compat.v1.global_variables()) == 3 + 3 * 4 + 1 + 1, "each variable once"
        (mean,) = [v for v in tf.compat.v1.global_variables() if v.op.name == "network/stem/batch_norm/moving_mean"]
        (kernel,) = [v for v in tf.compat.v1.global_variables() if v.op.name == "network/stem/conv/kernel"]
        updates = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)
        session.run(tf.compat.v1.global_variables_initializer())
        session.run(mean.assign(tf.ones_like(mean)))
        of_slices = [
            tf.reduce_mean(tf.nn.conv2d(part, kernel, 1, "SAME"), [0, 1, 2]) for part in np.split(IMAGES, slices)
        ]
        expected, of_slices = np.ones(4), session.run(of_slices)
        session.run([updates, sums[0][0]])
        found = session.run(mean)
    kept = normalisation.MOMENTUM ** (1 / slices)
    for of_slice in of_slices:
        expected = kept * expected + (1 - kept) * of_slice
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert kept**slices == pytest.approx(normalisation.MOMENTUM)


def test_a_whole_batch_makes_the_graph_of_one_that_knows_no_slices():
    def nodes(build):
        with tf.Graph().as_default() as graph:
            build()
            return [(node.name, node.op, list(node.input)) for node in graph.as_graph_def().node]

    def plain():
        labels = {"label": tf.constant(LABELS), "weight": tf.constant(WEIGHTS)}
        gradients(residual(1)(tf.constant(IMAGES), labels).loss.total)

    def sliced():
        labels = {"label": tf.constant(LABELS), "weight": tf.constant(WEIGHTS)}
        forward_and_backward(residual(1), tf.constant(IMAGES), labels, slices=1)

    assert nodes(sliced) == nodes(plain)

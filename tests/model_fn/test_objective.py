import numpy as np
import pytest
import tensorflow as tf

from model_fn import objective

LOGITS = np.array([[1.0, 2.0, 0.5], [3.0, -1.0, 0.0], [0.0, 0.1, 0.2]], np.float32)
LABELS = np.array([1, 2, 2], np.int32)


def run(function):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tensors = function()
        session.run(tf.compat.v1.global_variables_initializer())
        return session.run(tensors)


def cross_entropy():
    """[3] float64, from the definition."""
    exponentials = np.exp(LOGITS.astype(np.float64))
    return -np.log(exponentials[range(3), LABELS] / exponentials.sum(axis=1))


def loss(weights, weight_decay, *, label_smoothing=0.0, **labels):
    return run(
        lambda: objective.loss(
            tf.constant(LOGITS),
            {"label": tf.constant(LABELS), "weight": tf.constant(weights, tf.float32), **labels},
            label_smoothing=label_smoothing,
            decayed=[tf.Variable([[3.0, 4.0]]), tf.Variable([2.0])],
            weight_decay=weight_decay,
        )
    )


def test_loss_is_cross_entropy_plus_half_the_decayed_squares():
    found = loss([1, 1, 1], 0.1)
    np.testing.assert_allclose(found.cross_entropy, cross_entropy().mean(), rtol=1e-6)
    np.testing.assert_allclose(found.weight_decay, 0.1 * (25 + 4) / 2, rtol=1e-6)
    np.testing.assert_allclose(found.total, cross_entropy().mean() + 0.1 * (25 + 4) / 2, rtol=1e-6)


def test_weights_scale_examples_and_do_not_renormalise():
    """Two real examples and one of padding, as `sequential_indices` weighs them: exactly the mean of the two."""
    np.testing.assert_allclose(loss([1.5, 1.5, 0], 0.0).total, cross_entropy()[:2].mean(), rtol=1e-6)


def of_distributions(targets):
    """Cross-entropy [3] float64 of target distributions [3, classes], from the definition."""
    exponentials = np.exp(LOGITS.astype(np.float64))
    return -(targets * np.log(exponentials / exponentials.sum(axis=1, keepdims=True))).sum(axis=1)


def test_smoothed_labels_give_every_class_a_share():
    expected = of_distributions(0.7 * np.eye(3)[LABELS] + 0.3 / 3)
    np.testing.assert_allclose(loss([1, 1, 1], 0.0, label_smoothing=0.3).cross_entropy, expected.mean(), rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_a_mixed_image_has_two_labels(smoothing):
    others, share = np.array([0, 2, 1]), np.array([0.6, 0.9, 0.75])
    two = share[:, None] * np.eye(3)[LABELS] + (1 - share[:, None]) * np.eye(3)[others]
    expected = np.dot([0.5, 1, 2], of_distributions((1 - smoothing) * two + smoothing / 3)) / 3
    labels = {"mixed_label": others.astype(np.int32), "share": share.astype(np.float32)}
    assert loss([0.5, 1, 2], 0.0, label_smoothing=smoothing, **labels).total == pytest.approx(expected, rel=1e-6)


def test_correct_compares_the_largest_logit_with_the_label():
    assert run(lambda: objective.correct(tf.constant(LOGITS), tf.constant(LABELS))).tolist() == [1, 0, 1]


def test_the_label_may_be_among_the_largest_logits():
    """The three logits' ranks are 2 1 3, 1 3 2 and 3 2 1."""
    labels = np.array([0, 1, 1], np.int32)
    assert run(lambda: objective.correct(tf.constant(LOGITS), tf.constant(labels), among=2)).tolist() == [1, 0, 1]
    assert run(lambda: objective.correct(tf.constant(LOGITS), tf.constant(labels), among=3)).tolist() == [1, 1, 1]

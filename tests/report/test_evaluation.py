"""What is measured of a classifier, against loops and cases worked by hand."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

import report
from tests.report.evaluations import BY_HAND, LABELS, NAMES, certain, random_sample


def by_loops(log_probabilities, labels, num_classes):
    """The numbers of an evaluation by Python's own arithmetic, one example after the other."""
    rows = [[float(value) for value in row] for row in log_probabilities]
    predicted = [row.index(max(row)) for row in rows]
    pairs = list(zip(labels.tolist(), predicted, strict=True))
    found = {
        "cross_entropy": -sum(row[label] for row, label in zip(rows, labels, strict=True)) / len(rows),
        "accuracy": sum(true == taken for true, taken in pairs) / len(pairs),
        "top_5": sum(label in np.argsort(row)[-5:] for row, label in zip(rows, labels, strict=True)) / len(rows),
        "confusion": [[pairs.count((true, taken)) for taken in range(num_classes)] for true in range(num_classes)],
    }
    gaps = []
    for m in range(1, 16):
        inside = [i for i, row in enumerate(rows) if (m - 1) / 15 < math.exp(max(row)) <= m / 15]
        if inside:
            confidence = sum(math.exp(max(rows[i])) for i in inside) / len(inside)
            accuracy = sum(predicted[i] == labels[i] for i in inside) / len(inside)
            gaps.append((len(inside), abs(confidence - accuracy)))
    assert len(gaps) > 8, "the sample fills most bins"
    return {**found, "expected": sum(n * gap for n, gap in gaps) / len(rows), "maximum": max(gap for _, gap in gaps)}


def test_a_sample_agrees_with_loops():
    log_probabilities, labels = random_sample()
    expected = by_loops(log_probabilities, labels, 8)
    found = report.assess(log_probabilities, labels, list("abcdefgh"))
    assert found.examples == 500
    assert found.cross_entropy == pytest.approx(expected["cross_entropy"], rel=1e-12)
    assert found.accuracy == expected["accuracy"]
    assert found.top_5_accuracy == expected["top_5"]
    assert found.confusion.tolist() == expected["confusion"]
    assert found.calibration.expected_error == pytest.approx(expected["expected"], rel=1e-9)
    assert found.calibration.maximum_error == pytest.approx(expected["maximum"], rel=1e-9)
    assert sum(each.examples for each in found.calibration.bins) == 500


def test_classes_of_a_sample_agree_with_loops():
    log_probabilities, labels = random_sample()
    predicted = log_probabilities.argmax(axis=1).tolist()
    pairs = list(zip(labels.tolist(), predicted, strict=True))
    for place, scores in enumerate(report.assess(log_probabilities, labels, list("abcdefgh")).classes):
        of_class = [taken for true, taken in pairs if true == place]
        taken_for_it = [true for true, taken in pairs if taken == place]
        right = of_class.count(place)
        recall = right / len(of_class) if of_class else math.nan
        precision = right / len(taken_for_it) if taken_for_it else math.nan
        wrong = [taken for taken in of_class if taken != place]
        assert (scores.name, scores.examples) == ("abcdefgh"[place], len(of_class))
        assert [scores.recall, scores.precision] == pytest.approx([recall, precision], nan_ok=True)
        if right:
            assert scores.f1 == pytest.approx(2 * precision * recall / (precision + recall))
        commonest = max(range(8), key=wrong.count) if wrong else None
        assert scores.taken_for == (None if commonest is None else "abcdefgh"[commonest])
        assert scores.taken_for_examples == wrong.count(commonest)


def test_a_case_worked_by_hand():
    found = report.assess(BY_HAND, LABELS, NAMES)
    assert found.cross_entropy == pytest.approx(-math.log(0.7 * 0.1 * 0.5 * 0.1) / 4)
    assert found.accuracy == 0.5
    assert found.top_5_accuracy is None
    assert found.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    ant, bee, cow = (dataclasses.astuple(each) for each in found.classes)
    assert ant == ("ant", 2, 0.5, 1.0, pytest.approx(2 / 3), "bee", 1)
    assert bee == ("bee", 1, 1.0, pytest.approx(1 / 3), 0.5, None, 0)
    assert cow == ("cow", 1, 0.0, pytest.approx(math.nan, nan_ok=True), 0.0, "bee", 1)
    assert found.calibration.expected_error == pytest.approx((0.3 + 0.62 + 0.5 + 0.82) / 4)
    assert found.calibration.maximum_error == pytest.approx(0.82)
    assert found.calibration.confidence == pytest.approx((0.7 + 0.62 + 0.5 + 0.82) / 4)
    assert [m for m, each in enumerate(found.calibration.bins) if each.examples] == [7, 9, 10, 12]


def test_a_perfect_classifier():
    labels = np.arange(12) % 6
    log_probabilities = np.where(np.eye(6)[labels] > 0, 0.0, -2000.0).astype(np.float32)
    found = report.assess(log_probabilities, labels, list("abcdef"))
    assert str(found.cross_entropy) == "0.0", "and not -0.0"
    assert found.accuracy == found.top_5_accuracy == 1
    assert found.calibration.expected_error == found.calibration.maximum_error == 0
    assert all(each.f1 == 1 and each.taken_for is None for each in found.classes)


def test_a_constant_classifier():
    labels = np.array([0, 0, 0, 1, 2, 2])
    found = report.assess(certain([2] * 6, 3, probability=0.8), labels, NAMES)
    assert found.accuracy == found.classes[2].precision == pytest.approx(2 / 6)
    assert [each.recall for each in found.classes] == [0, 0, 1]
    assert [each.f1 for each in found.classes] == pytest.approx([0, 0, 0.5])
    assert [each.taken_for for each in found.classes] == ["cow", "cow", None]
    assert found.calibration.expected_error == found.calibration.maximum_error == pytest.approx(0.8 - 2 / 6)


def test_one_example():
    found = report.assess(np.log([[0.25, 0.75]]), np.array([0]), ["ant", "bee"])
    assert (found.examples, found.accuracy, found.classes[0].taken_for) == (1, 0, "bee")
    assert found.cross_entropy == pytest.approx(math.log(4))
    assert found.calibration.expected_error == pytest.approx(0.75)


def test_a_class_without_examples_has_no_recall_and_one_never_predicted_no_precision():
    found = report.assess(certain([0, 0, 1], 4), np.array([0, 3, 3]), ["ant", "bee", "cow", "doe"])
    ant, bee, cow, doe = found.classes
    assert (bee.examples, bee.precision, bee.f1) == (0, 0, 0) and math.isnan(bee.recall), "others are taken for it"
    assert math.isnan(cow.recall) and math.isnan(cow.precision) and math.isnan(cow.f1), "it does not occur at all"
    assert math.isnan(doe.precision) and (doe.recall, doe.f1) == (0, 0)
    assert (doe.taken_for, doe.taken_for_examples) == ("ant", 1), "the first of two as common"
    assert ant.recall == 1


def test_top_5_counts_ties_and_what_is_not_finite_as_tensorflow_does():
    scores = np.random.RandomState(0).randint(0, 4, [400, 9]).astype(np.float32) - 9  # Full of ties.
    scores[:4, 0] = scores[4:8, 8] = [np.nan, np.inf, -np.inf, -30]
    labels = np.arange(400) % 9
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        expected = session.run(tf.math.in_top_k(labels, scores, 5))
    assert 100 < expected.sum() < 390
    each = [report.assess(scores[i : i + 1], labels[i : i + 1], "abcdefghi").top_5_accuracy for i in range(400)]
    assert each == expected.tolist()
    assert report.assess(scores, labels, "abcdefghi").top_5_accuracy == expected.mean()


def test_equal_scores_are_taken_for_the_first_class_as_tensorflow_takes_them():
    found = report.assess(np.log(np.full([3, 3], 1 / 3, np.float32)), np.array([0, 1, 2]), NAMES)
    assert found.confusion[:, 0].tolist() == [1, 1, 1]


def test_a_probability_too_small_for_a_float_has_a_finite_loss():
    log_probabilities = np.array([[0.0, -500.0], [0.0, -1000.0]], np.float32)
    assert np.exp(log_probabilities[0, 1]) == 0
    assert report.assess(log_probabilities, np.array([1, 1]), ["ant", "bee"]).cross_entropy == 750


def test_the_loss_of_many_examples_is_as_exact_as_that_of_few():
    """A float32 sum would be off in the sixth digit."""
    log_probabilities = np.log(np.tile(np.array([0.1, 0.9], np.float32), [1_000_000, 1]))
    found = report.assess(log_probabilities, np.zeros(1_000_000, int), ["ant", "bee"])
    assert found.cross_entropy == pytest.approx(-float(np.log(np.float32(0.1))), rel=1e-12)


def test_a_diverged_network_is_measured_without_an_error():
    found = report.assess(np.full([4, 6], np.nan, np.float32), np.array([0, 1, 2, 3]), list("abcdef"))
    assert math.isnan(found.cross_entropy) and found.top_5_accuracy == 0
    assert math.isnan(found.calibration.expected_error) and math.isnan(found.calibration.maximum_error)


@pytest.mark.parametrize("shape", [(0, 3), (4, 2), (3, 3)])
def test_shapes_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"labels, 3 classes"):
        report.assess(np.zeros(shape), LABELS[: shape[0] and 4], NAMES)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_of_no_class_is_refused(label):
    with pytest.raises(ValueError, match="labels from"):
        report.assess(BY_HAND, np.array([0, 1, 2, label]), NAMES)


class TestCalibration:
    def sample(self, shift):
        """400,000 examples of 4 classes whose confidence is `shift` above the share of them right."""
        random = np.random.RandomState(0)
        confidence = random.uniform(0.4, 0.99, 400_000)
        predicted = random.randint(0, 4, confidence.size)
        is_right = random.uniform(size=confidence.size) < confidence - shift
        labels = np.where(is_right, predicted, (predicted + 1 + random.randint(0, 3, confidence.size)) % 4)
        rows = np.repeat((1 - confidence)[:, np.newaxis] / 3, 4, axis=1)
        rows[np.arange(confidence.size), predicted] = confidence
        return report.assess(np.log(rows), labels, list("abcd")).calibration

    def test_a_calibrated_classifier_has_almost_no_error(self):
        calibration = self.sample(0.0)
        assert 0 < calibration.expected_error < 0.004
        assert calibration.expected_error <= calibration.maximum_error < 0.01

    @pytest.mark.parametrize("shift", [0.1, -0.01])
    def test_the_error_is_how_far_confidence_is_off(self, shift):
        calibration = self.sample(shift)
        assert calibration.expected_error == pytest.approx(abs(shift), abs=0.003)
        assert [each.gap for each in calibration.bins if each.examples] == pytest.approx([abs(shift)] * 9, abs=0.01)

    def test_a_confidence_on_an_edge_belongs_to_the_bin_below(self):
        # Where the logarithm and back is exact.
        edges = [m for m in range(6, 16) if np.exp(np.log(m / 15)) == m / 15]
        assert len(edges) >= 3
        rows = np.array([[m / 15, *[(1 - m / 15) / 2 + 1e-300] * 2] for m in edges])
        bins = report.assess(np.log(rows), np.zeros(len(edges), int), NAMES).calibration.bins
        assert [m for m, each in enumerate(bins, start=1) if each.examples] == edges

    def test_bins_are_fifteen_equal_ones_and_an_empty_one_has_no_numbers(self):
        bins = report.assess(BY_HAND, LABELS, NAMES).calibration.bins
        assert [(each.lower, each.upper) for each in bins] == [(m / 15, (m + 1) / 15) for m in range(15)]
        assert math.isnan(bins[0].confidence) and math.isnan(bins[0].accuracy) and math.isnan(bins[0].gap)
        assert (bins[10].examples, bins[10].accuracy) == (1, 1)
        assert bins[10].confidence == pytest.approx(0.7)

    def test_a_probability_that_rounding_carried_past_one_is_in_the_last_bin(self):
        found = report.assess(np.array([[1e-7, -16.0]], np.float32), np.array([0]), ["ant", "bee"])
        assert found.calibration.bins[-1].examples == 1

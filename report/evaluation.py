"""What a classifier's answers on a split come to: loss, accuracy, classes, confusions and calibration.

Nothing here needs TensorFlow. What a number cannot be said of is nan: the recall of a class without examples, the
precision of a class that nothing is taken for.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from summaries import tags
from summaries.confusion import class_accuracy, confusion_matrix

BINS = 15  # As many as Guo et al. take.
_TOP = 5


@dataclasses.dataclass(frozen=True)
class ClassScores:
    """One class against all others. `examples` are those that it is the true class of.

    `recall`: the share of its examples that are taken for it. `precision`: the share of what is taken for it that is of
    it. `f1`: their harmonic mean, as `2 * right / (examples + taken for it)`. `taken_for`: the other class that most of
    its examples are taken for, `taken_for_examples` many (the first of equals); None where all are right.
    """

    name: str
    examples: int
    recall: float
    precision: float
    f1: float
    taken_for: str | None
    taken_for_examples: int


@dataclasses.dataclass(frozen=True)
class Bin:
    """The examples whose confidence is in `(lower, upper]`, their mean confidence, and the share of them right."""

    lower: float
    upper: float
    examples: int
    confidence: float
    accuracy: float

    @property
    def gap(self) -> float:
        """How far confidence is from accuracy; nan for a bin without examples."""
        return abs(self.confidence - self.accuracy)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far confidence, the probability of the predicted class, is from the share of examples that are right.

    Expected and maximum calibration error of C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: On Calibration of Modern
    Neural Networks, 2017, https://arxiv.org/abs/1706.04599, section 2. Bin `m` of 15 equally wide ones holds the
    confidences in `((m - 1) / 15, m / 15]`, as theirs: one on an edge belongs to the bin below it. `expected_error` is
    the mean gap of the bins weighted by their examples, `maximum_error` the largest gap of a bin with examples.
    `confidence` is the mean over all examples. Where a confidence is no number, so are these three.
    """

    expected_error: float
    maximum_error: float
    confidence: float
    bins: tuple[Bin, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What `assess` finds. `confusion` [classes, classes] int64 counts examples by true and by predicted class.

    `cross_entropy` is in nats, the mean over the examples. `classes` are in the order of the data set.
    """

    examples: int
    cross_entropy: float
    accuracy: float
    top_5_accuracy: float | None
    classes: tuple[ClassScores, ...]
    confusion: np.ndarray
    calibration: Calibration

    @property
    def class_names(self) -> list[str]:
        return [each.name for each in self.classes]


def assess(log_probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> Evaluation:
    """Measures what a network gives for some examples, by natural logarithms of the probabilities of each class.

    `log_probabilities` [n, classes] float, `labels` [n] int from 0 to `classes - 1`. Nothing is clipped: a probability
    too small for a float has a logarithm all the same, and the loss is infinite only where a logarithm is.

    The predicted class is that of the largest logarithm, the first of equals. Top-5 accuracy, None for 5 classes or
    fewer, counts as `tf.math.in_top_k` does: an example is right where fewer than 5 classes are strictly likelier than
    its label, so that a tie at fifth place is right, and wrong where any of its logarithms is not finite.

    Raises:
      ValueError: no example, or shapes and labels that do not fit each other.
    """
    num_classes = len(class_names)
    if not labels.size or log_probabilities.shape != (labels.size, num_classes):
        raise ValueError(f"log-probabilities {log_probabilities.shape}, {labels.size} labels, {num_classes} classes")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"labels from {labels.min()} to {labels.max()} for {num_classes} classes")
    predicted = log_probabilities.argmax(axis=1)
    of_label, of_predicted = (
        np.take_along_axis(log_probabilities, each[:, np.newaxis], axis=1) for each in (labels, predicted)
    )
    matrix = confusion_matrix(labels, predicted, num_classes)
    return Evaluation(
        examples=labels.size,
        cross_entropy=0.0 - float(np.mean(of_label, dtype=np.float64)),  # Not -0.0 for a perfect one.
        accuracy=float(np.mean(predicted == labels)),
        top_5_accuracy=_top_accuracy(log_probabilities, of_label) if tags.has_top_5(num_classes) else None,
        classes=_class_scores(matrix, class_names),
        confusion=matrix,
        calibration=_calibration(np.exp(of_predicted[:, 0], dtype=np.float64), predicted == labels),
    )


def _top_accuracy(log_probabilities: np.ndarray, of_label: np.ndarray) -> float:
    likelier = np.count_nonzero(log_probabilities > of_label, axis=1)
    return float(np.mean((likelier < _TOP) & np.isfinite(log_probabilities).all(axis=1)))


def _class_scores(matrix: np.ndarray, class_names: Sequence[str]) -> tuple[ClassScores, ...]:
    examples, taken, right = matrix.sum(axis=1), matrix.sum(axis=0), np.diagonal(matrix)
    recall, precision = class_accuracy(matrix), class_accuracy(matrix.T)
    f1 = np.divide(2 * right, examples + taken, out=np.full(right.shape, np.nan), where=examples + taken > 0)
    wrong = matrix - np.diag(right)
    commonest = wrong.argmax(axis=1)
    return tuple(
        ClassScores(
            name=name,
            examples=int(examples[i]),
            recall=float(recall[i]),
            precision=float(precision[i]),
            f1=float(f1[i]),
            taken_for=class_names[commonest[i]] if wrong[i].any() else None,
            taken_for_examples=int(wrong[i, commonest[i]]),
        )
        for i, name in enumerate(class_names)
    )


def _calibration(confidence: np.ndarray, is_right: np.ndarray) -> Calibration:
    """Of `confidence` [n] float64 and `is_right` [n] bool."""
    edges = np.arange(BINS + 1) / BINS
    # Rounding may carry a probability past 1, and down to 0.
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    is_number = np.isfinite(confidence)
    chosen = [is_number & (place == m) for m in range(BINS)]
    bins = tuple(
        Bin(
            lower=float(edges[m]),
            upper=float(edges[m + 1]),
            examples=int(inside.sum()),
            confidence=_mean(confidence[inside]),
            accuracy=_mean(is_right[inside]),
        )
        for m, inside in enumerate(chosen)
    )
    filled = [each for each in bins if each.examples]
    if not is_number.all():
        return Calibration(np.nan, np.nan, np.nan, bins)
    return Calibration(
        expected_error=sum(each.examples * each.gap for each in filled) / confidence.size,
        maximum_error=max(each.gap for each in filled),
        confidence=_mean(confidence),
        bins=bins,
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")

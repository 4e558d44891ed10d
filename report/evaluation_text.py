"""An evaluation as text for a terminal."""

import numpy as np

from report.evaluation import Calibration, ClassScores, Evaluation
from report.text import aligned

_MOST_CLASSES = 20  # Of more the worst are shown, and of these as many.
_CONFUSIONS = 10
_LONGEST_NAME = 30  # letters


def evaluation_text(evaluation: Evaluation) -> str:
    """What to print of an evaluation: its numbers, the classes, the worst first, and the commonest confusions.

    One screen for 10 classes, and not more than twice that for 1,000: of many classes the 20 worst are shown.
    """
    parts = ["\n".join(_summary(evaluation)), _class_table(evaluation), _confusions(evaluation)]
    return "\n\n".join(parts)


def _summary(evaluation: Evaluation) -> list[str]:
    top_5 = evaluation.top_5_accuracy
    return [
        f"Examples:      {evaluation.examples:,}, {len(evaluation.classes):,} classes",
        f"Accuracy:      {evaluation.accuracy:.2%}" + ("" if top_5 is None else f" (top-5: {top_5:.2%})"),
        f"Cross-entropy: {evaluation.cross_entropy:.4f} nats",
        *_calibration(evaluation.calibration, evaluation.accuracy),
    ]


def _calibration(calibration: Calibration, accuracy: float) -> list[str]:
    if not np.isfinite(calibration.expected_error):
        return ["Calibration:   unknown, the network gives probabilities that are no numbers"]
    worst = max((each for each in calibration.bins if each.examples), key=lambda each: each.gap)
    points = 100 * (calibration.confidence - accuracy)
    return [
        f"Confidence:    {calibration.confidence:.2%} on average, {abs(points):.2f} points"
        f" {'above' if points > 0 else 'below'} accuracy",
        f"Calibration:   expected error {calibration.expected_error:.2%}, maximum {calibration.maximum_error:.2%}"
        f" (in a bin of {_count(worst.examples, 'example')})",
    ]


def _class_table(evaluation: Evaluation) -> str:
    worst_first = sorted(evaluation.classes, key=_badness)
    shown = worst_first[:_MOST_CLASSES]
    heading = ("class, worst F1 first", "mostly taken for", "examples", "recall", "precision", "F1")
    lines = [aligned([heading, *map(_class_row, shown)], left=2)]
    if len(shown) < len(worst_first):
        lines.append(f"({_count(len(worst_first) - len(shown), 'more class', 'more classes')})")
    return "\n".join(lines)


def _badness(scores: ClassScores) -> tuple[bool, float]:
    """Sorts by F1, which falls with recall and with precision; classes without examples come last."""
    return scores.examples == 0, scores.f1 if scores.examples else 0.0


def _class_row(scores: ClassScores) -> tuple[str, ...]:
    taken_for = "-" if scores.taken_for is None else f"{_short(scores.taken_for)} ({scores.taken_for_examples:,})"
    shares = (_percent(scores.recall), _percent(scores.precision), _percent(scores.f1))
    return _short(scores.name), taken_for, f"{scores.examples:,}", *shares


def _confusions(evaluation: Evaluation) -> str:
    """The commonest pairs of true and predicted class, with counts and with shares of the true class."""
    matrix, names = evaluation.confusion, evaluation.class_names
    wrong = matrix - np.diag(np.diagonal(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    pairs = [divmod(int(place), len(names)) for place in order if wrong.flat[place]]
    if not pairs:
        return "No example is taken for another class."
    rows = [
        (_short(names[true]), _short(names[taken]), f"{wrong[true, taken]:,}", _percent(share))
        for true, taken in pairs
        for share in [wrong[true, taken] / matrix[true].sum()]
    ]
    return aligned([("commonest confusions", "taken for", "examples", "of the class"), *rows], left=2)


def _percent(share: float) -> str:
    return f"{share:.1%}" if np.isfinite(share) else "-"


def _count(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "\u2026"

"""An evaluation as plain values, for `json.dumps`."""

import dataclasses
from typing import Any

import numpy as np

from report.evaluation import Evaluation


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation in dictionaries, lists, strings, ints and floats, its keys always the same and in this order.

    examples, cross_entropy (nats), accuracy, top_5_accuracy, expected_calibration_error, maximum_calibration_error,
    mean_confidence; `classes`, in the order of the data set, each with name, examples, recall, precision, f1,
    taken_for, taken_for_examples; `calibration_bins`, rising, each with lower, upper, examples, confidence, accuracy;
    `confusion_matrix`, a list of counts by predicted class for each true class. They mean what `report.evaluation` says
    of them. Shares are from 0 to 1. What is not finite or not there is None: JSON has no other word for it.
    """
    calibration = evaluation.calibration
    return {
        "examples": evaluation.examples,
        "cross_entropy": _plain(evaluation.cross_entropy),
        "accuracy": _plain(evaluation.accuracy),
        "top_5_accuracy": _plain(evaluation.top_5_accuracy),
        "expected_calibration_error": _plain(calibration.expected_error),
        "maximum_calibration_error": _plain(calibration.maximum_error),
        "mean_confidence": _plain(calibration.confidence),
        "classes": [_fields(each) for each in evaluation.classes],
        "calibration_bins": [_fields(each) for each in calibration.bins],
        "confusion_matrix": evaluation.confusion.tolist(),
    }


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value

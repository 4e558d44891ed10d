"""Precision and recall over a threshold, for TensorBoard's page of PR curves."""

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR
from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData

from summaries import descriptions

_THRESHOLDS = 127


def precision_recall(tag: str, is_class: np.ndarray, probability: np.ndarray) -> tf.compat.v1.Summary:
    """The curve of one class against all others at 127 thresholds, 0 and 1 among them, with its description.

    `is_class` [n] bool is the truth, `probability` [n] float in [0, 1] what the network gives the class. An example is
    taken for the class where that is the threshold or more. Precision is 0 where none is, recall 0 where there is no
    example of the class.
    """
    content = PrCurvePluginData(version=0, num_thresholds=_THRESHOLDS).SerializeToString()
    metadata = descriptions.metadata(tag, plugin="pr_curves", data_class=DATA_CLASS_TENSOR, content=content)
    tensor = tf.make_tensor_proto(_curve(is_class, probability), dtype=tf.float32)
    return tf.compat.v1.Summary(value=[tf.compat.v1.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def _curve(is_class: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """[6, thresholds] float64 in the order of `tensorboard.plugins.pr_curve.metadata`.

    True positives, false positives, true negatives, false negatives, precision, recall.
    """
    # How many thresholds an example reaches.
    reached = np.searchsorted(np.linspace(0, 1, _THRESHOLDS), probability, side="right")
    positives, negatives = (
        np.bincount(reached[chosen], minlength=_THRESHOLDS + 1)[::-1].cumsum()[::-1] for chosen in (is_class, ~is_class)
    )
    true_positives, false_positives = positives[1:], negatives[1:]
    precision = true_positives / np.maximum(1, true_positives + false_positives)
    recall = true_positives / max(1, positives[0])
    false_negatives, true_negatives = positives[0] - true_positives, negatives[0] - false_positives
    return np.stack([true_positives, false_positives, true_negatives, false_negatives, precision, recall])

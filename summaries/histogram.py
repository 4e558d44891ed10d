"""Histograms, for TensorBoard's pages of histograms and of distributions."""

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR
from tensorboard.plugins.distribution.compressor import NORMAL_HISTOGRAM_BPS

from summaries import descriptions

_EVEN_BUCKETS = 30
# The page of distributions draws its lines at these shares of the values.
_LEVELS = np.array(NORMAL_HISTOGRAM_BPS) / 10_000


def histogram(tag: str, values: np.ndarray) -> tf.compat.v1.Summary:
    """How often which values occur in an array of any shape, in 45 buckets at most, with the description of `tag`.

    Values that are not finite are left out.
    """
    metadata = descriptions.metadata(tag, plugin="histograms", data_class=DATA_CLASS_TENSOR)
    tensor = tf.make_tensor_proto(_buckets(values), dtype=tf.float32)
    return tf.compat.v1.Summary(value=[tf.compat.v1.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def _buckets(values: np.ndarray) -> np.ndarray:
    """[buckets, 3] float64: left edge, right edge, how many; none of them where there is no value.

    Edges are even over the range, and stand at the levels of the page of distributions, which would otherwise guess its
    lines from even buckets: of gradients, nearly all are in one of those.
    """
    ordered = np.sort(values[np.isfinite(values)].astype(np.float32))
    if not ordered.size:
        return np.zeros([0, 3])
    low, high = float(ordered[0]), float(ordered[-1])
    levels = ordered[np.round(_LEVELS * (ordered.size - 1)).astype(np.int64)]
    # A value that many share, as zero after a ReLU, has a narrow bucket of its own. TensorBoard divides by its width.
    shared = levels[1:][levels[1:] == levels[:-1]]
    narrow = 1e-6 * max(abs(low), abs(high)) or 1e-6
    edges = np.concatenate([np.linspace(low, high, _EVEN_BUCKETS + 1), levels, shared.astype(np.float64) + narrow])
    edges = np.unique(edges.astype(np.float32))
    below = np.searchsorted(ordered, edges)
    below[-1] = ordered.size  # The last bucket has both its edges.
    return np.stack([edges[:-1], edges[1:], np.diff(below)], axis=1)

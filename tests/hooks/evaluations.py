"""Evaluations of known examples, fed batch by batch to a real session."""

import numpy as np
import tensorflow as tf

from summaries import collect
from tests.hooks.common import session_at

NAMES = ("cat", "dog", "fish", "gnu")


def predictions(label, probabilities, *, index=None, weight=None):
    """The embedding of an example is its place in the split and the square of that."""
    index = np.arange(len(label)) if index is None else np.array(index)
    return collect.Predictions(
        index=index.astype(np.int64),
        weight=np.ones(len(label), np.float32) if weight is None else np.array(weight, np.float32),
        label=np.array(label, np.int32),
        probabilities=np.array(probabilities, np.float32),
        embedding=np.stack([index, index**2], axis=1).astype(np.float32),
    )


def guesses(count, *, labels=(0, 1, 2, 3), seed=0):
    """Probabilities at random, and labels at random among `labels`."""
    random = np.random.RandomState(seed)
    return predictions(random.choice(labels, count), random.dirichlet(np.ones(len(NAMES)), count))


def sure(label, predicted, confidence, **changes):
    """Probabilities of predictions by their confidence; the other classes share the rest."""
    share = (1 - np.array(confidence)) / (len(NAMES) - 1)
    probabilities = np.repeat(share[:, None], len(NAMES), axis=1)
    probabilities[np.arange(len(label)), predicted] = confidence
    return predictions(label, probabilities, **changes)


def evaluate(hook, found, *, step, batch=4):
    """One evaluation as the Estimator makes it: with a graph and a session of its own."""
    with tf.Graph().as_default():
        fed = collect.Predictions(*(tf.compat.v1.placeholder(each.dtype, [None, *each.shape[1:]]) for each in found))
        collect.predictions(fed)
        count = tf.size(fed.label)
        with session_at(step, hook) as session:
            for first in range(0, len(found.label), batch):
                rows = (each[first : first + batch] for each in found)
                session.run(count, dict(zip(fed, rows, strict=True)))

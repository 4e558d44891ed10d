"""What networks give for some examples."""

import numpy as np

NAMES = ["ant", "bee", "cow"]
# Ant is once taken for bee, bee is right, cow is taken for bee.
BY_HAND = np.log([[0.7, 0.2, 0.1], [0.1, 0.62, 0.28], [0.25, 0.5, 0.25], [0.08, 0.82, 0.1]])
LABELS = np.array([0, 0, 1, 2])


def certain(predicted, num_classes, probability=0.9):
    """Log-probabilities [n, num_classes] with `probability` for each of the classes `predicted`, the rest shared."""
    rows = np.full([len(predicted), num_classes], (1 - probability) / (num_classes - 1))
    rows[np.arange(len(predicted)), predicted] = probability
    return np.log(rows)


def random_sample(count=500, num_classes=8):
    """Float32 log-probabilities and labels. No example is of the last class, and none is taken for the first."""
    random = np.random.RandomState(0)
    labels = random.randint(0, num_classes - 1, count)
    logits = random.normal(0, 2, [count, num_classes])
    logits[np.arange(count), labels] += 1.5
    logits[:, 0] = -9
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32), labels

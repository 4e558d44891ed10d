"""Histograms of a graph whose tensors say at which step, and how often, they were computed."""

import numpy as np
import pytest
import tensorflow as tf

import hooks
from summaries import collect, tags
from tests.hooks.common import train, written

SEVERAL, ONE = tags.of(tags.KERNELS, "stage1"), tags.of(tags.ACTIVATIONS, "logits")


def parts(step):
    """What the two tensors of one group hold at a step: of different shapes, with no value in common."""
    random = np.random.RandomState(step)
    return random.randn(3, 4, 5).astype(np.float32), (100 + random.rand(7)).astype(np.float32)


def run(folder, *, steps, first_step=0):
    """Trains with a histogram due at every fourth step and at step 10. Returns at which steps tensors were computed."""
    computed = []

    def values(step):
        computed.append(int(step))
        return parts(step)

    def offer(step):
        collect.histogram(SEVERAL, tf.numpy_function(values, [step], [tf.float32, tf.float32]))
        collect.histogram(ONE, tf.fill([2, 2], step))

    train(hooks.HistogramHook(str(folder), due=hooks.Due(4, 10)), offer, steps=steps, first_step=first_step)
    return computed


def histograms(folder, tag):
    """Buckets [n, 3] by step."""
    return {step: tf.make_ndarray(value.tensor) for step, value in written(folder) if value.tag == tag}


def test_a_histogram_counts_all_tensors_of_its_group(tmp_path):
    run(tmp_path, steps=4)
    [(step, buckets)] = histograms(tmp_path, SEVERAL).items()
    assert step == 4
    values = np.concatenate([part.ravel() for part in parts(3)])  # The fourth update is the one after step 3.
    left, right, count = buckets.T
    assert count.sum() == values.size == 67
    assert count[left > 50].sum() == 7, "of the second tensor"
    assert (left[0], right[-1]) == (values.min(), pytest.approx(values.max(), rel=1e-5))


def test_a_group_may_be_a_single_tensor(tmp_path):
    run(tmp_path, steps=4)
    [buckets] = histograms(tmp_path, ONE).values()
    assert buckets[:, 2].sum() == 4
    assert buckets[0, 0] == 3


@pytest.mark.parametrize(
    ("first_step", "steps", "due"), [(0, 10, [4, 8, 10]), (5, 5, [8, 10]), (4, 4, [8]), (7, 2, [8]), (0, 3, [])]
)
def test_histograms_stand_at_the_multiples_and_at_the_last_step_wherever_a_run_begins(tmp_path, first_step, steps, due):
    """What is not due is not even computed."""
    computed = run(tmp_path, first_step=first_step, steps=steps)
    assert list(histograms(tmp_path, SEVERAL)) == list(histograms(tmp_path, ONE)) == due
    assert computed == [step - 1 for step in due], "the step before the update"

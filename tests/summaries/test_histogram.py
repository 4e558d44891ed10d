import numpy as np
import pytest
import tensorflow as tf
from tensorboard.plugins.distribution import compressor
from tensorboard.plugins.histogram.histograms_plugin import HistogramsPlugin

from summaries import tags
from summaries.descriptions import described
from summaries.histogram import histogram
from tests.summaries.reading import CONTEXT, fast_reader, plugin_context, soon, write

TAG = tags.of(tags.GRADIENTS, "stage1")


def buckets(values):
    return tf.make_ndarray(histogram(TAG, np.asarray(values)).value[0].tensor)


def lines(values):
    """The lines of the page of distributions, by percentile: 0, 6.68, ..., 100."""
    return np.array(compressor.compress_histogram(buckets(values).tolist()))[:, 1]


VALUES = {
    "bell": np.random.RandomState(0).randn(20, 500),
    "long tails": np.random.RandomState(1).standard_t(2, size=10_000),
    "after a ReLU": np.maximum(0, np.random.RandomState(2).randn(10_000)),
    "far from zero": 1000 + 1e-3 * np.random.RandomState(3).randn(10_000),
    "tiny": 1e-12 * np.random.RandomState(4).randn(10_000),
    "two values": np.repeat([-1.0, 1.0], 500),
    "large": np.array([-3e37, 3e37, 0.0]),
    "one value": np.full(7, 1000.0),
    "zeros": np.zeros([2, 3]),
    "one": np.array(-0.5),
}


@pytest.mark.parametrize("name", VALUES)
def test_buckets_hold_every_value_once_and_side_by_side(name):
    values = np.asarray(VALUES[name], np.float32)
    left, right, count = buckets(values).T
    assert count.sum() == values.size
    assert (right > left).all()
    assert (left[1:] == right[:-1]).all()
    assert len(count) <= 45
    for i in range(len(count)):
        last = i == len(count) - 1
        assert count[i] == np.sum((values >= left[i]) & ((values <= right[i]) if last else (values < right[i])))
    assert left[0] == values.min()
    assert values.max() <= right[-1] <= values.max() + (2e-6 * np.abs(values).max() or 1e-6)


@pytest.mark.parametrize("name", ["bell", "long tails", "after a ReLU", "tiny"])
def test_the_page_of_distributions_draws_the_true_percentiles(name):
    """Even buckets would not do: half of the values with long tails are in one."""
    values = VALUES[name]
    spread = np.quantile(values, 0.95) - np.quantile(values, 0.05)
    expected = np.quantile(values, np.array(compressor.NORMAL_HISTOGRAM_BPS) / 10_000)
    assert lines(values) == pytest.approx(expected, rel=1e-4, abs=0.005 * spread)


def test_values_that_are_no_numbers_are_left_out():
    assert buckets([np.nan, 1.0, 2.0, np.inf])[:, 2].sum() == 2
    assert buckets([np.nan]).shape == (0, 3)


def test_the_page_of_histograms_shows_it(tmp_path):
    write(tmp_path, histogram(TAG, VALUES["bell"]))
    page = HistogramsPlugin(plugin_context(tmp_path, sampling_hints={}))
    assert page.index_impl(CONTEXT, "")["."][TAG]["displayName"] == described(TAG).display_name
    [(_, step, found)] = page.histograms_impl(CONTEXT, TAG, ".", experiment="")[0]
    assert step == 1
    assert sum(count for _, _, count in found) == 10_000


def test_the_fast_reader_finds_it(tmp_path):
    write(tmp_path, histogram(TAG, VALUES["bell"]))
    with fast_reader(tmp_path) as reader:
        found = soon(lambda: reader.list_tensors(CONTEXT, experiment_id="", plugin_name="histograms"))
    assert found["."][TAG].description == described(TAG).text

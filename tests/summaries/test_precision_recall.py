import numpy as np
import pytest
import tensorflow as tf
from tensorboard.plugins.pr_curve import metadata
from tensorboard.plugins.pr_curve.pr_curves_plugin import PrCurvesPlugin

from summaries import tags
from summaries.descriptions import described
from summaries.precision_recall import precision_recall
from tests.summaries.reading import CONTEXT, fast_reader, plugin_context, soon, write

TAG = tags.of(tags.PRECISION_RECALL, "cat")


@pytest.fixture
def examples():
    random = np.random.RandomState(0)
    # Some of them on a threshold to the bit, where `>=` and `>` differ.
    probability = np.concatenate([random.rand(300), np.linspace(0, 1, 127)[::5], [0, 1, 1]]).astype(np.float32)
    return random.rand(len(probability)) < probability, probability


def curve(summary):
    return tf.make_ndarray(summary.value[0].tensor)


def test_counts_are_those_of_each_threshold_by_itself(examples):
    is_class, probability = examples
    found = curve(precision_recall(TAG, is_class, probability))
    for place, threshold in enumerate(np.linspace(0, 1, 127)):
        taken = probability.astype(np.float64) >= threshold
        counts = [
            np.sum(taken & is_class),
            np.sum(taken & ~is_class),
            np.sum(~taken & ~is_class),
            np.sum(~taken & is_class),
        ]
        assert found[:4, place].tolist() == counts
        assert found[4, place] == pytest.approx(np.mean(is_class[taken]) if taken.any() else 0)
        assert found[5, place] == pytest.approx(np.mean(taken[is_class]))


def test_a_class_without_examples_has_a_curve():
    found = curve(precision_recall(TAG, np.zeros(3, bool), np.array([0.1, 0.5, 0.9])))
    assert np.isfinite(found).all()
    assert found[1, [0, 126]].tolist() == [3, 0]


def test_the_page_of_pr_curves_shows_it(tmp_path, examples):
    summary = precision_recall(TAG, *examples)
    write(tmp_path, summary)
    page = PrCurvesPlugin(plugin_context(tmp_path, sampling_hints={}))
    name = page.tags_impl(CONTEXT, "")["."][TAG]
    assert name["displayName"] == described(TAG).display_name
    assert "upper right corner" in name["description"]
    [entry] = page.pr_curves_impl(CONTEXT, "", ["."], TAG)["."]
    # The two examples of probability 1 are taken at the last threshold.
    assert entry["thresholds"] == pytest.approx(np.linspace(0, 1, 127))
    assert entry["precision"] == pytest.approx(curve(summary)[metadata.PRECISION_INDEX])
    assert entry["recall"] == pytest.approx(curve(summary)[metadata.RECALL_INDEX])
    assert entry["true_positives"][0] == examples[0].sum()


def test_the_fast_reader_finds_it(tmp_path, examples):
    write(tmp_path, precision_recall(TAG, *examples))
    with fast_reader(tmp_path) as reader:
        found = soon(lambda: reader.list_tensors(CONTEXT, experiment_id="", plugin_name="pr_curves"))
    assert found["."][TAG].description == described(TAG).text
    assert metadata.parse_plugin_metadata(found["."][TAG].plugin_content).num_thresholds == 127

import json

import pytest
from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin
from tensorboard.plugins.scalar.scalars_plugin import ScalarsPlugin

from summaries import events, tags
from summaries.layout import layout
from tests.summaries.reading import CONTEXT, fast_reader, plugin_context, soon, write

STAGE = tags.of(tags.STAGE_GRADIENT_NORM, "stage1")
SCALARS = [
    tags.LOSS,
    tags.CROSS_ENTROPY,
    tags.WEIGHT_DECAY,
    tags.ACCURACY,
    tags.TOP_5_ACCURACY,
    tags.LEARNING_RATE,
    tags.LOSS_SCALE,
    tags.SKIPPED_STEPS,
    tags.EPOCH,
    tags.GRADIENT_NORM,
    tags.UPDATE_RATIO,
    tags.IMAGES_PER_SECOND,
    tags.STEP_MILLISECONDS,
    tags.INPUT_WAIT,
    tags.MEMORY,
    tags.GPU_MEMORY,
    STAGE,
    tags.of(tags.STAGE_UPDATE_RATIO, "stage1"),
]
OF_EVALUATION = [tags.LOSS, tags.ACCURACY, tags.of(tags.CLASS_ACCURACY, "cat (big)")]


@pytest.fixture
def dashboard(tmp_path):
    """The page of custom scalars of a run with training and validation."""
    write(tmp_path, layout(), events.scalars(dict.fromkeys(SCALARS, 1.0)))
    write(tmp_path / "eval", events.scalars(dict.fromkeys(OF_EVALUATION, 2.0)))
    context = plugin_context(tmp_path, plugin_name_to_instance={})
    context.plugin_name_to_instance["scalars"] = ScalarsPlugin(context)
    return CustomScalarsPlugin(context)


def charts(summary_or_page):
    """Titles and patterns of each category, as the page gets them."""
    page = json.loads(summary_or_page.layout_impl(CONTEXT, ""))
    return {
        category["title"]: {chart["title"]: chart["multiline"]["tag"] for chart in category["chart"]}
        for category in page["category"]
    }


def lines(dashboard, patterns):
    """(run, tag) of each line of a chart."""
    return {
        (run, tag)
        for run in (".", "eval")
        for pattern in patterns
        for tag in dashboard.scalars_impl(CONTEXT, run, pattern, "")["tag_to_events"]
    }


def test_the_page_opens_on_the_curves_of_the_notebook(dashboard):
    found = charts(dashboard)
    assert list(found) == ["Curves", "Details"]
    assert list(found["Curves"]) == ["Loss", "Accuracy (top-1)", "Learning rate", "Images per second"]
    closed = [category["closed"] for category in json.loads(dashboard.layout_impl(CONTEXT, ""))["category"]]
    assert closed == [False, True]


def test_train_and_validation_are_two_lines_of_one_chart(dashboard):
    """And nothing else is in it: TensorBoard would take `loss` for the beginning of a tag."""
    curves = charts(dashboard)["Curves"]
    assert lines(dashboard, curves["Loss"]) == {(".", tags.LOSS), ("eval", tags.LOSS)}
    assert lines(dashboard, curves["Accuracy (top-1)"]) == {(".", tags.ACCURACY), ("eval", tags.ACCURACY)}


def test_every_chart_has_lines_and_every_scalar_a_chart(dashboard):
    shown = [lines(dashboard, patterns) for category in charts(dashboard).values() for patterns in category.values()]
    assert all(shown)
    assert sorted(line for chart in shown for line in chart) == sorted(
        [(".", tag) for tag in SCALARS] + [("eval", tag) for tag in OF_EVALUATION]
    )


def test_charts_of_nothing_are_left_out(tmp_path):
    write(tmp_path, layout(written=[tags.LOSS, STAGE]))
    found = charts(CustomScalarsPlugin(plugin_context(tmp_path, plugin_name_to_instance={})))
    assert {title: list(category) for title, category in found.items()} == {
        "Curves": ["Loss"],
        "Details": ["Gradient norm by stage"],
    }
    write(tmp_path / "minimal", layout(written=[tags.LOSS]))
    found = charts(CustomScalarsPlugin(plugin_context(tmp_path / "minimal", plugin_name_to_instance={})))
    assert list(found) == ["Curves"]


def test_the_fast_reader_finds_the_layout(tmp_path):
    write(tmp_path, layout())
    with fast_reader(tmp_path) as reader:
        found = soon(lambda: reader.list_tensors(CONTEXT, experiment_id="", plugin_name="custom_scalars"))
    assert list(found) == ["."]

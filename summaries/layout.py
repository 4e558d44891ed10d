"""TensorBoard's page of Custom Scalars: which charts, in which order."""

import re
from collections.abc import Iterable, Mapping

import tensorflow as tf
from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout, MultilineChartContent
from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG, PLUGIN_NAME

from summaries import tags
from summaries.descriptions import described

# What a run is looked at for first.
_CURVES = (tags.LOSS, tags.ACCURACY, tags.LEARNING_RATE, tags.IMAGES_PER_SECOND)
# Where to look for the reason. By title, the tags and groups of a chart.
_DETAILS: Mapping[str, tuple[str, ...]] = {
    "Loss by part": (tags.CROSS_ENTROPY, tags.WEIGHT_DECAY),
    described(tags.TOP_5_ACCURACY).display_name: (tags.TOP_5_ACCURACY,),
    described(tags.CLASS_ACCURACY).display_name: (tags.CLASS_ACCURACY,),
    described(tags.GRADIENT_NORM).display_name: (tags.GRADIENT_NORM,),
    described(tags.STAGE_GRADIENT_NORM).display_name: (tags.STAGE_GRADIENT_NORM,),
    described(tags.UPDATE_RATIO).display_name: (tags.UPDATE_RATIO,),
    described(tags.STAGE_UPDATE_RATIO).display_name: (tags.STAGE_UPDATE_RATIO,),
    described(tags.LOSS_SCALE).display_name: (tags.LOSS_SCALE,),
    described(tags.SKIPPED_STEPS).display_name: (tags.SKIPPED_STEPS,),
    described(tags.EPOCH).display_name: (tags.EPOCH,),
    described(tags.STEP_MILLISECONDS).display_name: (tags.STEP_MILLISECONDS,),
    described(tags.INPUT_WAIT).display_name: (tags.INPUT_WAIT,),
    described(tags.MEMORY).display_name: (tags.MEMORY,),
    described(tags.GPU_MEMORY).display_name: (tags.GPU_MEMORY,),
}


def layout(written: Iterable[str] | None = None) -> tf.compat.v1.Summary:
    """The curves that a run is looked at for first, and below them, folded up, those that help to find out why.

    `written`: the tags of the scalars that the run is going to write; a chart of none of them is left out. None: all.
    """
    curves = {described(tag).display_name: (tag,) for tag in _CURVES}
    present = None if written is None else list(written)
    categories = [_category("Curves", curves, present), _category("Details", _DETAILS, present)]
    categories[1].closed = True
    chosen = Layout(category=[category for category in categories if category.chart])
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = PLUGIN_NAME
    tensor = tf.make_tensor_proto(chosen.SerializeToString(), dtype=tf.string)
    value = tf.compat.v1.Summary.Value(tag=CONFIG_SUMMARY_TAG, metadata=metadata, tensor=tensor)
    return tf.compat.v1.Summary(value=[value])


def _category(title: str, charts: Mapping[str, tuple[str, ...]], written: list[str] | None) -> Category:
    category = Category(title=title)
    for name, members in charts.items():
        patterns = [_pattern(tag) for tag in members]
        if written is None or any(re.match(pattern, tag) for pattern in patterns for tag in written):
            category.chart.append(Chart(title=name, multiline=MultilineChartContent(tag=patterns)))
    return category


def _pattern(tag: str) -> str:
    """Matches exactly a tag, and every tag of a group. TensorBoard looks for a match at the beginning only."""
    return f"^{tag}(/.*)?$"

import io

import numpy as np
import tensorflow as tf
from matplotlib import image
from tensorboard.backend.event_processing import plugin_event_accumulator

from summaries import events
from summaries.grid import draw_grid


def written(folder, summary, step):
    with tf.Graph().as_default(), tf.compat.v1.summary.FileWriter(str(folder)) as writer:
        writer.add_summary(summary, step)
    return plugin_event_accumulator.EventAccumulator(str(folder)).Reload()


def test_scalars_are_read_back_under_their_tags(tmp_path):
    found = written(tmp_path, events.scalars({"a": 0.5, "b": 2}), 7)
    values = {tag: [(e.step, tf.make_ndarray(e.tensor_proto).item()) for e in found.Tensors(tag)] for tag in "ab"}
    assert values == {"a": [(7, 0.5)], "b": [(7, 2.0)]}


def test_a_text_belongs_to_the_text_dashboard(tmp_path):
    found = written(tmp_path, events.text("flags", "| a |"), 0)
    assert found.PluginTagToContent("text").keys() == {"flags"}
    assert tf.make_ndarray(found.Tensors("flags")[0].tensor_proto).item() == b"| a |"


def test_a_table_keeps_to_its_cells():
    table = events.markdown_table({"a": 1, "b|c": "x\ny"}, header=("flag", "value"))
    assert table.splitlines() == ["| flag | value |", "| --- | --- |", "| a | 1 |", "| b\\|c | x y |"]


def test_a_grid_shows_each_image_in_its_place():
    """A red, a green and a blue image: each colour in its quarter, left to right and then down."""
    images = np.full([3, 5, 5, 3], -1.0)
    for i in range(3):
        images[i, :, :, i] = 1.0
    pixels = image.imread(io.BytesIO(draw_grid(images, ["red", "green", "blue"], columns=2)))[..., :3]
    height, width, _ = pixels.shape
    places = [(0.28, 0.25), (0.28, 0.75), (0.78, 0.25)]
    for i, (y, x) in enumerate(places):
        assert pixels[int(y * height), int(x * width)].tolist() == np.eye(3)[i].tolist()

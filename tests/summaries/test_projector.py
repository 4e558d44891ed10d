import io
import json
import os

import numpy as np
import pytest
from matplotlib import image
from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
from werkzeug.test import Client

from summaries import events, tags
from summaries.projector import NAME, write_projector
from tests.summaries.reading import plugin_context, write

POINTS = 11


@pytest.fixture
def points():
    random = np.random.RandomState(0)
    embeddings = random.randn(POINTS, 5).astype(np.float32)
    labels = [f"class {i}" for i in range(POINTS)]
    return embeddings, labels, random.randint(0, 256, [POINTS, 32, 24, 3]).astype(np.uint8)


def ask(folder, page, run="."):
    """What TensorBoard answers to the projector's page."""
    routes = ProjectorPlugin(plugin_context(folder)).get_plugin_apps()
    answer = Client(routes[f"/{page}"]).get(query_string={"run": run, "name": NAME})
    assert answer.status_code == 200, answer.data
    return answer.data


@pytest.mark.parametrize("run", [".", "eval"])
def test_tensorboard_gives_the_projector_every_point(tmp_path, points, run):
    embeddings, labels, thumbnails = points
    write(tmp_path / run, events.scalars({tags.LOSS: 1.0}))
    write_projector(tmp_path / run, *points)
    assert json.loads(ask(tmp_path, "runs")) == [run]
    [entry] = json.loads(ask(tmp_path, "info", run))["embeddings"]
    assert (entry["tensorName"], entry["tensorShape"]) == (NAME, [POINTS, 5])
    found = np.frombuffer(ask(tmp_path, "tensor", run), np.float32).reshape(POINTS, 5)
    assert found == pytest.approx(embeddings, rel=1e-3)
    assert ask(tmp_path, "metadata", run).decode().splitlines() == labels
    sprite = np.round(255 * image.imread(io.BytesIO(ask(tmp_path, "sprite_image", run)))[..., :3])
    width, height = entry["sprite"]["singleImageDim"]
    # The projector counts the images in a row by the width of the sprite.
    columns = sprite.shape[1] // width
    for i in range(POINTS):
        top, left = i // columns * height, i % columns * width
        assert np.array_equal(sprite[top : top + height, left : left + width], thumbnails[i])


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_dead_network_has_points_too(tmp_path, points, value):
    """Raw bytes of zeros would be taken for text."""
    write_projector(tmp_path, np.full([POINTS, 5], value, np.float32), *points[1:])
    found = np.frombuffer(ask(tmp_path, "tensor"), np.float32)
    assert found.tolist() == pytest.approx([value] * POINTS * 5, nan_ok=True)


def test_a_label_is_one_line_whatever_is_in_it(tmp_path, points):
    labels = ["a\tb", "c\nd", " ", *points[1][3:]]
    write_projector(tmp_path, points[0], labels, points[2])
    assert ask(tmp_path, "metadata").decode().splitlines() == ["a b", "c d", "?", *labels[3:]]


def test_thumbnails_are_made_small(tmp_path, points):
    write_projector(tmp_path, points[0], points[1], np.zeros([POINTS, 96, 64, 3], np.uint8))
    [entry] = json.loads(ask(tmp_path, "info"))["embeddings"]
    assert entry["sprite"]["singleImageDim"] == [21, 32]
    assert image.imread(io.BytesIO(ask(tmp_path, "sprite_image"))).shape[:2] == (3 * 32, 4 * 21)


def test_what_was_shown_before_gives_way(tmp_path, points):
    write_projector(tmp_path, *points)
    (tmp_path / "projector.txt").write_text("someone else's")
    write_projector(tmp_path, -points[0], *points[1:])
    found = np.frombuffer(ask(tmp_path, "tensor"), np.float32).reshape(POINTS, 5)
    assert found == pytest.approx(-points[0], rel=1e-3)
    assert len(list(tmp_path.iterdir())) == 3


def test_it_is_written_whole_or_not_at_all(tmp_path, points, monkeypatch):
    write_projector(tmp_path, *points)
    before = sorted(tmp_path.rglob("*"))

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_projector(tmp_path, -points[0], *points[1:])
    assert sorted(tmp_path.rglob("*")) == before
    assert np.frombuffer(ask(tmp_path, "tensor"), np.float32)[0] == pytest.approx(points[0][0, 0], rel=1e-3)


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, points):
    with pytest.raises(ValueError, match="11 embeddings, 10 labels, 11 thumbnails"):
        write_projector(tmp_path, points[0], points[1][1:], points[2])
    many = 257**2
    with pytest.raises(ValueError, match="more than 8192 pixels"):
        write_projector(
            tmp_path,
            np.broadcast_to(np.float32(0), [many, 1]),
            ["a"] * many,
            np.broadcast_to(np.uint8(0), [many, 32, 1, 3]),
        )
    assert not list(tmp_path.iterdir())

import io
import json
import os

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import image
from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
from werkzeug.test import Client

from summaries import events, tags
from summaries.projector import write_projector
from tests.summaries.reading import plugin_context, write

POINTS, STEP = 11, 2000
NAME = "validation, step 2000"


@pytest.fixture
def points():
    random = np.random.RandomState(0)
    embeddings = random.randn(POINTS, 5).astype(np.float32)
    labels = [f"class {i}" for i in range(POINTS)]
    return embeddings, labels, random.randint(0, 256, [POINTS, 32, 24, 3]).astype(np.uint8)


def show(folder, embeddings, labels, thumbnails, *, step=STEP, below=()):
    write_projector(folder, embeddings, labels, thumbnails, step=step, below=below)


def ask(folder, page, run=".", *, name=NAME):
    """What TensorBoard answers to the projector's page."""
    routes = ProjectorPlugin(plugin_context(folder)).get_plugin_apps()
    answer = Client(routes[f"/{page}"]).get(query_string={"run": run, "name": name})
    assert answer.status_code == 200, answer.data
    return answer.data


@pytest.mark.parametrize("run", [".", "a"])
def test_tensorboard_gives_the_projector_every_point(tmp_path, points, run):
    embeddings, labels, thumbnails = points
    write(tmp_path / run, events.scalars({tags.LOSS: 1.0}))
    show(tmp_path / run, *points)
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
    show(tmp_path, np.full([POINTS, 5], value, np.float32), *points[1:])
    found = np.frombuffer(ask(tmp_path, "tensor"), np.float32)
    assert found.tolist() == pytest.approx([value] * POINTS * 5, nan_ok=True)


def test_a_label_is_one_line_whatever_is_in_it(tmp_path, points):
    labels = ["a\tb", "c\nd", " ", *points[1][3:]]
    show(tmp_path, points[0], labels, points[2])
    assert ask(tmp_path, "metadata").decode().splitlines() == ["a b", "c d", "?", *labels[3:]]


def test_thumbnails_are_made_small(tmp_path, points):
    show(tmp_path, points[0], points[1], np.zeros([POINTS, 96, 64, 3], np.uint8))
    [entry] = json.loads(ask(tmp_path, "info"))["embeddings"]
    assert entry["sprite"]["singleImageDim"] == [21, 32]
    assert image.imread(io.BytesIO(ask(tmp_path, "sprite_image"))).shape[:2] == (3 * 32, 4 * 21)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_projector_opens_on_these_points_and_not_on_the_checkpoints(tmp_path, points):
    """It opens on the first of any run, and for TensorBoard a checkpoint is that of the folders below it, too."""
    run = tmp_path / "run"
    for folder in (run, run / "eval"):
        write(folder, events.scalars({tags.LOSS: 1.0}))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        session.run(tf.compat.v1.get_variable("kernel", [4, 3]).initializer)
        tf.compat.v1.train.Saver().save(session, str(run / "model.ckpt"))
    show(run, *points, below=["eval"])
    found = json.loads(ask(tmp_path, "runs"))
    assert sorted(found) == ["run", "run/eval"]
    for each in found:
        names = [entry["tensorName"] for entry in json.loads(ask(tmp_path, "info", each))["embeddings"]]
        assert names == [NAME, "kernel"]
        tensor = np.frombuffer(ask(tmp_path, "tensor", each), np.float32).reshape(POINTS, 5)
        assert tensor == pytest.approx(points[0], rel=1e-3)
        assert ask(tmp_path, "metadata", each).decode().splitlines() == points[1]
        assert ask(tmp_path, "sprite_image", each) == (run / "projector" / "sprite.png").read_bytes()


def test_the_points_of_a_later_step_take_the_place_under_another_name(tmp_path, points):
    """TensorBoard would go on showing what it has read under a name."""
    show(tmp_path, *points)
    (tmp_path / "projector.txt").write_text("someone else's")
    show(tmp_path, -points[0], *points[1:], step=3000)
    [entry] = json.loads(ask(tmp_path, "info"))["embeddings"]
    assert entry["tensorName"] == "validation, step 3000"
    found = np.frombuffer(ask(tmp_path, "tensor", name=entry["tensorName"]), np.float32).reshape(POINTS, 5)
    assert found == pytest.approx(-points[0], rel=1e-3)
    data = [f"projector/{name}" for name in ("labels.tsv", "sprite.png", "tensors.tsv")]
    assert sorted(contents(tmp_path)) == ["projector.txt", *data, "projector_config.pbtxt"]


@pytest.mark.parametrize("failing", range(4))
def test_a_file_is_written_whole_or_not_at_all_and_the_configuration_last(tmp_path, points, monkeypatch, failing):
    """The disk is full as one of the four is put in its place."""
    show(tmp_path, *points)
    before, replace = contents(tmp_path), os.replace
    put: list[str] = []

    def put_or_fail(source, place):
        if len(put) == failing:
            raise OSError("no space left on device")
        put.append(os.path.relpath(place, tmp_path))
        replace(source, place)

    monkeypatch.setattr(os, "replace", put_or_fail)
    with pytest.raises(OSError, match="no space"):
        show(tmp_path, -points[0], ["other"] * POINTS, 255 - points[2], step=3000)
    after = contents(tmp_path)
    assert after.keys() == before.keys(), "nothing else is left"
    assert {name for name in after if after[name] != before[name]} == set(put)
    assert "projector_config.pbtxt" not in put


def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, points):
    with pytest.raises(ValueError, match="11 embeddings, 10 labels, 11 thumbnails"):
        show(tmp_path, points[0], points[1][1:], points[2])
    many = 257**2
    with pytest.raises(ValueError, match="more than 8192 pixels"):
        show(
            tmp_path,
            np.broadcast_to(np.float32(0), [many, 1]),
            ["a"] * many,
            np.broadcast_to(np.uint8(0), [many, 32, 1, 3]),
        )
    assert not list(tmp_path.iterdir())

"""What evaluations of a few known examples leave in the event file and for the projector."""

import dataclasses
import errno
import io
import os
import re

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import image
from tensorboard.plugins.projector.metadata import PROJECTOR_FILENAME

import hooks
from hooks import evaluation_pages
from settings import UserError
from summaries import confusion, grid, tags
from summaries.descriptions import described
from summaries.png import pixels_png
from tests.hooks.common import written
from tests.hooks.evaluations import NAMES, evaluate, guesses, predictions, sure

EXAMPLES = 200
# Each image of the split is filled with its place there.
IMAGES = np.arange(EXAMPLES, dtype=np.uint8).repeat(4 * 4 * 3).reshape(EXAMPLES, 4, 4, 3)
PAGES = {tags.CONFUSION_MATRIX, tags.MISTAKES, *(tags.of(tags.PRECISION_RECALL, name) for name in NAMES)}


@dataclasses.dataclass
class Drawn:
    """Confusion matrices; places in the split and titles of mistakes. One of each for each picture."""

    matrices: list
    mistakes: list


@pytest.fixture
def drawn(monkeypatch):
    """What is to be drawn; a pixel is, which is faster."""
    found, pixel = Drawn([], []), pixels_png(np.zeros([1, 1, 3], np.uint8))

    def draw_matrix(matrix, names):
        assert names == NAMES
        found.matrices.append(matrix.tolist())
        return pixel

    def draw_mistakes(images, titles):
        assert images.dtype == np.float32 and np.abs(images).max() <= 1
        found.mistakes.append((np.round(127.5 * (images[:, 0, 0, 0] + 1)).astype(int).tolist(), titles))
        return pixel

    monkeypatch.setattr(confusion, "draw_confusion_matrix", draw_matrix)
    monkeypatch.setattr(grid, "draw_grid", draw_mistakes)
    return found


def make_hook(folder, *, interval=10, last_step=100, every=4, embedding_examples=0, names=NAMES):
    return hooks.EvaluationPagesHook(
        str(folder),
        split=hooks.Split(IMAGES, names),
        due=hooks.Due(interval, last_step),
        every=every,
        embedding_examples=embedding_examples,
    )


def scalars(folder):
    """(step, tag) -> value."""
    return {
        (step, value.tag): value.simple_value
        for step, value in written(folder / "eval")
        if value.WhichOneof("value") == "simple_value"
    }


def precision_recall(folder, name):
    """The only curve of a class: [6, thresholds]."""
    tag = tags.of(tags.PRECISION_RECALL, name)
    [found] = [value for _, value in written(folder / "eval") if value.tag == tag]
    return tf.make_ndarray(found.tensor)


def projected(folder):
    """(embeddings, labels, places in the split by thumbnail) of the projector."""
    data = folder / "projector"
    labels = (data / "labels.tsv").read_text().splitlines()
    sprite = np.round(255 * image.imread(data / "sprite.png")).astype(int)
    return np.loadtxt(data / "tensors.tsv", ndmin=2), labels, sprite[::4, ::4, 0].ravel()[: len(labels)].tolist()


def test_accuracy_of_each_class_is_the_share_of_its_examples_that_are_right(tmp_path):
    """Counted one by one. A class without examples has no accuracy."""
    found = guesses(EXAMPLES, labels=(0, 1, 3))
    evaluate(make_hook(tmp_path), found, step=4, batch=7)
    right: dict[int, list[bool]] = {}
    for label, row in zip(found.label.tolist(), found.probabilities.tolist(), strict=True):
        right.setdefault(label, []).append(row.index(max(row)) == label)
    assert right.keys() == {0, 1, 3}
    expected = {(4, f"class_accuracy/{NAMES[label]}"): sum(each) / len(each) for label, each in right.items()}
    assert scalars(tmp_path) == pytest.approx(expected)


def test_padding_counts_nowhere(tmp_path, drawn):
    """The last batch is filled up with what would be the surest mistakes."""
    found = sure(
        label=[0, 0, 1, 2, 0, 3, 3, 3],
        predicted=[0, 1, 1, 2, 2, 0, 0, 0],
        confidence=[0.9, 0.5, 0.9, 0.9, 0.6, 0.99, 0.99, 0.99],
        weight=[1, 1, 1, 1, 1, 0, 0, 0],
    )
    evaluate(make_hook(tmp_path, last_step=8, embedding_examples=EXAMPLES), found, step=8)
    assert drawn.matrices == [[[1, 1, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]]
    assert drawn.mistakes == [([4, 1], ["cat -> fish 60%", "cat -> dog 50%"])]
    assert (8, "class_accuracy/gnu") not in scalars(tmp_path)
    assert precision_recall(tmp_path, "cat")[:4, 0].tolist() == [3, 2, 0, 0], "of five at the threshold 0"
    assert projected(tmp_path)[1] == ["cat", "cat", "dog", "fish", "cat"]


def test_each_evaluation_counts_its_own_examples(tmp_path, drawn):
    hook = make_hook(tmp_path, interval=4)
    for step, label in ((4, 0), (8, 3)):
        evaluate(hook, sure([label] * 5, [label] * 5, [0.9] * 5), step=step)
    assert [np.sum(matrix) for matrix in drawn.matrices] == [5, 5]
    assert scalars(tmp_path) == {(4, "class_accuracy/cat"): 1, (8, "class_accuracy/gnu"): 1}


@pytest.mark.parametrize(
    ("every", "steps", "due"),
    [
        pytest.param(4, [4, 8, 12, 16, 20, 24, 28, 29], [12, 20, 29], id="from the beginning"),
        pytest.param(4, [9, 13, 17, 21, 25, 29], [13, 21, 29], id="shifted by a resume at step 5"),
        pytest.param(12, [12, 24, 29], [12, 24, 29], id="fewer evaluations than multiples"),
    ],
)
def test_pages_are_drawn_at_the_first_evaluation_at_or_after_each_multiple_and_at_the_last_step(
    tmp_path, drawn, every, steps, due
):
    """Multiples of 10 in a run of 29 steps. Class accuracy is written by all evaluations."""
    hook = make_hook(tmp_path, interval=10, last_step=29, every=every)
    for step in steps:
        evaluate(hook, guesses(8), step=step)
    found = [(step, value.tag) for step, value in written(tmp_path / "eval")]
    assert {tag: [step for step, other in found if other == tag] for tag in PAGES} == dict.fromkeys(PAGES, due)
    assert sorted({step for step, tag in found if tag.startswith("class_accuracy/")}) == steps


def test_precision_and_recall_of_a_class_are_of_its_own_probability(tmp_path, drawn):
    """At the threshold 1/2: what is taken for the class, rightly and wrongly."""
    found = guesses(EXAMPLES)
    evaluate(make_hook(tmp_path), found, step=10)
    for place, name in enumerate(NAMES):
        taken = found.probabilities[:, place] >= 0.5
        expected = [np.sum(taken & (found.label == place)), np.sum(taken & (found.label != place))]
        assert precision_recall(tmp_path, name)[:2, 63].tolist() == expected


def test_the_surest_mistakes_come_first_with_their_own_images(tmp_path, drawn):
    """The order of the batches is not that of the split; equally sure ones keep theirs."""
    found = sure(
        label=[0, 2, 1, 3, 0, 3],
        predicted=[1, 2, 3, 0, 2, 1],
        confidence=[0.5, 0.99, 0.9, 0.7, 0.7, 0.8],
        index=[150, 3, 7, 0, 199, 4],
    )
    evaluate(make_hook(tmp_path), found, step=10)
    titles = ["dog -> gnu 90%", "gnu -> dog 80%", "gnu -> cat 70%", "cat -> fish 70%", "cat -> dog 50%"]
    assert drawn.mistakes == [([7, 4, 0, 199, 150], titles)]


def test_of_many_mistakes_the_sixteen_surest_are_drawn(tmp_path, drawn):
    found = guesses(EXAMPLES)
    evaluate(make_hook(tmp_path), found, step=10, batch=50)
    rows = found.probabilities.tolist()
    wrong = [place for place, row in enumerate(rows) if row.index(max(row)) != found.label[place]]
    assert len(wrong) > 100
    assert drawn.mistakes[0][0] == sorted(wrong, key=lambda place: -max(rows[place]))[:16]


def test_an_evaluation_without_mistakes_draws_none(tmp_path, drawn):
    evaluate(make_hook(tmp_path), sure([0, 1, 2], [0, 1, 2], [0.9] * 3), step=10)
    assert {value.tag for _, value in written(tmp_path / "eval")} & PAGES == PAGES - {tags.MISTAKES}


@pytest.mark.parametrize("run", [".", "eval"])
def test_embeddings_are_written_with_the_pictures_for_the_run_and_its_evaluations(tmp_path, drawn, run):
    """A run that is killed has those of its newest pictures."""
    hook = make_hook(tmp_path, interval=10, last_step=29, embedding_examples=5)
    shown = []
    for step in (4, 12, 16, 20, 29):
        evaluate(hook, guesses(8), step=step)
        there = [path.read_text() for path in (tmp_path / run).glob(PROJECTOR_FILENAME)]
        shown.append([re.findall('tensor_name: "(.*)"', text) for text in there])
    assert shown == [[], *([[f"validation, step {step}"]] for step in (12, 12, 20, 29))]


def test_pictures_are_drawn_at_the_first_evaluation_that_is_due_whichever_were_left_out(tmp_path, drawn):
    """Where evaluations are slower than training, checkpoints are removed before their turn."""
    hook = make_hook(tmp_path, interval=12, every=4)
    counts = []
    for step in (8, 20, 24, 28):
        evaluate(hook, guesses(8), step=step)
        counts.append(len(drawn.matrices))
    assert counts == [0, 1, 2, 2]


def test_embeddings_that_cannot_be_written_are_one_line(tmp_path, drawn, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(evaluation_pages, "write_projector", full)
    with pytest.raises(UserError, match=f"cannot write the embeddings of step 10 to {tmp_path} .No space left"):
        evaluate(make_hook(tmp_path, embedding_examples=5), guesses(8), step=10)


def test_no_embeddings_are_written_where_none_are_asked_for(tmp_path, drawn):
    evaluate(make_hook(tmp_path, last_step=10, embedding_examples=0), guesses(8), step=10)
    assert not [path for path in tmp_path.rglob("*") if "projector" in path.name]


@pytest.mark.parametrize(("embedding_examples", "count"), [(5, 5), (6, 6), (1000, 6)])
def test_so_many_first_examples_have_their_embedding_label_and_thumbnail(tmp_path, drawn, embedding_examples, count):
    """The batches' first; of a smaller split all."""
    places = [2, 150, 1, 3, 0, 60]
    found = sure([0, 1, 3, 3, 2, 0], [1] * 6, [0.5] * 6, index=places)
    evaluate(make_hook(tmp_path, last_step=10, embedding_examples=embedding_examples), found, step=10)
    embeddings, labels, thumbnails = projected(tmp_path)
    expected = [[place, place**2] for place in places[:count]]
    assert embeddings == pytest.approx(np.array(expected), rel=1e-3), "four digits of each are kept"
    assert labels == ["cat", "dog", "gnu", "gnu", "fish", "cat"][:count]
    assert thumbnails == places[:count]


def test_what_the_estimator_writes_is_described_once_and_before_all_else(tmp_path):
    hook = make_hook(tmp_path)
    for step in (4, 8):
        evaluate(hook, guesses(8), step=step)
    found = written(tmp_path / "eval")
    without_a_point = [(step, value.tag) for step, value in found if value.WhichOneof("value") is None]
    described_tags = (tags.LOSS, tags.ACCURACY, tags.CROSS_ENTROPY, tags.WEIGHT_DECAY)
    assert without_a_point == [(4, tag) for tag in described_tags]
    assert [(step, value.tag) for step, value in found[: len(described_tags)]] == without_a_point
    firsts = {value.tag: value for _, value in reversed(found)}
    assert any(tag.startswith("class_accuracy/") for tag in firsts)
    for tag, value in firsts.items():
        assert value.metadata.summary_description == described(tag).text, "TensorBoard keeps that of the first point"


@pytest.mark.parametrize(("num_classes", "has_top_5"), [(5, False), (6, True)])
def test_top_5_accuracy_is_described_where_the_estimator_writes_it(tmp_path, drawn, num_classes, has_top_5):
    hook = make_hook(tmp_path, names=[f"class {place}" for place in range(num_classes)])
    evaluate(hook, predictions([0, 1], np.full([2, num_classes], 1 / num_classes)), step=4)
    texts = {value.tag: value.metadata.summary_description for _, value in written(tmp_path / "eval")}
    assert texts.get(tags.TOP_5_ACCURACY) == (described(tags.TOP_5_ACCURACY).text if has_top_5 else None)


def test_the_pictures_are_drawn_for_real(tmp_path):
    evaluate(make_hook(tmp_path), guesses(8), step=10)
    pictures = {value.tag: value.image for _, value in written(tmp_path / "eval") if value.HasField("image")}
    assert pictures.keys() == {tags.CONFUSION_MATRIX, tags.MISTAKES}
    for tag, picture in pictures.items():
        height, width, _ = image.imread(io.BytesIO(picture.encoded_image_string)).shape
        assert (picture.height, picture.width) == (height, width)
        assert min(height, width) > 100, tag

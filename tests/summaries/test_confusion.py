import io
import itertools

import numpy as np
import pytest
from matplotlib import image

from summaries import confusion

NAMES = ["cat", "dog", "fish", "gnu"]


@pytest.fixture
def figure_of(monkeypatch):
    """Draws a matrix, and gives the figure instead of the PNG."""
    monkeypatch.setattr(confusion, "chart_png", lambda figure: figure)
    return confusion.draw_confusion_matrix


def texts(axes):
    return {tuple(text.get_position()): text.get_text() for text in axes.texts}


def test_rows_are_true_and_columns_predicted():
    labels, predicted = np.array([0, 0, 0, 1, 3], np.int32), np.array([0, 1, 1, 1, 0], np.int64)
    matrix = confusion.confusion_matrix(labels, predicted, 4)
    assert matrix.tolist() == [[1, 2, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert matrix.dtype == np.int64


def test_accuracy_of_a_class_is_of_its_examples_and_of_none_is_no_number():
    matrix = np.array([[1, 2, 0], [0, 0, 0], [5, 5, 30]])
    assert confusion.class_accuracy(matrix) == pytest.approx([1 / 3, np.nan, 0.75], nan_ok=True)


def test_cells_say_the_percent_of_their_row(figure_of):
    matrix = np.array([[880, 120, 0, 0], [0, 0, 4, 0], [0, 0, 0, 0], [1, 3000, 15, 2984]])
    axes = figure_of(matrix, NAMES).axes[0]
    assert texts(axes) == {
        (0, 0): "88",
        (1, 0): "12",
        (1, 1): "0",
        (2, 1): "100",
        (0, 3): "<0.1",
        (1, 3): "50",
        (2, 3): "0.2",
        (3, 3): "50",
    }
    assert {text.get_text(): text.get_color() for text in axes.texts if text.get_text() in ("<0.1", "0", "88")} == {
        "<0.1": "#333333",
        "0": "#333333",
        "88": "white",
    }
    right, wrong = (~np.ma.getmaskarray(image.get_array()) for image in axes.images)
    assert np.argwhere(right).tolist() == [[0, 0], [1, 1], [3, 3]]
    assert np.argwhere(wrong).tolist() == [[0, 1], [1, 2], [3, 0], [3, 1], [3, 2]]
    assert axes.get_title(loc="left") == "55.2% of 7,004 right; cells: % of row"


def test_both_axes_name_the_classes(figure_of):
    axes = figure_of(np.eye(4, dtype=int), NAMES).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert {tick.get_position()[tick.get_rotation() == 0]: tick.get_text() for tick in ticks} == dict(
            enumerate(NAMES)
        )


def test_the_picture_has_room_for_the_names():
    short, long = (
        image.imread(io.BytesIO(confusion.draw_confusion_matrix(np.eye(2, dtype=int), [name, "b"]))).shape[:2]
        for name in ("a", "a rather long name")
    )
    assert short[0] > 200 and short[1] > 200  # The matrix by itself, of 2 inches, is that large.
    assert long[0] > short[0] + 50 and long[1] > short[1] + 50


def test_few_mistakes_are_as_dark_as_many_right_ones():
    """A scale for both would leave the mistakes white."""
    pixels = pixels_of(confusion.draw_confusion_matrix(np.array([[99, 1], [0, 20]]), ["a", "b"]))
    right, wrong, none, all_right = pixels
    assert right[2] > 0.3 > right[0]  # blue
    assert wrong[0] > wrong[2] + 0.3  # red
    assert none.tolist() == pytest.approx([1, 1, 1], abs=0.02)
    assert all_right == pytest.approx(right, abs=0.05)


def pixels_of(png):
    """The colours of the four cells of a matrix of two classes, each near its upper left corner."""
    pixels = image.imread(io.BytesIO(png))[..., :3]
    # What is not white in the first row of the diagonal begins where the matrix does.
    blue = (pixels[..., 2] > pixels[..., 0] + 0.2) & (pixels[..., 2] > 0.3)
    top, left = np.argwhere(blue).min(axis=0)
    cell = 100
    return [pixels[top + 10 + y * cell, left + 10 + x * cell] for y in (0, 1) for x in (0, 1)]


@pytest.mark.parametrize(("count", "shown"), [(2, 2), (20, 20), (43, 43), (100, 50)])
def test_names_never_overlap(figure_of, count, shown):
    figure = figure_of(np.eye(count, dtype=int), [f"a rather long name, and longer: {i}" for i in range(count)])
    figure.canvas.draw()
    for ticks, side in ((figure.axes[0].get_xticklabels(), 0), (figure.axes[0].get_yticklabels(), 1)):
        boxes = sorted((tick.get_window_extent().get_points()[:, side] for tick in ticks), key=lambda box: box[0])
        assert len(boxes) == shown
        assert all(before[1] < after[0] for before, after in itertools.pairwise(boxes))
        assert all(len(tick.get_text()) <= 26 for tick in ticks)


def test_many_classes_have_their_commonest_mistakes_listed(figure_of):
    matrix = 1000 * np.eye(30, dtype=int)
    matrix[3, 7], matrix[20, 4] = 12, 40
    figure = figure_of(matrix, [f"class {i}" for i in range(30)])
    assert not figure.axes[0].texts
    [listed] = figure.texts
    assert listed.get_text().splitlines()[1:] == ["40  class 20 \u2192 class 4", "12  class 3 \u2192 class 7"]


def test_a_dollar_sign_is_no_formula():
    confusion.draw_confusion_matrix(np.ones([2, 2], int), ["from $1 \\bad{ to $2", "more"])


@pytest.mark.parametrize("count", [10, 100])
def test_a_picture_is_small(count):
    matrix = np.random.RandomState(0).poisson(2, [count, count])
    assert len(confusion.draw_confusion_matrix(matrix, [f"class {i}" for i in range(count)])) < 60_000

"""What a reader of an evaluation's figure sees."""

import io

import matplotlib.image
import numpy as np
import pytest

import report
from report.evaluation_figure import evaluation_figure
from settings import UserError
from summaries.confusion import draw_confusion_matrix
from tests.report.evaluations import BY_HAND, LABELS, NAMES, certain, random_sample
from tests.report.makers import only


@pytest.fixture
def evaluation():
    log_probabilities, labels = random_sample()
    return report.assess(log_probabilities, labels, list("abcdefgh"))


def bars(ax):
    """(left, right, bottom, top) of each bar."""
    boxes = [bar.get_bbox() for bar in ax.patches]
    return [(box.x0, box.x1, box.y0, box.y1) for box in boxes]


def test_the_matrix_stands_in_the_picture_pixel_by_pixel(evaluation, tmp_path):
    path = tmp_path / "evaluation.png"
    report.draw_evaluation(evaluation, path=str(path), title="a model")
    picture = matplotlib.image.imread(path)[..., :3]
    drawn = draw_confusion_matrix(evaluation.confusion, evaluation.class_names)
    matrix = matplotlib.image.imread(io.BytesIO(drawn))[..., :3]
    height, width = matrix.shape[:2]
    top = next(y for y in range(30, 90) if np.abs(picture[y : y + height, :width] - matrix).max() < 0.01)
    assert (picture[: top - 1] < 0.5).any(), "the title is above it"


def test_bars_are_accuracy_and_its_gap_to_confidence(evaluation):
    reliability, histogram = evaluation_figure(evaluation, title="").axes
    filled = [each for each in evaluation.calibration.bins if each.examples]
    sides = [(100 * each.lower, 100 * each.upper) for each in filled]
    accuracy = [(*side, 0, 100 * each.accuracy) for side, each in zip(sides, filled, strict=True)]
    gaps = [(*side, 100 * each.accuracy, 100 * each.confidence) for side, each in zip(sides, filled, strict=True)]
    np.testing.assert_allclose(bars(reliability), [*accuracy, *gaps])
    shares = [(*side, 0, 100 * each.examples / 500) for side, each in zip(sides, filled, strict=True)]
    np.testing.assert_allclose(bars(histogram), shares)
    (diagonal,) = reliability.lines
    assert np.asarray(diagonal.get_xydata()).tolist() == [[0, 0], [100, 100]]


def test_axes_say_what_they_show_and_cover_the_same_confidence(evaluation):
    reliability, histogram = evaluation_figure(evaluation, title="").axes
    errors = [100 * evaluation.calibration.expected_error, 100 * evaluation.calibration.maximum_error]
    assert reliability.get_title(loc="left") == "calibration error: {:.1f}% expected, {:.1f}% maximum".format(*errors)
    assert (histogram.get_xlabel(), reliability.get_ylabel()) == ("confidence (%)", "right (%)")
    labels = [text.get_text() for text in only(reliability.get_legend()).get_texts()]
    assert sorted(labels) == ["accuracy", "gap to mean confidence", "no gap"]
    assert reliability.get_xlim() == histogram.get_xlim() == (0, 100)
    left, right = (ax.get_position() for ax in (reliability, histogram))
    assert (left.x0, left.x1) == pytest.approx((right.x0, right.x1))


@pytest.mark.parametrize("num_classes", [2, 10, 40])
def test_nothing_overlaps_the_matrix_or_leaves_the_picture(num_classes):
    places = np.arange(num_classes)
    names = [f"a rather long name: {place}" for place in places]
    picture = evaluation_figure(report.assess(certain(places, num_classes), places, names), title="a model")
    picture.canvas.draw()
    matrix_width = picture.images[0].get_size()[1]
    width, height = picture.get_size_inches() * picture.dpi
    chart, histogram = (only(ax.get_tightbbox()) for ax in picture.axes)
    for box in (chart, histogram):
        assert box.x0 > matrix_width and box.y0 > 0
        assert box.x1 < width and box.y1 < height - 30
    assert histogram.y1 < chart.y0


@pytest.mark.parametrize("value", [np.nan, -1.1])
def test_one_example_or_none_with_a_confidence_is_drawn(value):
    found = report.assess(np.full([1, 3], value), np.array([0]), NAMES)
    evaluation_figure(found, title="").draw_without_rendering()


def test_a_title_is_no_mathematics(tmp_path):
    found = report.assess(BY_HAND, LABELS, ["$x$", "$\\nonsense{$", "c"])
    report.draw_evaluation(found, path=str(tmp_path / "x.png"), title="$x$ & $\\nonsense{$")


def test_a_place_that_cannot_be_written_is_an_error(evaluation, tmp_path):
    with pytest.raises(UserError, match="cannot write the figure"):
        report.draw_evaluation(evaluation, path=str(tmp_path / "no" / "x.png"), title="")

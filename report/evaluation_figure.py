"""The picture of an evaluation: which classes are taken for which, and how far confidence can be trusted."""

import io
from typing import Any

import matplotlib.image
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from report.chart import INK, dress
from report.evaluation import Bin, Calibration, Evaluation
from report.files import write_png
from summaries.confusion import draw_confusion_matrix
from summaries.png import DPI

_ACCURACY, _GAP = "#56B4E9", "#D55E00"  # Okabe and Ito's sky blue and vermilion, apart for colour-blind readers too.
_TITLE = 0.5  # inches, of height
_SIDE = (4.2, 5.5)  # inches, of the square chart, which is otherwise as high as the matrix
_STRIP, _SPACE = 0.8, 0.2  # inches, heights of the histogram under the chart and of what is between them
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.9, 0.2, 0.35, 0.65  # inches around the charts


def draw_evaluation(evaluation: Evaluation, *, path: str, title: str) -> None:
    """Writes `evaluation_figure` to `path` as a PNG, whole or not at all.

    Raises:
      UserError: the file cannot be written.
    """
    write_png(evaluation_figure(evaluation, title=title), path)


def evaluation_figure(evaluation: Evaluation, *, title: str) -> Figure:
    """The confusion matrix as TensorBoard shows it; beside it a reliability diagram over the histogram of confidence.

    The diagram has a bar for each bin of confidence that has examples: its height is the share of them right. The gap
    to their mean confidence is hatched.
    """
    drawn = io.BytesIO(draw_confusion_matrix(evaluation.confusion, evaluation.class_names))
    matrix = matplotlib.image.imread(drawn)
    matrix_height, matrix_width = (pixels / DPI for pixels in matrix.shape[:2])
    around = _STRIP + _SPACE + _TOP + _BOTTOM
    side = float(np.clip(matrix_height - around, *_SIDE))
    width, height = matrix_width + _LEFT + side + _RIGHT, max(matrix_height, side + around) + _TITLE
    picture = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(picture)
    picture.text(
        0.1 / width, 1 - 0.15 / height, title, va="top", fontsize=13, fontweight="bold", color=INK, parse_math=False
    )
    # Pixel by pixel: scaled letters would blur.
    picture.figimage(matrix, 0, round(DPI * (height - _TITLE - matrix_height)))

    def axes(*, bottom: float, tall: float) -> Axes:
        return picture.add_axes(
            ((matrix_width + _LEFT) / width, bottom / height, side / width, tall / height), xlim=(0, 100)
        )

    top = height - _TITLE - _TOP
    _draw_reliability(axes(bottom=top - side, tall=side), evaluation.calibration)
    _draw_histogram(axes(bottom=top - side - _SPACE - _STRIP, tall=_STRIP), evaluation.calibration)
    return picture


def _draw_reliability(ax: Axes, calibration: Calibration) -> None:
    dress(ax)
    filled, lower, width = _filled(calibration)
    accuracy = np.array([100 * each.accuracy for each in filled])
    confidence = np.array([100 * each.confidence for each in filled])
    ax.bar(lower, accuracy, width, align="edge", color=_ACCURACY, edgecolor="white", label="accuracy")
    # Hatched over the bar where accuracy is higher, above it where confidence is.
    gap: dict[str, Any] = {"edgecolor": _GAP, "facecolor": "none", "hatch": "///", "linewidth": 0.8}
    ax.bar(lower, confidence - accuracy, width, accuracy, align="edge", label="gap to mean confidence", **gap)
    ax.plot([0, 100], [0, 100], "--", color=INK, linewidth=1.2, label="no gap")
    ax.set(ylim=(0, 100), ylabel="right (%)")
    ax.tick_params(labelbottom=False)
    errors = f"{100 * calibration.expected_error:.1f}% expected, {100 * calibration.maximum_error:.1f}% maximum"
    ax.set_title(f"calibration error: {errors}", fontsize=10, color=INK, loc="left")
    ax.legend(loc="upper left", fontsize=9, framealpha=0.85, edgecolor="none")


def _draw_histogram(ax: Axes, calibration: Calibration) -> None:
    dress(ax)
    filled, lower, width = _filled(calibration)
    counts = np.array([each.examples for each in filled])
    ax.bar(lower, 100 * counts / max(1, counts.sum()), width, align="edge", color="#999999", edgecolor="white")
    ax.set(xlabel="confidence (%)", ylabel="examples\n(%)")
    ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))


def _filled(calibration: Calibration) -> tuple[list[Bin], np.ndarray, np.ndarray]:
    """The bins that have examples, where they begin, and how wide they are, in percent."""
    filled = [each for each in calibration.bins if each.examples]
    lower = np.array([100 * each.lower for each in filled])
    upper = np.array([100 * each.upper for each in filled])
    return filled, lower, upper - lower

"""Which classes are taken for which."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from summaries.png import DPI, chart_png

_CELL = 0.4  # inches; more, and the letters are too small where TensorBoard shows the picture 320 pixels wide
_SIDE = (2.0, 8.6)  # inches, of the smallest matrix and of the largest
_INCHES_A_NAME = 0.15
_MOST_WITH_NUMBERS = 20  # classes; more, and the numbers do not fit in the cells
_LISTED = 15  # of the commonest mistakes, where there are no numbers in the cells
_LONGEST_NAME = 26  # letters
_LEAST_SCALE = 5.0  # percent; a good network's few mistakes need not look like many
_INK = "#333333"
_BRIGHTNESS = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts [num_classes, num_classes] int64 of examples by true class (row) and predicted class (column).

    `labels` and `predicted` [n] are integers from 0 to `num_classes - 1`.
    """
    pairs = np.asarray(labels, np.int64) * num_classes + np.asarray(predicted, np.int64)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_accuracy(matrix: np.ndarray) -> np.ndarray:
    """The share of each true class that is predicted right, float64 [n]; nan for a class without examples."""
    return np.diagonal(_shares(matrix)).copy()


def draw_confusion_matrix(matrix: np.ndarray, class_names: Sequence[str]) -> bytes:
    """A PNG of a confusion matrix [n, n] in percent of each row, with the share of all examples that are right above.

    Right and wrong have a colour and a scale each, so that many right ones do not make the few wrong ones pale. A cell
    without examples is white. Up to 20 classes have their numbers in the cells; with more, the commonest mistakes are
    listed beside the matrix.
    """
    count = len(class_names)
    names = [_short(name) for name in class_names]
    side = float(np.clip(_CELL * count, *_SIDE))
    figure = Figure(figsize=(side, side), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    percent = 100 * _shares(matrix)
    right, wrong = _draw_cells(axes, percent)
    numbered = count <= _MOST_WITH_NUMBERS
    if numbered:
        _write_numbers(axes, percent)
    else:
        _add_bar(figure, right, "right, % of row", place=(1 + 0.25 / side, 0.54, 0.15 / side, 0.46))
        _add_bar(figure, wrong, "wrong, % of row", place=(1 + 0.25 / side, 0.0, 0.15 / side, 0.46))
        figure.text(1 + 1.15 / side, 1, _commonest(matrix, names), va="top", fontsize=9, color=_INK, parse_math=False)
    _write_names(axes, names, every=math.ceil(count * _INCHES_A_NAME / side))
    share = np.trace(matrix) / max(1, matrix.sum())
    title = f"{share:.1%} of {matrix.sum():,} right" + ("; cells: % of row" if numbered else "")
    axes.set_title(title, fontsize=10, color=_INK, loc="left")
    return chart_png(figure)


def _shares(matrix: np.ndarray) -> np.ndarray:
    """Each row over its sum; nan where that is zero."""
    totals = matrix.sum(axis=1, keepdims=True).astype(np.float64)
    return np.divide(matrix, totals, out=np.full(matrix.shape, np.nan), where=totals > 0)


def _draw_cells(axes: Axes, percent: np.ndarray) -> tuple[AxesImage, AxesImage]:
    """The diagonal, and what is off it."""
    diagonal = np.eye(len(percent), dtype=bool)
    empty = np.isnan(percent)
    worst = max(_LEAST_SCALE, percent[~diagonal & ~empty].max(initial=0.0))
    right = axes.imshow(np.ma.array(percent, mask=~diagonal | empty), cmap="Blues", vmin=0, vmax=100)
    # The square root lets rare mistakes be seen beside a common one.
    mistakes = np.ma.array(percent, mask=diagonal | empty | (percent == 0))
    return right, axes.imshow(mistakes, cmap="Reds", norm=PowerNorm(0.5, vmin=0, vmax=worst))


def _add_bar(figure: Figure, image: AxesImage, label: str, *, place: tuple[float, float, float, float]) -> None:
    bar = figure.colorbar(image, cax=figure.add_axes(place))
    bar.set_label(label, fontsize=9, color=_INK)
    bar.locator = MaxNLocator(4)
    bar.ax.tick_params(labelsize=8, color=_INK, labelcolor=_INK)


def _write_numbers(axes: Axes, percent: np.ndarray) -> None:
    """The percent in each cell that has any, and on the diagonal always: light on dark and dark on light."""
    right, wrong = axes.images
    for (row, column), value in np.ndenumerate(percent):
        if np.isnan(value) or (value == 0 and row != column):
            continue
        image = right if row == column else wrong
        brightness = np.dot(image.to_rgba(value)[:3], _BRIGHTNESS)
        color = "white" if brightness < 0.55 else _INK
        axes.text(column, row, _number(value), ha="center", va="center", fontsize=10, color=color)


def _number(percent: float) -> str:
    """Two digits are enough: "97", "1.2", "<0.1"."""
    if 0 < percent < 0.05:
        return "<0.1"
    return f"{percent:.1f}" if 0 < percent < 9.95 else f"{percent:.0f}"


def _write_names(axes: Axes, names: Sequence[str], *, every: int) -> None:
    ticks = range(0, len(names), every)
    shown = [names[tick] for tick in ticks]
    axes.set_yticks(ticks, shown, fontsize=10, parse_math=False)
    axes.set_xticks(ticks, shown, fontsize=10, parse_math=False, rotation=90)
    axes.set_xlabel("predicted", fontsize=10, color=_INK)
    axes.set_ylabel("true", fontsize=10, color=_INK)
    axes.tick_params(length=2, color=_INK, labelcolor=_INK)
    axes.spines[:].set_color("#cccccc")


def _commonest(matrix: np.ndarray, names: Sequence[str]) -> str:
    """A list of the pairs of classes that are mistaken most often, with their counts."""
    mistakes = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:_LISTED]
    pairs = [np.unravel_index(place, matrix.shape) for place in order if mistakes.flat[place]]
    lines = [f"{matrix[row, column]:,}  {names[row]} \u2192 {names[column]}" for row, column in pairs]
    return "\n".join(["commonest mistakes, true \u2192 predicted:", *lines])


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "\u2026"

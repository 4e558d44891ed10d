"""Pictures of images: a grid with a title over each, and a grid of filters."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from summaries.png import DPI, enlarged, mosaic, photograph_png, pixels_png, shrunk

_WIDEST = 160  # pixels of an image
_NARROWEST = 147  # pixels of an image, with the title over it: 21 letters
_FONT: dict[str, Any] = {"family": "DejaVu Sans Mono", "fontsize": 8}
_LETTER, _LINE = 7, 14  # pixels: the width and height of a letter of that font
_GAP = 10  # pixels
_FILTER = 48  # pixels, or a little less


def draw_grid(images: np.ndarray, titles: Sequence[str], *, columns: int = 4) -> bytes:
    """A PNG of images [n, height, width, 3], each under its title, which is broken into lines as wide as the image.

    Images are uint8, or float32 in [-1, 1]. Small ones are shown larger, pixel by pixel, and large ones smaller, so
    that the picture stays small.
    """
    pixels = images if images.dtype == np.uint8 else np.round(np.clip(127.5 * (images + 1), 0, 255)).astype(np.uint8)
    pixels = shrunk(pixels, widest=_WIDEST)
    pixels = enlarged(pixels, math.ceil(_NARROWEST / pixels.shape[2]))
    count, height, width, _ = pixels.shape
    wrapped = [textwrap.wrap(title, width // _LETTER) for title in titles]
    pitch_x, pitch_y = width + _GAP, height + _GAP + _LINE * max(len(lines) for lines in wrapped)
    columns = min(columns, count)
    picture = np.array([columns * pitch_x, math.ceil(count / columns) * pitch_y])
    figure = Figure(figsize=tuple(picture / DPI), dpi=DPI)
    for place, (image, lines) in enumerate(zip(pixels, wrapped, strict=True)):
        row, column = divmod(place, columns)
        # The lower left corner of the image, counted from that of the picture.
        left, bottom = column * pitch_x + _GAP // 2, picture[1] - row * pitch_y - pitch_y + _GAP // 2
        figure.figimage(image, left, bottom)
        middle, over = np.array([left + width / 2, bottom + height + 2]) / picture
        # A dollar sign in the name of a class does not begin a formula.
        figure.text(middle, over, "\n".join(lines), ha="center", va="bottom", parse_math=False, **_FONT)
    return photograph_png(figure)


def first_layer_filters(kernel: np.ndarray) -> bytes:
    """A PNG of the filters of a kernel [height, width, 3, n] float, in a grid about square, row by row.

    Each filter is scaled to its own range: its smallest weight is black, its largest full colour. One whose weights are
    all the same is grey.
    """
    filters = np.moveaxis(kernel, 3, 0).astype(np.float64)
    low, high = filters.min(axis=(1, 2, 3), keepdims=True), filters.max(axis=(1, 2, 3), keepdims=True)
    spread = np.where(high == low, 1, high - low)
    scaled = np.where(high == low, 0.5, (filters - low) / spread)
    pixels = enlarged(np.round(255 * scaled).astype(np.uint8), max(1, _FILTER // max(kernel.shape[:2])))
    return pixels_png(mosaic(pixels, columns=math.ceil(math.sqrt(len(pixels))), gap=4))

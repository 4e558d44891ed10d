"""Pictures of images: a grid with a title over each."""

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def draw_grid(images: np.ndarray, titles: Sequence[str], *, columns: int = 4) -> bytes:
    """A PNG of images [n, height, width, 3] float32 in [-1, 1], each under its title."""
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(1.6 * columns, 1.8 * rows), dpi=100, layout="constrained")
    for place, (pixels, title) in enumerate(zip(images, titles, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(np.clip((pixels + 1) / 2, 0, 1))
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    return png.getvalue()

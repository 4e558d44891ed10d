"""Figures and pixels -> PNG, without a display and without a graph."""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

DPI = 100


def chart_png(figure: Figure) -> bytes:
    """The PNG of a figure of lines, letters and areas in few colours, and of all that stands beyond its edges.

    It has a palette of 256 colours, which makes it three to five times smaller than one in full colour.
    """
    drawn = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(
        drawn, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.1, pil_kwargs={"compress_level": 1}
    )
    palette = Image.open(drawn).convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE)
    return _encoded(palette, optimize=True)


def photograph_png(figure: Figure) -> bytes:
    """The PNG of a figure with photographs in it, in full colour.

    The smallest one would be a tenth smaller, and take twenty times as long: two seconds, while training waits.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return _encoded(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"), compress_level=4)


def pixels_png(pixels: np.ndarray) -> bytes:
    """The PNG of pixels [height, width, 3] uint8, as they are."""
    return _encoded(Image.fromarray(pixels), optimize=True)


def mosaic(images: np.ndarray, *, columns: int, gap: int) -> np.ndarray:
    """Images [n, height, width, 3] uint8 side by side, row by row, `gap` white pixels between them.

    Returns:
      [rows * (height + gap) - gap, columns * (width + gap) - gap, 3] uint8. What is left of the last row is white.
    """
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    cells = np.full([rows * columns, height + gap, width + gap, 3], 255, np.uint8)
    cells[:count, :height, :width] = images
    grid = cells.reshape(rows, columns, height + gap, width + gap, 3).swapaxes(1, 2)
    pixels = grid.reshape(rows * (height + gap), columns * (width + gap), 3)
    return pixels[: rows * (height + gap) - gap, : columns * (width + gap) - gap]


def shrunk(images: np.ndarray, *, widest: int) -> np.ndarray:
    """Images [n, height, width, 3] uint8 so that neither side is longer than `widest` pixels.

    Each pixel is the mean of a square of whole pixels; what is left over at the right and at the bottom is cut off.
    """
    factor = -(-max(images.shape[1:3]) // widest)
    if factor == 1:
        return images
    height, width = images.shape[1] // factor, images.shape[2] // factor
    whole = images[:, : height * factor, : width * factor]
    squares = whole.reshape(-1, height, factor, width, factor, 3)
    return np.round(squares.mean(axis=(2, 4))).astype(np.uint8)


def enlarged(images: np.ndarray, zoom: int) -> np.ndarray:
    """Images [n, height, width, 3] with each pixel as a square of `zoom` by `zoom`."""
    return images.repeat(zoom, axis=1).repeat(zoom, axis=2)


def _encoded(image: Image.Image, **options) -> bytes:
    png = io.BytesIO()
    image.save(png, format="png", **options)
    return png.getvalue()

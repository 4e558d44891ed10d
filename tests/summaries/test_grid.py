import io

import numpy as np
import pytest
from matplotlib import image

from summaries import grid


def pixels_of(png):
    return np.round(255 * image.imread(io.BytesIO(png))[..., :3]).astype(int)


@pytest.fixture
def figure_of(monkeypatch):
    """Draws a grid, and gives the figure instead of the PNG."""
    monkeypatch.setattr(grid, "photograph_png", lambda figure: figure)
    return grid.draw_grid


@pytest.mark.parametrize("size", [32, 96, 224])
@pytest.mark.parametrize(
    "title",
    [
        "cat -> dog 97%",
        "automobile -> automobile 100%",
        "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW -> W 1%",
        "cost: $1 \\bad{ -> cost: $2 50%",
    ],
)
def test_titles_stay_over_their_images(figure_of, size, title):
    figure = figure_of(np.zeros([6, size, size, 3], np.uint8), [title] * 6)
    figure.canvas.draw()
    images = [np.array([[each.ox, each.oy], [each.ox + width, each.oy + width]]) for each, width in shown(figure)]
    boxes = [text.get_window_extent().get_points() for text in figure.texts]
    for box, own in zip(boxes, images, strict=True):
        assert own[0, 0] - 2 <= box[0, 0] and box[1, 0] <= own[1, 0] + 2
        assert own[1, 1] <= box[0, 1]
    # Row two begins below row one's images, and its titles end below them.
    assert boxes[4][1, 1] <= images[0][0, 1]
    assert boxes[0][1, 1] <= figure.bbox.height
    assert figure.texts[0].get_text().replace("\n", "").replace(" ", "") == title.replace(" ", "")


def shown(figure):
    return [(each, each.get_array().shape[1]) for each in figure.images]


def test_bytes_and_floats_are_drawn_alike():
    pixels = np.random.RandomState(0).randint(0, 256, [3, 8, 8, 3]).astype(np.uint8)
    titles = ["a", "b", "c"]
    assert grid.draw_grid(pixels, titles) == grid.draw_grid((pixels / 127.5 - 1).astype(np.float32), titles)


def test_an_image_is_shown_pixel_by_pixel():
    pixels = np.random.RandomState(0).randint(0, 256, [1, 96, 96, 3]).astype(np.uint8)
    found = pixels_of(grid.draw_grid(pixels, ["a"]))
    twice = pixels[0].repeat(2, axis=0).repeat(2, axis=1)
    assert any(np.array_equal(found[top : top + 192, 5:197], twice) for top in range(found.shape[0] - 191))


def test_each_filter_is_scaled_to_its_own_range():
    kernel = np.random.RandomState(0).randn(3, 5, 3, 7) * np.array([1e-6, 1, 10, 100, 1, 1, 1])
    kernel[..., 6] = 0.3
    pixels = pixels_of(grid.first_layer_filters(kernel))
    zoom = 48 // 5
    pitch_y, pitch_x = 3 * zoom + 4, 5 * zoom + 4
    assert pixels.shape == (3 * pitch_y - 4, 3 * pitch_x - 4, 3)
    for i in range(7):
        top, left = i // 3 * pitch_y, i % 3 * pitch_x
        found = pixels[top : top + 3 * zoom : zoom, left : left + 5 * zoom : zoom]
        weights = kernel[..., i]
        expected = 255 * (weights - weights.min()) / np.ptp(weights) if i < 6 else np.full_like(weights, 127.5)
        assert np.abs(found - expected).max() <= 0.51
    assert (pixels[2 * pitch_y :, pitch_x:] == 255).all()

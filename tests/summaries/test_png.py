import io

import numpy as np
from matplotlib import image

from summaries import png


def test_a_mosaic_goes_row_by_row_with_white_between():
    images = np.stack([np.full([2, 3, 3], i, np.uint8) for i in range(3)])
    found = png.mosaic(images, columns=2, gap=1)[..., 0]
    assert found.tolist() == [
        [0, 0, 0, 255, 1, 1, 1],
        [0, 0, 0, 255, 1, 1, 1],
        [255] * 7,
        [2, 2, 2, 255, 255, 255, 255],
        [2, 2, 2, 255, 255, 255, 255],
    ]


def test_large_images_shrink_to_means_of_squares_and_small_ones_stay():
    images = np.random.RandomState(0).randint(0, 256, [2, 7, 5, 3]).astype(np.uint8)
    found = png.shrunk(images, widest=4)
    assert found.shape == (2, 3, 2, 3)
    assert found[1, 2, 1, 0] == np.round(images[1, 4:6, 2:4, 0].mean())
    assert png.shrunk(images, widest=7) is images


def test_pixels_come_back_as_they_were():
    pixels = np.random.RandomState(0).randint(0, 256, [7, 5, 3]).astype(np.uint8)
    back = image.imread(io.BytesIO(png.pixels_png(pixels)))
    assert np.array_equal(np.round(255 * back), pixels)

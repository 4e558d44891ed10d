import colorsys
import itertools

import numpy as np
import pytest
import tensorflow as tf

from input_fn import augment
from tests.common import make_augmentation

SEED = 5


def run(function):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        return session.run(function())


def some_images(n=8, height=32, width=32):
    return np.random.RandomState(0).randint(0, 256, [n, height, width, 3]).astype(np.uint8)


def draw(n, step=3, places=None):
    places = tf.range(n, dtype=tf.int64) if places is None else tf.constant(places, tf.int64)
    return augment.draw(tf.constant(step, tf.int64), places, seed=SEED, batch_size=n)


def test_the_notebooks_sizes():
    assert augment.upsampled_size(96) == 120


@pytest.mark.parametrize("resample", [augment.resize_crop_flip, augment.resize_crop_flip_by_products])
@pytest.mark.parametrize(("height", "width", "image_size"), [(32, 32, 96), (28, 20, 24)])
def test_crops_equal_resize_then_slice_then_flip(height, width, image_size, resample):
    images = some_images(16, height, width)
    upsampled_size = augment.upsampled_size(image_size)

    def both():
        draws = draw(len(images))
        upsampled = tf.image.resize(images, [upsampled_size, upsampled_size])
        return resample(tf.constant(images), draws, image_size=image_size), upsampled, draws

    crops, upsampled, draws = run(both)
    flips = 0
    for i, crop in enumerate(crops):
        top, left = (int(u[i] * (upsampled_size - image_size + 1)) for u in (draws.top, draws.left))
        expected = upsampled[i, top : top + image_size, left : left + image_size]
        flipped = draws.flip[i] < 0.5
        flips += flipped
        np.testing.assert_allclose(crop, expected[:, ::-1] if flipped else expected, atol=2e-3)
    assert 0 < flips < len(crops), "the draws must try both sides"


def test_crops_reach_every_offset():
    offsets = np.floor(run(lambda: draw(4096)).top * (120 - 96 + 1))
    assert set(offsets) == set(range(25))


def test_draws_depend_on_seed_step_and_place_alone():
    whole = np.stack(run(lambda: draw(8)))
    part = np.stack(run(lambda: draw(8, places=[4, 5])))
    np.testing.assert_array_equal(part, whole[:, 4:6])
    assert not np.isin(np.stack(run(lambda: draw(8, step=4))), whole).any()


def test_what_is_drawn_for_new_things_leaves_what_was_drawn_before():
    """The notebook's crops and flips are those of one table of uniform numbers for each step."""
    table = run(lambda: tf.random.stateless_uniform([8, 6], tf.constant([SEED, 3], tf.int64)))
    draws = run(lambda: draw(8))
    np.testing.assert_array_equal(np.stack(draws[:6], axis=1), table)
    assert len(np.unique(np.stack(draws))) == 8 * len(draws), "no number is another one's"


def test_each_seed_stream_and_step_has_random_numbers_of_its_own():
    every = itertools.product((0, 1, 2, 2**31 - 1), augment.Stream, (0, 1, 2**40))
    found = run(lambda: [augment.seeds(tf.constant(t, tf.int64), seed=s, stream=stream) for s, stream, t in every])
    assert len({tuple(pair) for pair in found}) == len(found) == 4 * len(augment.Stream) * 3


def test_training_images_fill_minus_one_to_one():
    images = np.concatenate([np.zeros([4, 8, 8, 3]), np.full([4, 8, 8, 3], 255)]).astype(np.uint8)
    out = run(
        lambda: augment.training_images(
            tf.constant(images), draw(8), image_size=12, augmentation=make_augmentation(), on_host=True
        )
    )
    assert out.shape == (8, 12, 12, 3)
    np.testing.assert_allclose(out[:4], -1, atol=1e-6)
    np.testing.assert_allclose(out[4:], 1, atol=1e-6)


def test_evaluation_images_are_resized_and_scaled():
    images = some_images()
    out = run(lambda: augment.evaluation_images(tf.constant(images), image_size=32, crop=1.0))
    np.testing.assert_allclose(out, images / 127.5 - 1, atol=1e-6)


def test_an_evaluation_crop_is_the_middle_of_the_image_at_its_own_size():
    images = some_images()
    out = run(lambda: augment.evaluation_images(tf.constant(images), image_size=16, crop=0.5))
    np.testing.assert_allclose(out, images[:, 8:24, 8:24] / 127.5 - 1, atol=1e-6)


def test_an_evaluation_crop_of_four_fifths_shows_what_the_random_crop_in_the_middle_does():
    def both():
        middle = tf.fill([8], 0.5)
        draws = draw(8)._replace(top=middle, left=middle, flip=tf.ones([8]))
        images = tf.constant(some_images(8))
        return (
            augment.evaluation_images(images, image_size=96, crop=0.8),
            augment.training_images(images, draws, image_size=96, augmentation=make_augmentation(), on_host=True),
        )

    evaluated, trained = run(both)
    np.testing.assert_allclose(evaluated, trained, atol=1e-5)


def test_color_jitter_is_brightness_then_contrast_then_hue():
    strength = 0.4
    pixels = np.random.RandomState(1).uniform(0.3, 0.6, [6, 4, 4, 3]).astype(np.float32)

    def both():
        draws = draw(6)
        return augment.jitter_colors(tf.constant(pixels), draws, strength=strength), draws

    jittered, draws = run(both)
    for i, image in enumerate(pixels.astype(np.float64)):
        image = image + strength * (2 * draws.brightness[i] - 1)
        mean = image.mean(axis=(0, 1))
        image = np.clip((image - mean) * (1 + strength * (2 * draws.contrast[i] - 1)) + mean, 0, 1)
        for y, x in np.ndindex(4, 4):
            hue, saturation, value = colorsys.rgb_to_hsv(*image[y, x])
            turned = (hue + strength / 4 * (2 * draws.hue[i] - 1)) % 1
            np.testing.assert_allclose(jittered[i, y, x], colorsys.hsv_to_rgb(turned, saturation, value), atol=1e-4)


def test_jitter_is_off_at_zero_and_on_above():
    images = tf.constant
    plain, jittered = (
        run(
            lambda s=s: augment.training_images(
                images(some_images()),
                draw(8),
                image_size=32,
                augmentation=make_augmentation(color_jitter=s),
                on_host=True,
            )
        )
        for s in (0.0, 0.5)
    )
    assert np.abs(plain - jittered).max() > 0.1


@pytest.mark.parametrize("side", [3, 4, 15])
def test_a_square_is_cut_out_around_the_pixel_that_is_drawn(side):
    height, width = 12, 16
    pixels = np.random.RandomState(1).uniform(0.1, 1, [64, height, width, 3]).astype(np.float32)

    def both():
        draws = draw(64)
        return augment.cut_out(tf.constant(pixels), draws, side=side), draws

    found, draws = run(both)
    expected = pixels.copy()
    for image, row, column in zip(expected, draws.cutout_row, draws.cutout_column, strict=True):
        top, left = int(row * height) - side // 2, int(column * width) - side // 2
        image[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = 0
    np.testing.assert_array_equal(found, expected)
    sizes = {(found[i] == 0).any(axis=(1, 2)).sum() for i in range(64)}
    assert min(sizes) < max(sizes) == min(side, height), "some of them hang over the edge, and some do not"


def test_the_side_of_a_cutout_is_a_share_of_the_images():
    white, cutout = np.full([64, 8, 8, 3], 255, np.uint8), make_augmentation(cutout=0.25)
    found = run(
        lambda: augment.training_images(tf.constant(white), draw(64), image_size=20, augmentation=cutout, on_host=True)
    )
    cut = (found == 0).all(axis=3)
    np.testing.assert_allclose(found[~cut], 1, atol=1e-5)
    assert cut.sum(axis=1).max() == cut.sum(axis=2).max() == 5

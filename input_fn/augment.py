"""Pixels: from stored uint8 images to what the network sees. Stateless: (image, drawn numbers) -> image.

The numbers are drawn for the whole global batch from (seed, step), and each replica takes the rows of its own places,
so an example is augmented alike on one replica and on eight.
"""

import enum
from typing import NamedTuple

import tensorflow as tf

from settings import Augmentation


class Draws(NamedTuple):
    """What chance decided, each [n] float32, a number an example, uniform in [0, 1)."""

    top: tf.Tensor
    left: tf.Tensor
    flip: tf.Tensor
    brightness: tf.Tensor
    contrast: tf.Tensor
    hue: tf.Tensor
    cutout_row: tf.Tensor
    cutout_column: tf.Tensor


class Stream(enum.IntEnum):
    """Of random numbers. What is new gets one of its own: then what was drawn before stays what it was."""

    CROP_FLIP_COLOR = 0
    CUTOUT = 1
    MIXUP = 2


# How many of the draws each stream has, in their order.
_COUNTS = {Stream.CROP_FLIP_COLOR: 6, Stream.CUTOUT: 2}


def draw(step: tf.Tensor, places: tf.Tensor, *, seed: int, batch_size: int) -> Draws:
    """The draws of `places` ([n] int64) in global batch `step` (scalar int64)."""
    columns = []
    for stream, count in _COUNTS.items():
        uniform = tf.random.stateless_uniform([batch_size, count], seeds(step, seed=seed, stream=stream))
        columns += tf.unstack(tf.gather(uniform, places), axis=1)
    return Draws(*columns)


def seeds(step: tf.Tensor, *, seed: int, stream: Stream) -> tf.Tensor:
    """[2] int64 for a stateless random operation: other ones for each seed below 2**32, each stream and each step."""
    return tf.stack([tf.constant(seed + (stream << 32), tf.int64), step])


def upsampled_size(image_size: int) -> int:
    """Side in pixels that an image is brought to before the crop: 120 for 96, as in the notebook."""
    return image_size * 5 // 4


def training_images(
    images: tf.Tensor, draws: Draws, *, image_size: int, augmentation: Augmentation, on_host: bool
) -> tf.Tensor:
    """Upsampled, randomly cropped, randomly flipped and, if asked for, jittered and with a square cut out.

    Args:
      images: [n, height, width, 3] uint8.
      augmentation: see `jitter_colors` and `cut_out`. Mixing is not done here.
      on_host: that it is a processor beside the one that trains. The same pixels, up to rounding, in another way.

    Returns:
      [n, image_size, image_size, 3] float32 in [-1, 1].
    """
    # For larger images, the products have more terms that are zero than are worth it.
    by_products = on_host and max(images.shape[1:3]) <= image_size
    resample = resize_crop_flip_by_products if by_products else resize_crop_flip
    pixels = resample(images, draws, image_size=image_size) / 255.0
    if augmentation.color_jitter:
        pixels = jitter_colors(pixels, draws, strength=augmentation.color_jitter)
    pixels = pixels * 2.0 - 1.0
    if augmentation.cutout:
        pixels = cut_out(pixels, draws, side=round(augmentation.cutout * image_size))
    return pixels


def evaluation_images(images: tf.Tensor, *, image_size: int, crop: float) -> tf.Tensor:
    """The middle of each image, `crop` of its sides, resized bilinearly.

    Random crops are 0.8 of an image, so that whole ones (1) show a network things at 0.8 of the size it knows: Touvron
    et al. 2019 (https://arxiv.org/abs/1906.06423).

    Args:
      images: [n, height, width, 3] uint8, or float32 in [0, 255].

    Returns:
      [n, image_size, image_size, 3] float32 in [-1, 1].
    """
    resized = round(image_size / crop)
    first = (resized - image_size) // 2
    kept = slice(first, first + image_size)
    return tf.image.resize(images, [resized, resized])[:, kept, kept] / 127.5 - 1.0


def resize_crop_flip(images: tf.Tensor, draws: Draws, *, image_size: int) -> tf.Tensor:
    """Bilinear upsampling, a random crop and a random left-right flip, computing only the pixels that are kept.

    Equal to `tf.image.resize` to `upsampled_size`, a slice and a flip. `tf.image.resize` samples output pixel `i` at
    `(i + 0.5) * height / upsampled - 0.5` and repeats the border; `crop_and_resize` does the same on an image padded
    by one pixel of its border, given the places of the crop's first and last pixel. A box from right to left flips.

    Returns:
      [n, image_size, image_size, 3] float32 in [0, 255].
    """
    upsampled = upsampled_size(image_size)
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")

    def first_and_last(uniform: tf.Tensor, side: int) -> tuple[tf.Tensor, tf.Tensor]:
        offset = tf.floor(uniform * (upsampled - image_size + 1))
        first = ((offset + 0.5) * side / upsampled + 0.5) / (side + 1)
        return first, first + (image_size - 1) * side / upsampled / (side + 1)

    top, bottom = first_and_last(draws.top, images.shape[1])
    left, right = first_and_last(draws.left, images.shape[2])
    flipped = draws.flip < 0.5
    boxes = tf.stack([top, tf.where(flipped, right, left), bottom, tf.where(flipped, left, right)], axis=1)
    return tf.image.crop_and_resize(padded, boxes, tf.range(tf.shape(images)[0]), [image_size, image_size])


def resize_crop_flip_by_products(images: tf.Tensor, draws: Draws, *, image_size: int) -> tf.Tensor:
    """As `resize_crop_flip`, as two products with matrices of bilinear weights: on a processor 3 times as fast."""
    upsampled = upsampled_size(image_size)
    pixel = tf.range(image_size, dtype=tf.float32)

    def weights(uniform: tf.Tensor, side: int, pixels: tf.Tensor) -> tf.Tensor:
        """[n, image_size, side]: how much each stored pixel of a side counts in each one that the network sees."""
        offset = tf.floor(uniform * (upsampled - image_size + 1))[:, None]
        place = tf.clip_by_value((offset + pixels + 0.5) * (side / upsampled) - 0.5, 0.0, side - 1.0)
        return tf.maximum(0.0, 1.0 - tf.abs(place[:, :, None] - tf.range(side, dtype=tf.float32)))

    rows = weights(draws.top, images.shape[1], pixel[None])
    flipped = tf.where(draws.flip[:, None] < 0.5, image_size - 1.0 - pixel, pixel)
    columns = weights(draws.left, images.shape[2], flipped)
    by_channel = tf.cast(tf.transpose(images, [0, 3, 1, 2]), tf.float32)
    resized = tf.matmul(tf.matmul(rows[:, None], by_channel), columns[:, None], transpose_b=True)
    return tf.transpose(resized, [0, 2, 3, 1])


def jitter_colors(pixels: tf.Tensor, draws: Draws, *, strength: float) -> tf.Tensor:
    """Brightness shifted by up to +-`strength`, contrast scaled by 1 +- `strength`, hue turned by +-`strength / 4`.

    Args:
      pixels: [n, height, width, 3] float32 in [0, 1].

    Returns:
      The same shape, clipped to [0, 1].
    """

    def between(low: float, high: float, uniform: tf.Tensor) -> tf.Tensor:
        return (low + (high - low) * uniform)[:, None, None, None]

    pixels = pixels + between(-strength, strength, draws.brightness)
    mean = tf.reduce_mean(pixels, axis=[1, 2], keepdims=True)
    pixels = (pixels - mean) * between(1 - strength, 1 + strength, draws.contrast) + mean
    hsv = tf.image.rgb_to_hsv(tf.clip_by_value(pixels, 0.0, 1.0))
    turned = (hsv[..., :1] + between(-strength / 4, strength / 4, draws.hue)) % 1.0
    return tf.image.hsv_to_rgb(tf.concat([turned, hsv[..., 1:]], axis=-1))


def cut_out(pixels: tf.Tensor, draws: Draws, *, side: int) -> tf.Tensor:
    """Zero, which is grey, in a square of `side` pixels around a random one. What of it lies outside the image is lost.

    DeVries and Taylor 2017 (https://arxiv.org/abs/1708.04552).

    Args:
      pixels: [n, height, width, 3] float32 in [-1, 1].
    """

    def is_cut(uniform: tf.Tensor, size: int) -> tf.Tensor:
        first = tf.cast(uniform * size, tf.int32)[:, None] - side // 2
        return tf.cast((tf.range(size) >= first) & (tf.range(size) < first + side), tf.float32)

    rows, columns = is_cut(draws.cutout_row, pixels.shape[1]), is_cut(draws.cutout_column, pixels.shape[2])
    # On a processor a product takes a quarter of the time of `tf.where`.
    return pixels * (1.0 - rows[:, :, None] * columns[:, None, :])[..., None]

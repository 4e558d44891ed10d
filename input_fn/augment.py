"""Pixels: from stored uint8 images to what the network sees. Stateless: (image, drawn numbers) -> image.

The numbers are drawn for the whole global batch from (seed, step), and each replica takes the rows of its own places,
so an example is augmented alike on one replica and on eight.
"""

from typing import NamedTuple

import tensorflow as tf


class Draws(NamedTuple):
    """What chance decided, a row an example: all [n] float32, uniform in [0, 1)."""

    top: tf.Tensor
    left: tf.Tensor
    flip: tf.Tensor
    brightness: tf.Tensor
    contrast: tf.Tensor
    hue: tf.Tensor


def draw(step: tf.Tensor, places: tf.Tensor, *, seed: int, batch_size: int) -> Draws:
    """The draws of `places` ([n] int64) in global batch `step` (scalar int64)."""
    seeds = tf.stack([tf.constant(seed, tf.int64), step])
    uniform = tf.random.stateless_uniform([batch_size, len(Draws._fields)], seeds)
    return Draws(*tf.unstack(tf.gather(uniform, places), axis=1))


def upsampled_size(image_size: int) -> int:
    """Side in pixels that an image is brought to before the crop: 120 for 96, as in the notebook."""
    return image_size * 5 // 4


def training_images(images: tf.Tensor, draws: Draws, *, image_size: int, color_jitter: float) -> tf.Tensor:
    """Upsampled, randomly cropped, randomly flipped and, if asked for, jittered.

    Args:
      images: [n, height, width, 3] uint8.
      color_jitter: 0 for none; see `jitter_colors`.

    Returns:
      [n, image_size, image_size, 3] float32 in [-1, 1].
    """
    pixels = resize_crop_flip(images, draws, image_size=image_size) / 255.0
    if color_jitter:
        pixels = jitter_colors(pixels, draws, strength=color_jitter)
    return pixels * 2.0 - 1.0


def evaluation_images(images: tf.Tensor, *, image_size: int) -> tf.Tensor:
    """[n, height, width, 3] uint8 resized bilinearly to [n, image_size, image_size, 3] float32 in [-1, 1]."""
    return tf.image.resize(images, [image_size, image_size]) / 127.5 - 1.0


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

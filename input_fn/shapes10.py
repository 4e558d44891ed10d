"""Shapes10: ten drawn shapes, a tfds data set that needs no download.

Train: 10,000 images. Test: 2,000. Each is uint8 [32, 32, 3] with the label of one shape of `SHAPES`; in either split
example `i` shows shape `i % 10`, so every shape is drawn equally often. Importing this module registers the builder:
`tfds.builder("shapes10", data_dir=...)` then works, and preparing it takes seconds.

What varies: position, scale (radius 10 to 14 pixels), rotation (within 23 degrees either way), the colours of shape
and background (the shape's is the lighter), a linear gradient in the background, a distractor (in a third of the
images a blob, in a third a bar across the middle), contrast, and noise. Labels: `LABEL_NOISE` of the train labels
name another class than the one drawn, each of the nine equally often; test labels are all true.

Seeds: example `i` of a split is drawn from `RandomState([SEED, number of the split, i])`, whatever is drawn before
it. The pixels are the same bytes on every machine, because nothing here is left to a machine's taste:
- arithmetic is + - * / sqrt and comparisons, which IEEE 754 rounds exactly, one NumPy operation at a time. Libraries
  differ in the last bit of sin, cos, exp and log, so angles come from the rational parametrisation of the circle
  instead;
- sums of floats have a written order; `np.sum`, which groups its terms by the width of the processor's registers,
  adds integers only;
- random numbers are `RandomState.random_sample`, a stream NumPy has promised never to change. `uniform` and `normal`
  are avoided: they compute in C, where a compiler may fuse a multiplication with an addition, or call log.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

SEED = 10
SPLIT_SIZES = {"train": 10_000, "test": 2_000}
LABEL_NOISE = 0.01
IMAGE_SIZE = 32
SUBSAMPLES = 2  # A mask looks at this many points a pixel in each direction, for edges in shades.

# How hard: chosen so that a ResNet-18 of learning rate 0.1 leaves chance within 50 steps of 32 images and still gains
# by a step down at 128. With shapes turned at will, as often dark on light as light on dark, or barely lighter than
# what is behind them, it stays at chance for hundreds of steps.
RADIUS = (10, 14)  # pixels
MAX_SHIFT = 2  # pixels, of the shape's centre from the image's, in x and in y
MAX_TURN = 0.2  # tangent of half the angle, which is 23 degrees
MIN_LIGHTER = 1.5  # of the shape's colour than the background's, summed over the channels; 3 is white on black
CONTRAST = (0.6, 1.0)
NOISE = (0.0, 0.08)  # amplitude, where pixels run from 0 to 1

Mask = np.ndarray  # bool, of the shape of the coordinates it was made from
Shape = Callable[[np.ndarray, np.ndarray], Mask]  # (x, y) -> which of these points the shape covers
Records = Iterator[tuple[int, dict[str, Any]]]  # (key, features)


def circle(x: np.ndarray, y: np.ndarray) -> Mask:
    return x * x + y * y <= 0.8


def ring(x: np.ndarray, y: np.ndarray) -> Mask:
    squared_radius = x * x + y * y
    return (squared_radius >= 0.3) & (squared_radius <= 0.9)


def square(x: np.ndarray, y: np.ndarray) -> Mask:
    return np.maximum(np.abs(x), np.abs(y)) <= 0.75


def triangle(x: np.ndarray, y: np.ndarray) -> Mask:
    slant = math.sqrt(3) / 2
    return (y <= 0.5) & (slant * np.abs(x) - 0.5 * y <= 0.5)


def star(x: np.ndarray, y: np.ndarray) -> Mask:
    """The pentagram: all points outside at most one of the five lines through its inner pentagon's sides."""
    outside = np.zeros(x.shape, np.int8)
    for cos, sin in ((1, 0), (0.30902, 0.95106), (-0.80902, 0.58779), (-0.80902, -0.58779), (0.30902, -0.95106)):
        outside += sin * x - cos * y > 0.33
    return outside <= 1


def plus(x: np.ndarray, y: np.ndarray) -> Mask:
    x, y = np.abs(x), np.abs(y)
    return (np.minimum(x, y) <= 0.26) & (np.maximum(x, y) <= 0.92)


def crescent(x: np.ndarray, y: np.ndarray) -> Mask:
    bite = x - 0.45
    return (x * x + y * y <= 0.95) & (bite * bite + y * y >= 0.6)


def heart(x: np.ndarray, y: np.ndarray) -> Mask:
    """Two discs side by side, and a kite from between them to the point below."""
    x = np.abs(x)
    lobe_x, lobe_y = x - 0.45, y + 0.4
    kite = (x <= 0.81 * (0.9 - y)) & (y >= 0.36 * x - 0.4)
    return (lobe_x * lobe_x + lobe_y * lobe_y <= 0.22) | kite


def arrow(x: np.ndarray, y: np.ndarray) -> Mask:
    y = np.abs(y)
    shaft = (y <= 0.18) & (x >= -0.95) & (x <= 0.2)
    head = (x >= 0.05) & (y <= 0.85 * (0.98 - x))
    return shaft | head


def stripes(x: np.ndarray, y: np.ndarray) -> Mask:
    x, y = np.abs(x), np.abs(y)
    return (x <= 0.75) & (y <= 0.8) & ((y <= 0.16) | (y >= 0.48))


# The classes in the order of their labels. Every shape just about fills the unit disc; y points down.
SHAPES: dict[str, Shape] = {
    "circle": circle,
    "ring": ring,
    "square": square,
    "triangle": triangle,
    "star": star,
    "plus": plus,
    "crescent": crescent,
    "heart": heart,
    "arrow": arrow,
    "stripes": stripes,
}


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """x and y of the sampled points in pixels from the centre: each [SUBSAMPLES ** 2, IMAGE_SIZE, IMAGE_SIZE]."""
    fine = (np.arange(IMAGE_SIZE * SUBSAMPLES) + 0.5) / SUBSAMPLES - IMAGE_SIZE / 2
    by_pixel = fine.reshape(IMAGE_SIZE, SUBSAMPLES).T  # [subsample, pixel]
    full = (SUBSAMPLES, SUBSAMPLES, IMAGE_SIZE, IMAGE_SIZE)
    x = np.broadcast_to(by_pixel[None, :, None, :], full)
    y = np.broadcast_to(by_pixel[:, None, :, None], full)
    return x.reshape(-1, IMAGE_SIZE, IMAGE_SIZE), y.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)


GRID_X, GRID_Y = _grid()
PIXEL_X, PIXEL_Y = (GRID_X[0] + GRID_X[-1]) / 2, (GRID_Y[0] + GRID_Y[-1]) / 2  # the middles of the pixels


@dataclasses.dataclass(frozen=True)
class Example:
    """`image` is uint8 [IMAGE_SIZE, IMAGE_SIZE, 3], `shape` the class drawn, `label` the class told."""

    image: np.ndarray
    shape: int
    label: int


class _Painter:
    """An image in the making, float64 [IMAGE_SIZE, IMAGE_SIZE, 3] from 0 to 1, and its stream of random numbers."""

    def __init__(self, rng: np.random.RandomState, background: np.ndarray) -> None:
        """Starts from the colour `background` [3], changing by up to 0.25 a channel from the centre to an edge."""
        self.rng = rng
        cos, sin = self.turn(1)
        slope = 0.5 * rng.random_sample(3) - 0.25
        along = (cos * PIXEL_X + sin * PIXEL_Y) / (IMAGE_SIZE / 2)
        self.image = background + slope * along[..., None]

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.rng.random_sample()

    def turn(self, limit: float) -> tuple[float, float]:
        """Cosine and sine of a random angle whose half has a tangent within `limit`; 1 is a quarter turn either way."""
        t = self.uniform(-limit, limit)
        return (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)

    def paint(self, shape: Shape, colour: np.ndarray, *, radius: float, shift: float, turn: float) -> None:
        """Paint `shape` in `colour` [3], its centre moved by up to `shift` pixels each way, turned within `turn`."""
        cos, sin = self.turn(turn)
        x = (GRID_X - self.uniform(-shift, shift)) / radius
        y = (GRID_Y - self.uniform(-shift, shift)) / radius
        mask = shape(cos * x + sin * y, cos * y - sin * x)
        coverage = mask.sum(axis=0, dtype=np.int64)[..., None] / len(mask)
        self.image = self.image + coverage * (colour - self.image)

    def distract(self) -> None:
        """Paint a small blob anywhere, a thin bar across the middle, or nothing."""
        which = self.rng.random_sample()
        colour = self.rng.random_sample(3)
        if which < 1 / 3:
            self.paint(circle, colour, radius=self.uniform(1.5, 3), shift=IMAGE_SIZE / 2, turn=0)
        elif which < 2 / 3:
            self.paint(_bar, colour, radius=self.uniform(0.5, 1.2), shift=6, turn=1)

    def spoil(self) -> None:
        """Pull the colours towards grey, and add noise."""
        contrast = self.uniform(*CONTRAST)
        amplitude = self.uniform(*NOISE)
        noise = 2 * self.rng.random_sample(self.image.shape) - 1
        self.image = 0.5 + contrast * (self.image - 0.5) + amplitude * noise

    def pixels(self) -> np.ndarray:
        """The image as uint8, rounded to the nearest level."""
        return (np.clip(self.image, 0, 1) * 255 + 0.5).astype(np.uint8)


def _bar(x: np.ndarray, y: np.ndarray) -> Mask:
    return np.abs(y) <= 1


def _two_colours(rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """A dark and a light colour [3] from 0 to 1: any two of which one is lighter by MIN_LIGHTER."""
    while True:
        dark, light = rng.random_sample((2, 3))
        red, green, blue = light - dark
        if red + green + blue >= MIN_LIGHTER:
            return dark, light


def _told_label(rng: np.random.RandomState, shape: int) -> int:
    """`shape`, or with probability LABEL_NOISE one of the other classes."""
    wrong = rng.random_sample() < LABEL_NOISE
    offset = 1 + int((len(SHAPES) - 1) * rng.random_sample())  # Drawn in any case: the pixels do not hang on the label.
    return (shape + offset) % len(SHAPES) if wrong else shape


def draw_example(split: str, index: int) -> Example:
    """Example `index` of `split` ("train" or "test"), the same whichever were drawn before."""
    rng = np.random.RandomState([SEED, list(SPLIT_SIZES).index(split), index])
    shape = index % len(SHAPES)
    label = _told_label(rng, shape) if split == "train" else shape
    background, ink = _two_colours(rng)
    painter = _Painter(rng, background)
    drawn = list(SHAPES.values())[shape]
    painter.paint(drawn, ink, radius=painter.uniform(*RADIUS), shift=MAX_SHIFT, turn=MAX_TURN)
    painter.distract()
    painter.spoil()
    return Example(image=painter.pixels(), shape=shape, label=label)


class Shapes10(tfds.core.GeneratorBasedBuilder):
    """Ten drawn shapes, 32x32 pixels; see the module's docstring."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(IMAGE_SIZE, IMAGE_SIZE, 3), encoding_format="png")
        label = tfds.features.ClassLabel(names=list(SHAPES))
        return self.dataset_info_from_configs(
            description=f"Ten drawn shapes of many colours; {LABEL_NOISE:.0%} of the train labels are wrong.",
            features=tfds.features.FeaturesDict({"image": image, "label": label}),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Records]:
        return {split: self._generate_examples(split) for split in SPLIT_SIZES}

    def _generate_examples(self, split: str) -> Records:
        for index in range(SPLIT_SIZES[split]):
            example = draw_example(split, index)
            yield index, {"image": example.image, "label": example.label}

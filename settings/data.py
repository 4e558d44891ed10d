"""Which images a network sees."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Data:
    """Which examples, and how they become images of `[image_size, image_size, 3]`.

    `evaluation_crop`: share of each side that evaluations take of an image, from its middle.
    """

    dataset: str
    data_dir: str | None
    manual_dir: str | None
    train_split: str
    validation_split: str
    image_key: str
    label_key: str
    image_size: int
    evaluation_crop: float


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How chance changes training images, beside crop and flip; 0 is not at all.

    `cutout`: side of the square that is cut out, as a share of the image's. `mixup`: both parameters of the Beta
    distribution that shares of two images come from.
    """

    color_jitter: float
    cutout: float
    mixup: float

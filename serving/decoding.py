"""A file of an image -> RGB pixels: whatever a person's own file holds, as training decodes the data set's.

- TensorFlow decodes JPEG, as in training: Pillow's decoder differs from it by a grey level here and there.
- Transparency is ignored, as in training: pixels have the colour that is stored under it.
- Of 16 bits a channel, the upper 8 count, as in training. Grey becomes RGB; so do palettes and CMYK.
- Of an animation, the first frame counts.
- An image is turned upright as its EXIF orientation says. Training and exports do not: cameras write it, and data
  sets are mostly upright without.
"""

import contextlib
from collections.abc import Callable

import numpy as np
from PIL import ExifTags, Image

# Pillow knows others, some of which run other programs.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
_JPEGS = ("JPEG", "MPO")  # What Pillow calls a file of several JPEGs, of which the first counts.
_NOT_8_BITS = ("I", "F")

# Orientation in EXIF -> what turns the stored image upright (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(path: str, *, decode_jpeg: Callable[[bytes], np.ndarray]) -> np.ndarray:
    """The image in the file at `path`, upright, [height, width, 3] uint8.

    `decode_jpeg` gives the same of an encoded JPEG, as it is stored.

    Raises:
      Exception: it cannot be decoded, or is larger than Pillow's guard against decompression bombs allows.
    """
    with open(path, "rb") as file, Image.open(file, formats=FORMATS) as image:
        if image.format in _JPEGS:
            file.seek(0)
            pixels = decode_jpeg(file.read())
        else:
            pixels = _rgb(image)
        upright = _UPRIGHT.get(_orientation(image))
    return pixels if upright is None else np.asarray(Image.fromarray(pixels).transpose(upright))


def _rgb(image: Image.Image) -> np.ndarray:
    image.load()
    if image.mode.startswith("I;16"):
        return np.stack([(np.asarray(image) >> 8).astype(np.uint8)] * 3, axis=-1)
    if image.mode in _NOT_8_BITS:
        raise ValueError(f"its pixels are numbers of 32 bits (mode {image.mode}); save it with 8 or 16 bits a channel")
    # Pillow would warn that it is ignored.
    image.info.pop("transparency", None)
    return np.asarray(image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    # An image with a damaged note of the camera's is still an image.
    with contextlib.suppress(Exception):
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    return 1

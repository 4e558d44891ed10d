"""Pixels of every kind of file, against the pixels that went into it."""

import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from serving import decoding
from tests.serving.makers import encoded, some_pixels

RGB = some_pixels()
GREY = RGB[..., 0]
ALPHA = RGB[..., 1]
SIXTEEN_BITS = np.random.RandomState(1).randint(0, 65536, [9, 14, 3]).astype(np.uint16)
PALETTE = np.random.RandomState(2).randint(0, 256, [256, 3]).astype(np.uint8)


def tensorflow_pixels(content):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        return session.run(tf.io.decode_image(content, channels=3, expand_animations=False))


def decoded(content, folder):
    path = folder / "image"
    path.write_bytes(content)
    return decoding.decode(str(path), decode_jpeg=tensorflow_pixels)


def stacked(grey):
    return np.stack([grey] * 3, axis=-1)


def with_palette():
    image = Image.fromarray(GREY, "P")
    image.putpalette(PALETTE.tobytes())
    return image


def png(pixels):
    """A PNG by the book, of 16 bits a channel: grey, grey and alpha, RGB, or RGBA."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = np.array([width, height], ">u4").tobytes() + bytes([16, kind, 0, 0, 0])
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = [
        len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")
        for name, content in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


LOSSLESS = {
    "png": (encoded(RGB), RGB),
    "bmp": (encoded(RGB, "BMP"), RGB),
    "webp": (encoded(RGB, "WEBP", lossless=True), RGB),
    "tiff": (encoded(RGB, "TIFF"), RGB),
    "grey": (encoded(GREY), stacked(GREY)),
    "black and white": (encoded(Image.fromarray(GREY > 127)), stacked((GREY > 127) * np.uint8(255))),
    "palette": (encoded(with_palette()), PALETTE[GREY]),
    "palette, transparent": (encoded(with_palette(), transparency=bytes(range(256))), PALETTE[GREY]),
    "palette, one colour transparent": (encoded(with_palette(), transparency=int(GREY[0, 0])), PALETTE[GREY]),
    "transparent": (encoded(np.dstack([RGB, ALPHA])), RGB),
    "transparent webp": (encoded(np.dstack([RGB, ALPHA]), "WEBP", lossless=True, exact=True), RGB),
    "grey, transparent": (encoded(np.dstack([GREY, ALPHA])), stacked(GREY)),
    "16 bits": (png(SIXTEEN_BITS), (SIXTEEN_BITS >> 8).astype(np.uint8)),
    "16 bits, grey": (png(SIXTEEN_BITS[..., :1]), stacked((SIXTEEN_BITS[..., 0] >> 8).astype(np.uint8))),
    "16 bits, grey, transparent": (png(SIXTEEN_BITS[..., :2]), stacked((SIXTEEN_BITS[..., 0] >> 8).astype(np.uint8))),
    "16 bits, grey, tiff": (
        encoded(Image.fromarray(SIXTEEN_BITS[..., 0]), "TIFF"),
        stacked((SIXTEEN_BITS[..., 0] >> 8).astype(np.uint8)),
    ),
    "gif, first frame": (
        encoded(with_palette(), "GIF", save_all=True, append_images=[Image.fromarray(ALPHA)]),
        PALETTE[GREY],
    ),
    "one pixel": (encoded(RGB[:1, :1]), RGB[:1, :1]),
    "huge aspect": (encoded(np.tile(RGB[:1], [1, 1000, 1])), np.tile(RGB[:1], [1, 1000, 1])),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", LOSSLESS)
def test_pixels_come_out_as_they_went_in(kind, tmp_path):
    content, expected = LOSSLESS[kind]
    pixels = decoded(content, tmp_path)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    "kind", [kind for kind in LOSSLESS if not any(word in kind for word in ("webp", "tiff", "black"))]
)
def test_an_export_sees_the_same_pixels(kind):
    content, expected = LOSSLESS[kind]
    np.testing.assert_array_equal(tensorflow_pixels(content), expected)


@pytest.mark.parametrize("image", [RGB, GREY, Image.fromarray(np.dstack([RGB, ALPHA]), "CMYK")])
def test_jpegs_are_decoded_as_training_does(image, tmp_path):
    content = encoded(image, "JPEG", quality=60)
    np.testing.assert_array_equal(decoded(content, tmp_path), tensorflow_pixels(content))


def test_of_several_jpegs_in_a_file_the_first_counts(tmp_path):
    content = encoded(RGB, "MPO", save_all=True, append_images=[Image.fromarray(RGB[::-1])])
    np.testing.assert_array_equal(decoded(content, tmp_path), tensorflow_pixels(encoded(RGB, "JPEG")))


def test_cmyk_keeps_its_colours(tmp_path):
    inks = np.full([16, 16, 4], [200, 100, 20, 50], np.uint8)
    pixels = decoded(encoded(Image.fromarray(inks, "CMYK"), "JPEG", quality=95), tmp_path)
    cyan, magenta, yellow, black = 1 - inks[0, 0] / 255
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), 255 * np.array([cyan, magenta, yellow]) * black, atol=4)


# Orientation -> where the stored image's row 0 and column 0 belong (EXIF 2.32, tag 274).
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def upright(pixels, orientation):
    sides = SIDES[orientation]
    height, width = pixels.shape[:2] if sides[0] in ("top", "bottom") else pixels.shape[1::-1]
    turned = np.empty([height, width, 3], np.uint8)
    for place in np.ndindex(*pixels.shape[:2]):
        at = dict(zip(sides, place, strict=True))
        y = at["top"] if "top" in at else height - 1 - at["bottom"]
        x = at["left"] if "left" in at else width - 1 - at["right"]
        turned[y, x] = pixels[place]
    return turned


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", SIDES)
def test_images_are_turned_upright(form, orientation, tmp_path):
    exif = Image.Exif()
    exif[274] = orientation
    content = encoded(RGB, form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    stored = tensorflow_pixels(content) if form == "JPEG" else RGB
    np.testing.assert_array_equal(decoded(content, tmp_path), upright(stored, orientation))


def test_an_image_with_a_damaged_exif_is_an_image(tmp_path):
    content = encoded(RGB, "JPEG", exif=b"Exif\0\0damaged beyond repair")
    np.testing.assert_array_equal(decoded(content, tmp_path), tensorflow_pixels(content))


def test_pixels_of_32_bits_are_refused(tmp_path):
    with pytest.raises(ValueError, match="32 bits"):
        decoded(encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"), tmp_path)


def test_formats_that_run_programs_are_refused(tmp_path):
    with pytest.raises(Image.UnidentifiedImageError):
        decoded(encoded(RGB, "EPS"), tmp_path)

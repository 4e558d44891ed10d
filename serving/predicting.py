"""Files of images -> predictions, batch by batch."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import UnidentifiedImageError

from serving import decoding, graph
from serving.results import Failure, Prediction, one_line
from settings import TrainedModel

# Files that are decoded at once. Each may be a photograph of 100 million pixels, so more would cost memory.
_DECODERS = min(os.cpu_count() or 1, 8)


class OpenNetwork(NamedTuple):
    """Steps from a file to probabilities, to be called from any thread.

    `decode_jpeg`: bytes -> [height, width, 3] uint8. `stored`: that -> [*stored_size, 3] uint8. `probabilities`: a
    batch of those -> [batch, classes] float32.
    """

    decode_jpeg: Callable[[bytes], np.ndarray]
    stored: Callable[[np.ndarray], np.ndarray]
    probabilities: Callable[[np.ndarray], np.ndarray]


def predict(model: TrainedModel, files: Iterator[str | Failure], *, batch_size: int) -> Iterator[Prediction | Failure]:
    """A prediction for each of `files`, in order; `batch_size` files are read when those before them are done.

    Raises:
      UserError: the checkpoint cannot be read, or is of another network.
    """
    with opened(model) as network, ThreadPoolExecutor(_DECODERS) as decoders:
        while batch := list(itertools.islice(files, batch_size)):
            images = list(decoders.map(lambda file: stored_image(file, network), batch))
            yield from _predictions(batch, images, network)


@contextlib.contextmanager
def opened(model: TrainedModel) -> Iterator[OpenNetwork]:
    """The network of a checkpoint, until it is closed.

    Raises:
      UserError: the checkpoint cannot be read, or is of another network.
    """

    def build() -> list[tuple[tf.Tensor, tf.Tensor]]:
        """(what comes, what goes in) of each step, in the order of OpenNetwork."""
        encoded = tf.compat.v1.placeholder(tf.string, [])
        pixels = tf.compat.v1.placeholder(tf.uint8, [None, None, 3])
        images = tf.compat.v1.placeholder(tf.uint8, [None, *model.stored_size, 3])
        return [
            (graph.decoded(encoded), encoded),
            (graph.stored(pixels, model), pixels),
            (graph.outputs(images, model).probabilities, images),
        ]

    restored = graph.restored(model, build)
    # Closed, but not entered: that would make its graph the default one of whoever reads the predictions.
    with contextlib.closing(restored.session) as session:
        yield OpenNetwork(*(session.make_callable(fetch, [feed]) for fetch, feed in restored.built))


def stored_image(file: str | Failure, network: OpenNetwork) -> np.ndarray | Failure:
    """The image in a file as training keeps its data set, [*stored_size, 3] uint8; a Failure where there is none."""
    if isinstance(file, Failure):
        return file
    try:
        return network.stored(decoding.decode(file, decode_jpeg=network.decode_jpeg))
    except UnidentifiedImageError:
        return Failure(file, "it is no PNG, JPEG, GIF, BMP, WebP or TIFF image")
    except Exception as error:  # Decoders raise whatever comes up in a damaged file.
        return Failure(file, f"it cannot be read as an image ({one_line(error)})")


def _predictions(
    files: list[str | Failure], images: list[np.ndarray | Failure], network: OpenNetwork
) -> Iterator[Prediction | Failure]:
    whole = [image for image in images if not isinstance(image, Failure)]
    rows = iter(network.probabilities(np.stack(whole)) if whole else ())
    for file, image in zip(files, images, strict=True):
        if isinstance(image, Failure):
            yield image
        else:
            yield _prediction(str(file), next(rows))


def _prediction(path: str, probabilities: np.ndarray) -> Prediction | Failure:
    if np.isfinite(probabilities).all():
        return Prediction(path, probabilities)
    return Failure(path, "the network gives no numbers for it (NaN); use a checkpoint from before the run diverged")

"""Embeddings of examples with labels and thumbnails, for TensorBoard's projector."""

import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tensorboard.plugins.projector.metadata import PROJECTOR_FILENAME
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from summaries.png import mosaic, pixels_png, shrunk

NAME = "penultimate_layer"
_DATA = "projector-"  # how the names of the folders with the data begin
_THUMBNAIL = 32  # pixels; the projector shows them no larger
_LARGEST_SPRITE = 8192  # pixels; browsers load no larger texture


def write_projector(folder: str | Path, embeddings: np.ndarray, labels: Sequence[str], thumbnails: np.ndarray) -> None:
    """Puts what the projector shows into the folder of a run, in the place of what it showed before.

    It is written whole or not at all: the data go into a folder of their own, and the configuration, which says where
    they are, goes last.

    Args:
      folder: a run's, with its event file. It is made if need be.
      embeddings: [n, width] float32, a point each. Four digits of each number are kept.
      labels: n names.
      thumbnails: [n, height, width, 3] uint8, of any size. They are made 32 pixels wide or less.

    Raises:
      ValueError: not as many labels or thumbnails as embeddings, or more thumbnails than a sprite can hold.
    """
    if not len(embeddings) == len(labels) == len(thumbnails):
        raise ValueError(f"{len(embeddings)} embeddings, {len(labels)} labels, {len(thumbnails)} thumbnails")
    sprite, size = _sprite(thumbnails)
    data = Path(folder) / f"{_DATA}{uuid.uuid4().hex[:8]}"
    data.mkdir(parents=True)
    config = ProjectorConfig()
    entry = config.embeddings.add(tensor_name=NAME, tensor_shape=embeddings.shape)
    entry.tensor_path, entry.metadata_path = f"{data.name}/tensors.tsv", f"{data.name}/labels.tsv"
    entry.sprite.image_path = f"{data.name}/sprite.png"
    entry.sprite.single_image_dim.extend(size)
    try:
        # Not raw bytes: TensorBoard takes those for text wherever they happen to be good UTF-8, as zeros are.
        np.savetxt(data / "tensors.tsv", embeddings, fmt="%.4g", delimiter="\t")
        (data / "labels.tsv").write_text("".join(_one_line(label) + "\n" for label in labels), "utf-8")
        (data / "sprite.png").write_bytes(sprite)
        (data / PROJECTOR_FILENAME).write_text(str(config), "utf-8")
        os.replace(data / PROJECTOR_FILENAME, Path(folder) / PROJECTOR_FILENAME)
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        raise
    for old in Path(folder).glob(f"{_DATA}*"):
        if old != data:
            shutil.rmtree(old, ignore_errors=True)


def _sprite(thumbnails: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    """The PNG with all thumbnails, row by row, in a grid about square; and width and height of one of them."""
    small = shrunk(thumbnails, widest=_THUMBNAIL)
    count, height, width, _ = small.shape
    columns = int(np.ceil(np.sqrt(count)))
    if columns * max(height, width) > _LARGEST_SPRITE:
        raise ValueError(
            f"{count} thumbnails of {width} x {height} pixels need more than {_LARGEST_SPRITE} pixels a side"
        )
    return pixels_png(mosaic(small, columns=columns, gap=0)), (width, height)


def _one_line(label: str) -> str:
    """The projector begins a new column at a tab and a new point at a line's end, and leaves out empty lines."""
    return " ".join(label.split()) or "?"

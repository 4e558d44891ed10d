"""Embeddings of examples with labels and thumbnails, for TensorBoard's projector."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tensorboard.plugins.projector.metadata import PROJECTOR_FILENAME
from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo, ProjectorConfig

from summaries.png import mosaic, pixels_png, shrunk

_DATA = "projector"  # the folder of the data, in that of the run
_THUMBNAIL = 32  # pixels; the projector shows them no larger
_LARGEST_SPRITE = 8192  # pixels; browsers load no larger texture


def write_projector(
    folder: str | Path,
    embeddings: np.ndarray,
    labels: Sequence[str],
    thumbnails: np.ndarray,
    *,
    step: int,
    below: Sequence[str] = (),
) -> None:
    """Puts what the projector shows into the folder of a run, in the place of what it showed before.

    The projector opens on any run that has points, and lists first those of that run's configuration. Every matrix of
    a checkpoint is points too, to TensorBoard, in the folder of the checkpoint and in those right below it. So each of
    these that is a run needs the configuration, or the projector might open on a kernel. Each file is put in its place
    whole, and the configurations, which name the others, last.

    Args:
      folder: a run's. It is made if need be.
      embeddings: [n, width] float32, a point for each example of the validation split. Four digits of each number are
        kept.
      labels: n names.
      thumbnails: [n, height, width, 3] uint8, of any size. They are made 32 pixels wide or less.
      step: the global step, which the points are named after.
      below: names of folders right below `folder` that are runs too, and that show the same. They are made if need be.

    Raises:
      ValueError: not as many labels or thumbnails as embeddings, or more thumbnails than a sprite can hold.
      OSError: the folder cannot be written.
    """
    if not len(embeddings) == len(labels) == len(thumbnails):
        raise ValueError(f"{len(embeddings)} embeddings, {len(labels)} labels, {len(thumbnails)} thumbnails")
    sprite, size = _sprite(thumbnails)
    data = Path(folder) / _DATA
    data.mkdir(parents=True, exist_ok=True)
    _put(data / "tensors.tsv", _table(embeddings), by_way_of=data)
    _put(data / "labels.tsv", "".join(_one_line(label) + "\n" for label in labels).encode(), by_way_of=data)
    _put(data / "sprite.png", sprite, by_way_of=data)
    # TensorBoard remembers the points of a name: those of another step need another.
    named = EmbeddingInfo(tensor_name=f"validation, step {step}", tensor_shape=embeddings.shape)
    named.sprite.single_image_dim.extend(size)
    for run in (Path(folder), *(Path(folder, name) for name in below)):
        run.mkdir(exist_ok=True)
        _put(run / PROJECTOR_FILENAME, _config(named, Path(os.path.relpath(data, run))), by_way_of=data)


def _config(named: EmbeddingInfo, data: Path) -> bytes:
    """A configuration with one entry, `named`, whose files lie in `data`, relative to the configuration."""
    entry = EmbeddingInfo(tensor_path=str(data / "tensors.tsv"), metadata_path=str(data / "labels.tsv"))
    entry.sprite.image_path = str(data / "sprite.png")
    entry.MergeFrom(named)
    return str(ProjectorConfig(embeddings=[entry])).encode()


def _table(embeddings: np.ndarray) -> bytes:
    """A line a point. Not raw bytes: TensorBoard takes those for text wherever they happen to be, as zeros are."""
    table = io.BytesIO()
    np.savetxt(table, embeddings, fmt="%.4g", delimiter="\t")
    return table.getvalue()


def _put(path: Path, content: bytes, *, by_way_of: Path) -> None:
    """A file at `path`, made in the folder `by_way_of`, so that whoever reads `path` sees all of it or the old one."""
    temporary = by_way_of / f".{path.name}.{os.getpid()}"
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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

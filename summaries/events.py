"""What stands in an event file: TensorBoard's summary protos, built here and nowhere else."""

import struct
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_BLOB_SEQUENCE, DATA_CLASS_SCALAR

from summaries import descriptions


def scalars(values: Mapping[str, float], *, with_descriptions: bool = False) -> tf.compat.v1.Summary:
    """One point of each curve, by tag.

    `with_descriptions`: with what each tag means. Ask for it at the first point of a tag in an event file: TensorBoard
    keeps the description of that one.
    """
    summary = tf.compat.v1.Summary()
    for tag, value in values.items():
        point = summary.value.add(tag=tag, simple_value=float(value))
        if with_descriptions:
            point.metadata.CopyFrom(_scalar_metadata(tag))
    return summary


def descriptions_alone(written: Iterable[str]) -> tf.compat.v1.Summary:
    """What scalars mean, without a point of them: for tags whose points somebody else writes, as the Estimator does.

    Write it right before their first points: TensorBoard's Python reader fails on a scalar without any.
    """
    summary = tf.compat.v1.Summary()
    for tag in written:
        summary.value.add(tag=tag).metadata.CopyFrom(_scalar_metadata(tag))
    return summary


def image(tag: str, png: bytes) -> tf.compat.v1.Summary:
    """One picture under `tag`, with its description."""
    # A PNG's first chunk begins at byte 16, with width and height (https://www.w3.org/TR/png/#11IHDR).
    width, height = struct.unpack(">II", png[16:24])
    picture = tf.compat.v1.Summary.Image(encoded_image_string=png, width=width, height=height)
    metadata = descriptions.metadata(tag, plugin="images", data_class=DATA_CLASS_BLOB_SEQUENCE)
    return tf.compat.v1.Summary(value=[tf.compat.v1.Summary.Value(tag=tag, image=picture, metadata=metadata)])


def text(tag: str, markdown: str) -> tf.compat.v1.Summary:
    """A page for TensorBoard's text dashboard."""
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = "text"
    tensor = tf.make_tensor_proto(markdown.encode(), dtype=tf.string)
    return tf.compat.v1.Summary(value=[tf.compat.v1.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def markdown_table(rows: Mapping[str, object], *, header: tuple[str, str]) -> str:
    """A two-column table in the dialect of TensorBoard's text dashboard."""
    return markdown_rows(list(rows.items()), header=header)


def markdown_rows(rows: Sequence[Sequence[object]], *, header: Sequence[str]) -> str:
    """A table of as many columns as its header has."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _scalar_metadata(tag: str) -> tf.compat.v1.SummaryMetadata:
    return descriptions.metadata(tag, plugin="scalars", data_class=DATA_CLASS_SCALAR)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")

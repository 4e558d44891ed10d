"""What stands in an event file: TensorBoard's summary protos, built here and nowhere else."""

import struct
from collections.abc import Mapping

import tensorflow as tf


def scalars(values: Mapping[str, float]) -> tf.compat.v1.Summary:
    """One point of each curve, by tag."""
    return tf.compat.v1.Summary(
        value=[tf.compat.v1.Summary.Value(tag=tag, simple_value=float(value)) for tag, value in values.items()]
    )


def image(tag: str, png: bytes) -> tf.compat.v1.Summary:
    """One picture under `tag`."""
    # A PNG's first chunk begins at byte 16, with width and height (https://www.w3.org/TR/png/#11IHDR).
    width, height = struct.unpack(">II", png[16:24])
    return tf.compat.v1.Summary(
        value=[
            tf.compat.v1.Summary.Value(
                tag=tag, image=tf.compat.v1.Summary.Image(encoded_image_string=png, width=width, height=height)
            )
        ]
    )


def text(tag: str, markdown: str) -> tf.compat.v1.Summary:
    """A page for TensorBoard's text dashboard."""
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = "text"
    tensor = tf.make_tensor_proto(markdown.encode(), dtype=tf.string)
    return tf.compat.v1.Summary(value=[tf.compat.v1.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def markdown_table(rows: Mapping[str, object], *, header: tuple[str, str]) -> str:
    """A two-column table in the dialect of TensorBoard's text dashboard."""
    lines = [f"| {header[0]} | {header[1]} |", "|---|---|"]
    return "\n".join(lines + [f"| {_cell(key)} | {_cell(value)} |" for key, value in rows.items()])


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")

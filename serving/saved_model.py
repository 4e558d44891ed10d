"""A trained network as a SavedModel: https://www.tensorflow.org/guide/saved_model."""

import contextlib
import json
from pathlib import Path

import tensorflow as tf

from serving import graph, lite, model_card
from serving.results import one_line
from settings import TrainedModel, UserError

CLASS_NAMES_FILE = "class_names.json"


def write(model: TrainedModel, folder: Path, *, name: str, facts: model_card.Facts, tflite: bool) -> None:
    """Writes a SavedModel and what stands beside it to `folder`, an empty one, which will be called `name`.

    Raises:
      UserError: `folder` cannot be written; the checkpoint cannot be read, or is of another network.
    """
    restored = graph.restored(model, lambda: _signatures(model))
    # What is saved is the default graph.
    with contextlib.closing(restored.session) as session, session.graph.as_default():
        builder = tf.compat.v1.saved_model.Builder(str(folder))
        try:
            builder.add_meta_graph_and_variables(
                session,
                [tf.saved_model.SERVING],
                signature_def_map=restored.built,
                strip_default_attrs=True,
                saver=restored.saver,
            )
            builder.save()
        except tf.errors.OpError as error:
            raise UserError(
                f"cannot write the SavedModel ({one_line(error)}); give a folder with room for it"
            ) from error
    if tflite:
        (folder / lite.FILE).write_bytes(lite.converted(model))
    (folder / CLASS_NAMES_FILE).write_text(json.dumps(model.class_names, indent=0) + "\n")
    text = model_card.text(model, facts, folder=name, tflite=tflite)
    (folder / model_card.FILE).write_text(text, encoding="utf-8", errors="backslashreplace")


def _signatures(model: TrainedModel) -> dict[str, tf.compat.v1.MetaGraphDef]:
    """Two ways in, by the name of the signature: images encoded in files, and pixels."""
    encoded = tf.compat.v1.placeholder(tf.string, [None], name="image_bytes")
    pixels = tf.compat.v1.placeholder(tf.uint8, [None, None, None, 3], name="images")
    # Each of its own size, so one by one.
    stored = tf.map_fn(
        lambda image: graph.stored(graph.decoded(image), model),
        encoded,
        fn_output_signature=tf.TensorSpec([*model.stored_size, 3], tf.uint8),
    )
    return {
        tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: _signature({"image_bytes": encoded}, stored, model),
        model_card.PIXELS_SIGNATURE: _signature({"images": pixels}, graph.stored(pixels, model), model),
    }


def _signature(inputs: dict[str, tf.Tensor], stored: tf.Tensor, model: TrainedModel) -> tf.compat.v1.MetaGraphDef:
    return tf.compat.v1.saved_model.predict_signature_def(inputs, graph.outputs(stored, model)._asdict())

"""A trained network as a TensorFlow Lite model, which runs where TensorFlow does not."""

import contextlib
import os
import sys
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from serving import graph
from settings import TrainedModel, UserError

FILE = "model.tflite"
# How far probabilities may be from TensorFlow's.
TOLERANCE = 1e-4
_CHECKED_IMAGES = 4


def converted(model: TrainedModel) -> bytes:
    """A model in float32: [1, *stored_size, 3] uint8 -> probabilities [1, classes] float32, as TensorFlow gives them.

    TensorFlow Lite has no operations that decode files, and none that shrink an image without aliasing.

    Raises:
      UserError: the checkpoint cannot be read, or is of another network; the model's probabilities are other ones.
    """

    def build() -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.compat.v1.placeholder(tf.uint8, [1, *model.stored_size, 3], name="images")
        # TensorFlow Lite does not resize uint8 to float32.
        outputs = graph.outputs(tf.cast(images, tf.float32), model)
        return images, tf.identity(outputs.probabilities, name="probabilities")

    restored = graph.restored(model, build)
    images, probabilities = restored.built
    random = np.random.RandomState(0)
    checked = random.randint(0, 256, [_CHECKED_IMAGES, *images.shape]).astype(np.uint8)
    with contextlib.closing(restored.session) as session:
        converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [images], [probabilities])
        with _standard_error_closed():
            content = converter.convert()
        expected = np.stack([session.run(probabilities, {images: image}) for image in checked])
    difference = np.abs(run(content, checked) - expected).max()
    if not difference <= TOLERANCE:
        raise UserError(
            f"the TensorFlow Lite model's probabilities differ from TensorFlow's by {difference:.2g}, more than"
            f" {TOLERANCE}; export without it"
        )
    return content


@contextlib.contextmanager
def _standard_error_closed() -> Iterator[None]:
    """Keeps the converter's statistics to itself, whose "% non-converted" is no bad news. Errors it raises."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def run(content: bytes, batches: np.ndarray) -> np.ndarray:
    """The model's outputs, [n, 1, classes] float32, for `batches` of one image, [n, 1, *stored_size, 3] uint8."""
    # The default delegate announces itself on standard error.
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tf.lite.Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    (image,), (probabilities,) = interpreter.get_input_details(), interpreter.get_output_details()
    results = []
    for batch in batches:
        interpreter.set_tensor(image["index"], batch)
        interpreter.invoke()
        results.append(interpreter.get_tensor(probabilities["index"]))
    return np.stack(results)

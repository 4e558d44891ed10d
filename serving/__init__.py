"""A trained network, put to use: predictions for files of images, and an export that other programs load.

This module and what it imports leave TensorFlow alone. It takes seconds to import, so `predict` and `export` do that
once it is sure that it is needed.
"""

from collections.abc import Iterator, Sequence

from serving import folders, image_files
from serving.model_card import Facts
from serving.output import Written, write
from serving.results import Failure, Prediction
from settings import TrainedModel

__all__ = ["Facts", "Failure", "Prediction", "Written", "export", "predict", "write"]


def predict(model: TrainedModel, paths: Sequence[str], *, batch_size: int) -> Iterator[Prediction | Failure]:
    """The prediction for each image of `paths`, files and folders, in order; `batch_size` are read at a time.

    Each comes as soon as its batch is done. A file that is no image gives a Failure, and the next one follows. Folders
    are walked to their depths, by name; of what is in them, files with an image's extension count, and nothing whose
    name begins with a dot.

    Raises:
      UserError: at once: a path that does not exist, or a folder without images. At the first prediction: a
        checkpoint that cannot be read, or is of another network.
    """
    image_files.check(paths)

    def predictions() -> Iterator[Prediction | Failure]:
        from serving import predicting

        yield from predicting.predict(model, image_files.find(paths), batch_size=batch_size)

    return predictions()


def export(model: TrainedModel, folder: str, *, facts: Facts, tflite: bool) -> str:
    """Writes the model to `folder`, which must not exist, and returns its path.

    There, whole or not at all: a SavedModel, a model card (MODEL_CARD.md), the names of the classes
    (class_names.json) and, where `tflite` holds, a TensorFlow Lite model (model.tflite).

    Raises:
      UserError: `folder` exists or cannot be written; a checkpoint that cannot be read, or is of another network.
    """
    with folders.written_whole(folder) as unfinished:
        from serving import saved_model

        saved_model.write(model, unfinished, name=folders.name(folder), facts=facts, tflite=tflite)
    return folder

"""Draws what an evaluation found, example by example: which classes are taken for which, and the surest mistakes."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from hooks.due import Due
from settings import UserError
from settings.run import EVALUATION_RUN
from summaries import collect, confusion, events, grid, tags
from summaries.precision_recall import precision_recall
from summaries.projector import write_projector

_MISTAKES = 16
_OF_THE_ESTIMATOR = (tags.LOSS, tags.ACCURACY, tags.CROSS_ENTROPY, tags.WEIGHT_DECAY)


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """The split that is evaluated: `images` [n, height, width, 3] uint8 by example, and the names of the classes."""

    images: np.ndarray
    class_names: Sequence[str]


class EvaluationPagesHook(tf.compat.v1.train.SessionRunHook):
    """Writes, beside the curves of the evaluations, what only single examples can tell.

    Accuracy by class at each evaluation. At the first evaluation at or after each multiple that is due: the confusion
    matrix, the most confident mistakes, precision and recall by class, and for the projector, in the place of those
    before, the embeddings of the split's first examples. `every`: steps between evaluations. For `Estimator.evaluate`.
    """

    def __init__(self, model_dir: str, *, split: Split, due: Due, every: int, embedding_examples: int):
        self._model_dir = model_dir
        self._split = split
        self._due = due
        self._every = every
        self._embedding_examples = embedding_examples
        self._described = False
        self._previous: int | None = None

    def begin(self):
        self._offered = collect.collected_predictions()
        self._global_step = tf.compat.v1.train.get_global_step()
        self._batches: list[collect.Predictions] = []

    def before_run(self, run_context):
        return tf.compat.v1.train.SessionRunArgs(self._offered)

    def after_run(self, run_context, run_values):
        batch = run_values.results
        real = batch.weight > 0  # The last batch is padded.
        self._batches.append(collect.Predictions(*(each[real] for each in batch)))

    def end(self, session):
        step = int(session.run(self._global_step))
        found = collect.Predictions(*(np.concatenate(parts) for parts in zip(*self._batches, strict=True)))
        predicted = found.probabilities.argmax(axis=1)
        names = self._split.class_names
        matrix = confusion.confusion_matrix(found.label, predicted, len(names))
        writer = tf.compat.v1.summary.FileWriterCache.get(os.path.join(self._model_dir, EVALUATION_RUN))
        if not self._described:
            # The Estimator writes these points itself, after this, and says nothing of their meaning.
            written = _OF_THE_ESTIMATOR + ((tags.TOP_5_ACCURACY,) if tags.has_top_5(len(names)) else ())
            writer.add_summary(events.descriptions_alone(written), step)
            self._described = True
        by_class = dict(zip(names, confusion.class_accuracy(matrix), strict=True))
        scalars = {tags.of(tags.CLASS_ACCURACY, name): value for name, value in by_class.items() if np.isfinite(value)}
        writer.add_summary(events.scalars(scalars, with_descriptions=True), step)
        # Where training is faster than evaluations are, not every checkpoint is evaluated.
        earlier = self._previous
        previous = earlier if earlier is not None and earlier < step else step - self._every
        self._previous = step
        if self._due.since(previous, step):
            writer.add_summary(
                events.image(tags.CONFUSION_MATRIX, confusion.draw_confusion_matrix(matrix, names)), step
            )
            if (predicted != found.label).any():
                writer.add_summary(events.image(tags.MISTAKES, self._draw_mistakes(found, predicted)), step)
            for place, name in enumerate(names):
                tag = tags.of(tags.PRECISION_RECALL, name)
                writer.add_summary(precision_recall(tag, found.label == place, found.probabilities[:, place]), step)
            if self._embedding_examples:
                self._write_embeddings(found, step)
        writer.flush()

    def _draw_mistakes(self, found: collect.Predictions, predicted: np.ndarray) -> bytes:
        """Those whose predicted class, [n] for all examples, had the largest probability, the surest first."""
        confidence = found.probabilities.max(axis=1)
        wrong = np.flatnonzero(predicted != found.label)
        surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:_MISTAKES]
        names = self._split.class_names
        titles = [f"{names[found.label[i]]} -> {names[predicted[i]]} {confidence[i]:.0%}" for i in surest]
        images = self._split.images[found.index[surest]].astype(np.float32) / 127.5 - 1
        return grid.draw_grid(images, titles)

    def _write_embeddings(self, found: collect.Predictions, step: int) -> None:
        count = min(self._embedding_examples, len(found.label))
        try:
            write_projector(
                self._model_dir,
                found.embedding[:count],
                labels=[self._split.class_names[label] for label in found.label[:count]],
                thumbnails=self._split.images[found.index[:count]],
                step=step,
                below=[EVALUATION_RUN],
            )
        except OSError as error:
            raise UserError(
                f"cannot write the embeddings of step {step} to {self._model_dir} ({error.strerror}); make room there,"
                " or make it writable, and start again: the run goes on from its newest checkpoint"
            ) from error

"""Draws the first training batch as the network sees it."""

from collections.abc import Sequence

import tensorflow as tf

from summaries import collect, events
from summaries.grid import draw_grid

_IMAGES = 16


class InputImagesHook(tf.compat.v1.train.SessionRunHook):
    """Writes a grid of labelled input images at the first step of a new run."""

    def __init__(self, model_dir: str, *, class_names: Sequence[str]):
        self._model_dir = model_dir
        self._class_names = class_names
        self._wanted = False

    def begin(self):
        self._batches = {
            tag: (images[:_IMAGES], labels[:_IMAGES]) for tag, (images, labels) in collect.collected_images().items()
        }
        self._global_step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session, coord):
        self._wanted = session.run(self._global_step) == 0

    def before_run(self, run_context):
        return tf.compat.v1.train.SessionRunArgs(self._batches) if self._wanted else None

    def after_run(self, run_context, run_values):
        if not self._wanted:
            return
        self._wanted = False
        writer = tf.compat.v1.summary.FileWriterCache.get(self._model_dir)
        for tag, (images, labels) in run_values.results.items():
            png = draw_grid(images, [self._class_names[label] for label in labels])
            writer.add_summary(events.image(tag, png), 1)

"""Draws what goes into the network and what looks at it first."""

from collections.abc import Sequence

import tensorflow as tf

from hooks.due import Due
from summaries import collect, events, grid

_IMAGES = 16


class PicturesHook(tf.compat.v1.train.SessionRunHook):
    """Writes a grid of labelled inputs and the first layer's filters: at the first step of a new run, then when due."""

    def __init__(self, model_dir: str, *, class_names: Sequence[str], due: Due):
        self._model_dir = model_dir
        self._class_names = class_names
        self._due = due
        self._step = 0

    def begin(self):
        batches = collect.collected_images().items()
        self._wanted = (
            {tag: (images[:_IMAGES], labels[:_IMAGES]) for tag, (images, labels) in batches},
            collect.collected_filters(),
        )
        self._global_step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session, coord):
        self._step = int(session.run(self._global_step))

    def before_run(self, run_context):
        due = self._step == 0 or self._due.at(self._step + 1)
        return tf.compat.v1.train.SessionRunArgs(self._wanted) if due else None

    def after_run(self, run_context, run_values):
        self._step += 1
        if run_values.results is None:
            return
        batches, kernels = run_values.results
        pictures = {
            tag: grid.draw_grid(images, [self._class_names[label] for label in labels])
            for tag, (images, labels) in batches.items()
        }
        pictures |= {tag: grid.first_layer_filters(kernel) for tag, kernel in kernels.items()}
        writer = tf.compat.v1.summary.FileWriterCache.get(self._model_dir)
        for tag, png in pictures.items():
            writer.add_summary(events.image(tag, png), self._step)

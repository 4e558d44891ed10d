"""Counts the values of kernels, gradients and activations."""

import numpy as np
import tensorflow as tf

from hooks.due import Due
from summaries import collect
from summaries.histogram import histogram


class HistogramHook(tf.compat.v1.train.SessionRunHook):
    """Writes a histogram of each group of tensors that the model offers, when due."""

    def __init__(self, model_dir: str, *, due: Due):
        self._model_dir = model_dir
        self._due = due
        self._step = 0

    def begin(self):
        self._tensors = collect.collected_histograms()
        self._global_step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session, coord):
        self._step = int(session.run(self._global_step))

    def before_run(self, run_context):
        return tf.compat.v1.train.SessionRunArgs(self._tensors) if self._due.at(self._step + 1) else None

    def after_run(self, run_context, run_values):
        self._step += 1
        if run_values.results is None:
            return
        writer = tf.compat.v1.summary.FileWriterCache.get(self._model_dir)
        for tag, values in run_values.results.items():
            arrays = values if isinstance(values, list) else [values]
            writer.add_summary(histogram(tag, np.concatenate([np.ravel(array) for array in arrays])), self._step)

"""Stops a run whose loss is no longer a number."""

import math

import tensorflow as tf

from settings import UserError
from summaries import tags


class DivergenceHook(tf.compat.v1.train.SessionRunHook):
    """Raises UserError at the first step whose loss is not finite, before anything of that step is written.

    Give it to the Estimator first of all hooks: its own check comes after them and names neither step nor way out.
    """

    def __init__(self, model_dir: str):
        self._model_dir = model_dir

    def begin(self):
        (self._loss,) = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)[-1:]
        self._global_step = tf.compat.v1.train.get_global_step()

    def before_run(self, run_context):
        return tf.compat.v1.train.SessionRunArgs(self._loss)

    def after_run(self, run_context, run_values):
        loss = run_values.results
        if math.isfinite(loss):
            return
        step = int(run_context.session.run(self._global_step))
        checkpoint = tf.train.latest_checkpoint(self._model_dir)
        raise UserError(
            f"{tags.LOSS} is {loss} at step {step}: training has diverged; the last checkpoint is"
            f" {checkpoint or 'not yet written'}; try a smaller first value in --values, or a smaller --momentum, in a"
            " new --model_dir"
        )

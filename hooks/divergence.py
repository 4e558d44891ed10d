"""Stops a run whose loss is no longer a number."""

import math

import tensorflow as tf

import checkpoints
from settings import UserError
from summaries import tags


class Diverged(UserError):
    """The loss of global step `step` was no number; `checkpoint` is the last good one, if any."""

    def __init__(self, step: int, loss: float, checkpoint: str | None):
        super().__init__(
            f"{tags.LOSS} is {loss} at step {step}: training has diverged; the last good checkpoint is"
            f" {checkpoint or 'not there: none was written before'}; try smaller rates (--learning_rate or --values), a"
            " --warmup or a smaller --momentum in a new --model_dir; --mode=find_learning_rate tells which rates hold"
        )
        self.step = step
        self.checkpoint = checkpoint


class DivergenceHook(tf.compat.v1.train.SessionRunHook):
    """Raises Diverged at the first step whose loss is not finite, before anything of that step is written.

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
        raise Diverged(step, loss, checkpoints.newest_finite(self._model_dir))

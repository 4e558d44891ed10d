"""Stops a run whose loss is no longer a number."""

import math

import numpy as np
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
        checkpoint = last_good_checkpoint(self._model_dir)
        raise UserError(
            f"{tags.LOSS} is {loss} at step {step}: training has diverged; the last good checkpoint is"
            f" {checkpoint or 'not there: none was written before'}; try smaller rates (--learning_rate or --values), a"
            " --warmup or a smaller --momentum in a new --model_dir; --mode=find_learning_rate tells which rates hold"
        )


def last_good_checkpoint(model_dir: str) -> str | None:
    """The newest checkpoint in `model_dir` whose every number is finite.

    The newest of all may not be: where an update makes a weight infinite, the loss only says so one step later.
    """
    state = tf.train.get_checkpoint_state(model_dir)
    for path in reversed(state.all_model_checkpoint_paths if state else []):
        reader = tf.train.load_checkpoint(path)
        tensors = (reader.get_tensor(name) for name in reader.get_variable_to_shape_map())
        if all(np.isfinite(tensor).all() for tensor in tensors if np.issubdtype(tensor.dtype, np.floating)):
            return path
    return None

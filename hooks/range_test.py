"""Watches a learning-rate range test."""

import math

import tensorflow as tf
import tqdm

import model_fn

# A loss this many times the lowest so far has exploded; a single batch of a healthy run does not get there.
EXPLOSION = 4.0
_LINES = 10


class RangeTestHook(tf.compat.v1.train.SessionRunHook):
    """Keeps rate and loss of each step, and ends the test once the loss is no number or has exploded.

    Give it first of all hooks: that of the Estimator would raise on a loss that is no number.
    """

    def __init__(self, *, steps: int):
        self._steps = steps
        self.rates: list[float] = []
        self.losses: list[float] = []

    def begin(self):
        (self._loss,) = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)[-1:]
        self._rate = model_fn.live_rate_handles().rate

    def before_run(self, run_context):
        return tf.compat.v1.train.SessionRunArgs((self._rate, self._loss))

    def after_run(self, run_context, run_values):
        rate, loss = map(float, run_values.results)
        self.rates.append(rate)
        self.losses.append(loss)
        if len(self.rates) % max(self._steps // _LINES, 1) == 0:
            tqdm.tqdm.write(f"step {len(self.rates)}/{self._steps}: learning rate {rate:.3g}, loss {loss:.4f}")
        if not math.isfinite(loss) or loss > EXPLOSION * min(self.losses):
            tqdm.tqdm.write(f"step {len(self.rates)}: the loss has exploded at learning rate {rate:.3g}: {loss:.4g}")
            run_context.request_stop()

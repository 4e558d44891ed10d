"""Traces some steps, for TensorBoard's Profile page."""

import contextlib

import tensorflow as tf


class ProfileHook(tf.compat.v1.train.SessionRunHook):
    """Traces the updates from global step `first` up to, not including, `end`, into `model_dir`.

    A trace that an update which failed has left under way is thrown away where the next session begins.
    """

    def __init__(self, model_dir: str, *, first: int, end: int):
        self._model_dir = model_dir
        self._first, self._end = first, end
        self._tracing = False

    def begin(self):
        # A hook is not told of an update that raises, and there can be one trace a process.
        with contextlib.suppress(tf.errors.UnavailableError):
            tf.profiler.experimental.stop(save=False)
        self._tracing = False
        self._global_step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session, coord):
        self._step = int(session.run(self._global_step))

    def before_run(self, run_context):
        if self._first <= self._step < self._end and not self._tracing:
            tf.profiler.experimental.start(self._model_dir)
            self._tracing = True

    def after_run(self, run_context, run_values):
        self._step += 1
        if self._step >= self._end:
            self._stop()

    def end(self, session):
        self._stop()

    def _stop(self) -> None:
        if self._tracing:
            tf.profiler.experimental.stop()
            self._tracing = False

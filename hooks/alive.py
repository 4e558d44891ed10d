"""Tells others that steps are being made."""

from collections.abc import Callable

import tensorflow as tf


class AliveHook(tf.compat.v1.train.SessionRunHook):
    """Calls `progress` after each step."""

    def __init__(self, progress: Callable[[], None]):
        self._progress = progress

    def after_run(self, run_context, run_values):
        self._progress()

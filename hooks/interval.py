"""The base of hooks that do something every so many steps: the base decides when, a subclass what."""

import time
from collections.abc import Callable, Mapping

import tensorflow as tf

from hooks.due import Due
from summaries import collect, tags

Clock = Callable[[], float]


class IntervalHook(tf.compat.v1.train.SessionRunHook):
    """Calls `at_interval` at every global step that is a multiple of `interval`, and at the last one.

    Multiples, not so many steps since the start: a resumed run then writes its points where an uninterrupted one would.
    `images_per_second` counts time inside steps only, so evaluations and checkpoints do not dent it, and leaves out the
    first step of a process, in which TensorFlow sets itself up.
    """

    def __init__(self, *, interval: int, last_step: int, batch_size: int, clock: Clock = time.perf_counter):
        self._due = Due(interval, last_step)
        self._batch_size = batch_size
        self._clock = clock
        self._step = 0
        self._first = True
        self._steps_timed = 0
        self._seconds = 0.0
        self._started = 0.0

    def at_interval(self, step: int, values: Mapping[str, float]) -> None:
        """Gets the global step after the update, and the scalars that the model offers, by tag, with images/s."""
        raise NotImplementedError

    def begin(self):
        self._scalars = collect.collected_scalars()
        self._global_step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session, coord):
        self._step = int(session.run(self._global_step))

    def before_run(self, run_context):
        self._started = self._clock()
        return tf.compat.v1.train.SessionRunArgs(self._scalars) if self._due.at(self._step + 1) else None

    def after_run(self, run_context, run_values):
        if not self._first:
            self._seconds += self._clock() - self._started
            self._steps_timed += 1
        self._first = False
        self._step += 1
        if self._due.at(self._step):
            self.at_interval(self._step, {**run_values.results, **self._speed(run_values.results)})
            self._seconds, self._steps_timed = 0.0, 0

    def _speed(self, scalars: Mapping[str, float]) -> dict[str, float]:
        # The model counts seconds a step; their share is the same however long a step is.
        waited = {tags.INPUT_WAIT: scalars[tags.INPUT_WAIT]} if tags.INPUT_WAIT in scalars else {}
        if not self._seconds:
            return {tags.IMAGES_PER_SECOND: 0.0, **dict.fromkeys(waited, 0.0)}
        step_seconds = self._seconds / self._steps_timed
        return {
            tags.IMAGES_PER_SECOND: self._batch_size / step_seconds,
            tags.STEP_MILLISECONDS: 1000 * step_seconds,
            **{tag: seconds / step_seconds for tag, seconds in waited.items()},
        }

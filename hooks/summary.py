"""Writes the training curves."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from hooks.interval import IntervalHook
from summaries import events


class SummaryHook(IntervalHook):
    """Writes every scalar that the model offers to `model_dir`'s event file, once an interval.

    It opens a session with a START mark: TensorBoard then drops the points that a killed process wrote after its last
    checkpoint, so that the curve of a resumed run is one line. `first` is written with the mark, and
    `last` once the run is complete.
    """

    def __init__(
        self,
        model_dir: str,
        *,
        first: Sequence[tf.compat.v1.Summary],
        last: Sequence[tf.compat.v1.Summary],
        **interval_arguments,
    ):
        super().__init__(**interval_arguments)
        self._model_dir = model_dir
        self._first_summaries = first
        self._last_summaries = last

    def begin(self):
        super().begin()
        self._writer = tf.compat.v1.summary.FileWriterCache.get(self._model_dir)

    def after_create_session(self, session, coord):
        super().after_create_session(session, coord)
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._writer.add_session_log(start, self._step + 1)
        for summary in self._first_summaries:
            self._writer.add_summary(summary, self._step)

    def at_interval(self, step: int, values: Mapping[str, float]) -> None:
        self._writer.add_summary(events.scalars(values), step)

    def end(self, session):
        for summary in self._last_summaries if self._step >= self._last_step else ():
            self._writer.add_summary(summary, self._step)
        self._writer.flush()

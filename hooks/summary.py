"""Writes the training curves."""

from collections.abc import Mapping

import tensorflow as tf

from hooks.interval import IntervalHook
from summaries import events


class SummaryHook(IntervalHook):
    """Writes every scalar that the model offers to `model_dir`'s event file, once an interval.

    It opens a session with a START mark: TensorBoard then drops the points that a killed process wrote after its last
    checkpoint, so that the curve of a resumed run is one line. `texts` are pages written with the mark, by tag.
    """

    def __init__(self, model_dir: str, *, texts: Mapping[str, str], **interval_arguments):
        super().__init__(**interval_arguments)
        self._model_dir = model_dir
        self._texts = texts

    def begin(self):
        super().begin()
        self._writer = tf.compat.v1.summary.FileWriterCache.get(self._model_dir)

    def after_create_session(self, session, coord):
        super().after_create_session(session, coord)
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._writer.add_session_log(start, self._step + 1)
        for tag, markdown in self._texts.items():
            self._writer.add_summary(events.text(tag, markdown), self._step)

    def at_interval(self, step: int, values: Mapping[str, float]) -> None:
        self._writer.add_summary(events.scalars(values), step)

    def end(self, session):
        self._writer.flush()

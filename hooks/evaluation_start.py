"""Begins what a process writes of its evaluations."""

import tensorflow as tf


class EvaluationStartHook(tf.compat.v1.train.SessionRunHook):
    """Writes the graph of the first evaluation of a process to the event file in `folder`, and a START mark.

    A process that was killed may have written the very points that are to come, and nothing else of the evaluation:
    TensorBoard drops those at the mark. To stand before all hooks that write there.
    """

    def __init__(self, folder: str):
        self._folder = folder
        self._begun = False

    def begin(self):
        # Whoever is the first to ask for a writer has it write the graph that is being built there.
        self._writer = tf.compat.v1.summary.FileWriterCache.get(self._folder)
        self._global_step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session, coord):
        if not self._begun:
            start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
            self._writer.add_session_log(start, int(session.run(self._global_step)))
            self._begun = True

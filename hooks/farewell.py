"""Holds the chief back until no worker needs the ps tasks any more: they end as soon as it says how the job ends."""

import tensorflow as tf

import model_fn


class FarewellHook(tf.compat.v1.train.SessionRunHook):
    """For every worker of a cluster with ps tasks. To stand last."""

    def begin(self):
        meeting = model_fn.meeting()
        assert meeting, "there are no ps tasks"
        self._farewell = meeting.farewell()

    def end(self, session):
        session.run(self._farewell)

"""Ends a run before its last step: on every replica after the same one."""

from collections.abc import Callable

import tensorflow as tf

import model_fn
from control.preemption import Preemption


class StopHook(tf.compat.v1.train.SessionRunHook):
    """Ends training after a step at which any replica was told to stop by a signal, or the chief found enough.

    `enough` is asked before each step, by the chief: whether evaluations say that the run is at its end. What came of
    it stands in `preempted` and `finished`, and where in `step`. While a session trains, signals are deferred to the
    end of the step. Give it to every task.
    """

    def __init__(self, preemption: Preemption, *, enough: Callable[[], bool]):
        self._preemption = preemption
        self._enough = enough
        self.step = 0
        self.preempted = False
        self.finished = False

    def begin(self):
        self._graph = model_fn.stop_handles()
        self._global_step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session, coord):
        self.step = int(session.run(self._global_step))
        self._preemption.deferred = True

    def before_run(self, run_context):
        wishes = model_fn.Wishes(preempted=bool(self._preemption.asked), finished=self._enough())
        feed = {self._graph.wishes: wishes} if any(wishes) else None
        return tf.compat.v1.train.SessionRunArgs(self._graph.total, feed_dict=feed)

    def after_run(self, run_context, run_values):
        self.step += 1
        total = model_fn.Wishes(*run_values.results)
        self.preempted, self.finished = total.preempted > 0, total.finished > 0
        # What another replica wished for needs not be asked of this one again.
        self._preemption.heeded |= self.preempted
        if any(total):
            run_context.request_stop()

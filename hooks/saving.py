"""When checkpoints are saved."""

from collections.abc import Sequence

import tensorflow as tf

from hooks.checkpoint import CheckpointHook
from hooks.due import Due
from hooks.stop import StopHook


class SavingHook(CheckpointHook):
    """Saves where `due`, before the first step of a run, and at the end of a session.

    At multiples, not so many steps since the start as its base does: a resumed run then saves, and evaluates, where an
    uninterrupted one would. What it has just read it does not save again: a kill in that moment would cost it. Where
    `stop` has found that the run was at its end one step ago, that step is not saved: the run ends with the checkpoint
    that was evaluated.
    """

    def __init__(
        self,
        checkpoint_dir: str,
        *,
        due: Due,
        stop: StopHook,
        listeners: Sequence[tf.compat.v1.train.CheckpointSaverListener] = (),
    ):
        # Without a meta graph beside each checkpoint: nothing here reads one.
        super().__init__(checkpoint_dir, save_steps=due.interval, listeners=listeners, save_graph_def=False)
        self._due = due
        self._stop = stop

    def after_create_session(self, session, coord):
        # Not the base's: it adds graph and meta graph to the event file, which began with those as the model made them.
        self._step = self._saved_step = int(session.run(self._global_step_tensor))
        if self._step == 0:
            self._save(session, self._step)
        else:
            for listener in self._listeners:
                listener.after_save(session, self._step)

    def before_run(self, run_context):
        return None

    def after_run(self, run_context, run_values):
        self._step += 1
        if self._due.at(self._step) and not self._stop.finished:
            self._save(run_context.session, self._step)

    def end(self, session):
        if self._step != self._saved_step and not self._stop.finished:
            self._save(session, self._step)
        for listener in self._listeners:
            listener.end(session, self._step)

    def _save(self, session, step):
        self._saved_step = step
        return super()._save(session, step)

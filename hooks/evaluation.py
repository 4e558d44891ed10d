"""Evaluates the checkpoints of a run as they are saved, and keeps what was found."""

from collections.abc import Callable, Mapping

import tensorflow as tf
import tqdm

from control import evaluations
from control.preemption import Preemption
from hooks.due import Due
from summaries import tags


class EvaluateListener(tf.compat.v1.train.CheckpointSaverListener):
    """Evaluates each checkpoint whose step is due. A signal ends an evaluation at once.

    The checkpoint that a run goes on from is evaluated only where that is missing: its process may have ended before.
    `evaluate` gets its global step. Give it to the checkpoint hook of the chief.
    """

    def __init__(self, model_dir: str, evaluate: Callable[[int], None], *, due: Due, preemption: Preemption):
        self._model_dir = model_dir
        self._evaluate = evaluate
        self._due = due
        self._preemption = preemption

    def begin(self):
        self._first = True

    def after_save(self, session, global_step_value):
        step, first = int(global_step_value), self._first
        self._first = False
        # A run that was told to stop has no time for it, and makes up for it when it goes on.
        if self._preemption.asked or step == 0 or not self._due.at(step):
            return
        if not (first and step in evaluations.read(self._model_dir)):
            with self._preemption.raising():
                self._evaluate(step)


def tell(metrics: Mapping[str, float]) -> None:
    """Prints what an evaluation found."""
    step = metrics[tf.compat.v1.GraphKeys.GLOBAL_STEP]
    # Through tqdm, which moves a progress bar out of the way where there is one.
    tqdm.tqdm.write(f"step {step}: validation loss {metrics[tags.LOSS]:.4f}, accuracy {metrics[tags.ACCURACY]:.2%}")


def record(model_dir: str, metrics: Mapping[str, float]) -> None:
    """Adds what an evaluation found to `control.evaluations`, for whoever decides by it."""
    step = metrics[tf.compat.v1.GraphKeys.GLOBAL_STEP]
    evaluations.append(model_dir, int(step), {tag: metrics[tag] for tag in (tags.LOSS, tags.ACCURACY)})

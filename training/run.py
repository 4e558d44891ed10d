"""Trains and evaluates."""

import dataclasses
import os

import tensorflow as tf

import checkpoints
import hooks
import input_fn
from cluster.topology import Task
from control import evaluations
from control.preemption import Preemption
from settings import Preempted, Settings, UserError
from summaries import hparams
from training import assembly, evaluating, event_files, rollback, watching
from training.announcement import announcement
from training.pages import Recorded


@dataclasses.dataclass(frozen=True)
class _Run:
    settings: Settings
    info: input_fn.DatasetInfo
    task: Task
    recorded: Recorded
    preemption: Preemption


def train_and_evaluate(settings: Settings, task: Task, recorded: Recorded, preemption: Preemption) -> None:
    """Trains to the last step from the newest good checkpoint, evaluating each checkpoint on the validation split.

    It ends before the last step where evaluations say so (`settings.stopping`). `task` is what this process is in a
    cluster. Of a run that is complete already only an evaluation is made up for that its last process did not reach.

    Raises:
      Preempted: a signal came; the next start goes on from where the run is.
      UserError: the run has diverged; its files, or the data set, cannot be read or written.
    """
    assembly.prepare_tensorflow(deterministic=settings.training.deterministic)
    replicas = assembly.num_replicas(settings, task)
    info = input_fn.describe(settings.data)
    if task.is_chief:
        _mend_checkpoints(settings.model_dir)
    step = assembly.newest_step(settings.model_dir)
    if _has_ended(settings, step):
        print(_already_complete(settings, step), flush=True)
    else:
        print(announcement(settings, info, replicas=replicas, first_step=step), flush=True)
    run = _Run(settings, info, task, recorded, preemption)
    try:
        ended = False
        while not ended:
            with event_files.closed_in_the_end():
                ended = _comes_to_its_end(run)
    finally:
        preemption.deferred = False


def _mend_checkpoints(model_dir: str) -> None:
    found = checkpoints.examine(model_dir)
    if found.broken and found.good is None:
        why = "; ".join(f"{os.path.basename(each.prefix)}: {each.why}" for each in found.broken)
        raise UserError(
            f"no checkpoint in --model_dir={model_dir} can be read ({why}); put a whole one there, or start anew with"
            " --overwrite"
        )
    checkpoints.newest_readable(model_dir)


def _comes_to_its_end(run: _Run) -> bool:
    """Trains until the run ends. False: it has diverged, and is to be trained again from an earlier step."""
    settings = run.settings
    estimator = assembly.estimator(settings, run.info, run.task)
    evaluator = evaluating.Evaluator(estimator, settings, run.info) if run.task.is_chief else None
    try:
        if not _has_ended(settings, assembly.newest_step(settings.model_dir)):
            _train(run, estimator, evaluator)
    except hooks.Diverged as diverged:
        if run.task.num_workers > 1:
            # Workers notice at different steps, and each would have to go back.
            raise
        rollback.go_back(settings, diverged)
        return False
    step = assembly.newest_step(settings.model_dir)
    if evaluator and step not in evaluations.read(settings.model_dir):
        evaluator(step)
    return True


def _train(run: _Run, estimator: tf.estimator.Estimator, evaluator: evaluating.Evaluator | None) -> None:
    settings = run.settings
    stop = hooks.StopHook(run.preemption, enough=lambda: bool(evaluator and evaluator.stop))
    if evaluator:
        watch = watching.hooks_of_chief(settings, run.info, run.recorded)
        saving = watching.checkpoints_of_chief(settings, evaluator, stop, run.preemption)
    else:
        watch, saving = watching.hooks_of_worker(settings), watching.checkpoints_of_worker(settings, stop)
    assembly.train(estimator, settings, run.task, [*watch, stop, saving])
    if stop.preempted and not stop.finished and stop.step < settings.training.train_steps:
        raise Preempted(f"stopped at step {stop.step}")
    if evaluator:
        if evaluator.stop:
            print(f"Stopped early after step {evaluator.stop.step}: {evaluator.stop.why}", flush=True)
        tf.compat.v1.summary.FileWriterCache.get(settings.model_dir).add_summary(hparams.end(), stop.step)


def _has_ended(settings: Settings, step: int) -> bool:
    return step >= settings.training.train_steps or evaluating.early_stop(settings, upto_step=step) is not None


def _already_complete(settings: Settings, step: int) -> str:
    stop = evaluating.early_stop(settings, upto_step=step)
    early = f": {stop.why}" if stop and step < settings.training.train_steps else ""
    return (
        f"The run in {settings.model_dir} is complete at step {step}{early}. To start a new one, give another"
        " --model_dir, or --overwrite; to train on, more --train_steps" + (" and other limits." if early else ".")
    )

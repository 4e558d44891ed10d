"""Trains and evaluates."""

import contextlib
import dataclasses
import os
from collections.abc import Callable

import tensorflow as tf

import checkpoints
import hooks
import input_fn
from cluster.membership import Ending, Membership
from cluster.topology import Role, Task
from control import evaluations, stopping
from control.preemption import Preemption
from settings import Preempted, Settings, UserError
from summaries import hparams
from training import assembly, evaluating, evaluator_task, event_files, parameter_server, rollback, watching
from training.announcement import announcement
from training.pages import Recorded


@dataclasses.dataclass(frozen=True)
class _Run:
    settings: Settings
    info: input_fn.DatasetInfo
    task: Task
    recorded: Recorded
    preemption: Preemption
    members: Membership
    scratch: str


def mend_checkpoints(model_dir: str) -> None:
    """Sets checkpoints aside that cannot be read, so that all tasks go on from the same. For the chief, first of all.

    Raises:
      UserError: there are checkpoints, and none can be read.
    """
    found = checkpoints.examine(model_dir)
    if found.broken and found.good is None:
        why = "; ".join(f"{os.path.basename(each.prefix)}: {each.why}" for each in found.broken)
        raise UserError(
            f"no checkpoint in --model_dir={model_dir} can be read ({why}); put a whole one there, or start anew with"
            " --overwrite"
        )
    checkpoints.newest_readable(model_dir)


def train_and_evaluate(
    settings: Settings,
    task: Task,
    recorded: Recorded,
    *,
    preemption: Preemption,
    members: Membership,
    scratch: str,
) -> None:
    """Trains to the last step from the newest checkpoint, evaluating each checkpoint on the validation split.

    It ends before the last step where evaluations say so (`settings.stopping`). `task` is what this process is in a
    cluster, `members` the tasks there; the evaluator only evaluates, a ps only holds variables. What a task must write
    and nobody needs goes to `scratch`. Of a run that is complete already only an evaluation is made up for that its
    last process did not reach. Returns once the last checkpoint is evaluated.

    Raises:
      Preempted: a signal came; the next start goes on from where the run is.
      UserError: the run has diverged; its files, or the data set, cannot be read or written.
    """
    if task.role is Role.PS:
        parameter_server.serve_to_the_end(task, members, preemption)
        return
    with members.paused("getting ready"):
        assembly.prepare_tensorflow(deterministic=settings.training.deterministic)
        info = input_fn.describe(settings.data)
    run = _Run(settings, info, task, recorded, preemption, members, scratch)
    try:
        if task.role is Role.EVALUATOR:
            _evaluate_to_the_end(run)
        else:
            _tell_what_comes(run)
            _train_to_the_end(run)
    except Preempted:
        if task.is_chief:
            members.announce(Ending.PREEMPTED, assembly.newest_step(settings.model_dir))
        else:
            members.ask_to_stop()
        raise


def _evaluate_to_the_end(run: _Run) -> None:
    evaluator = evaluating.Evaluator(assembly.estimator(run.settings, run.info, run.task), run.settings, run.info)
    with event_files.closed_in_the_end():
        evaluator_task.evaluate_to_the_end(evaluator, run.settings, run.members, scratch=run.scratch)


def _tell_what_comes(run: _Run) -> None:
    settings = run.settings
    step = assembly.newest_step(settings.model_dir)
    if _has_ended(settings, step):
        print(_already_complete(settings, step), flush=True)
    else:
        print(announcement(settings, run.info, run.task, first_step=step), flush=True)


def _train_to_the_end(run: _Run) -> None:
    try:
        ended = False
        while not ended:
            with event_files.closed_in_the_end():
                ended = _comes_to_its_end(run)
    finally:
        run.preemption.deferred = False


def _comes_to_its_end(run: _Run) -> bool:
    """Trains until the run ends. False: it has diverged, and is to be trained again from an earlier step."""
    settings = run.settings
    with run.members.paused("building the network"):
        estimator = assembly.estimator(settings, run.info, run.task)
        evaluates = run.task.is_chief and not run.task.has_evaluator
        evaluator = evaluating.Evaluator(estimator, settings, run.info) if evaluates else None
    try:
        if not _has_ended(settings, assembly.newest_step(settings.model_dir)):
            _train(run, estimator, evaluator)
    except hooks.Diverged as diverged:
        if run.task.num_workers > 1 or run.task.has_ps:
            # Workers notice at different steps, and each would have to go back.
            raise
        rollback.go_back(settings, diverged)
        return False
    if run.task.is_chief:
        _complete(run, evaluator)
    return True


def _complete(run: _Run, evaluator: evaluating.Evaluator | None) -> None:
    """Returns once the last checkpoint is evaluated, by this task or another."""
    model_dir = run.settings.model_dir
    step = assembly.newest_step(model_dir)
    run.members.announce(Ending.COMPLETE, step)
    if step not in evaluations.read(model_dir):
        with run.preemption.raising():
            if evaluator:
                evaluator(step)
            run.members.wait_for_evaluator()
        if step not in evaluations.read(model_dir):
            raise Preempted(f"stopped with the evaluator, which had not evaluated step {step} yet")
    run.members.wait_for_evaluator()


def _train(run: _Run, estimator: tf.estimator.Estimator, evaluator: evaluating.Evaluator | None) -> None:
    settings, is_chief = run.settings, run.task.is_chief
    with run.members.paused("reading the data"):
        batches = assembly.training_input_fn(settings, run.task)
    early_stop = _early_stop(run, evaluator)
    stop = hooks.StopHook(run.preemption, enough=lambda: early_stop() is not None)
    alive = hooks.AliveHook(run.members.progress)
    with contextlib.ExitStack() as after_training:
        beside, saving = _hooks(run, evaluator, stop, after_training)
        assembly.train(estimator, batches, settings, run.task, [*beside, alive, stop, *saving])
    if stop.preempted and not stop.finished and stop.step < settings.training.train_steps:
        raise Preempted(f"stopped at step {stop.step}")
    if is_chief:
        if found := early_stop():
            print(f"Stopped early after step {found.step}: {found.why}", flush=True)
        tf.compat.v1.summary.FileWriterCache.get(settings.model_dir).add_summary(hparams.end(), stop.step)


def _hooks(
    run: _Run,
    evaluator: evaluating.Evaluator | None,
    stop: hooks.StopHook,
    after_training: contextlib.ExitStack,
) -> tuple[watching.Hooks, watching.Hooks]:
    """What a task does beside its steps, and what comes last: how it saves."""
    settings = run.settings
    if run.task.is_chief:
        evaluate = _pausing(run.members, evaluator) if evaluator else None
        beside = watching.hooks_of_chief(settings, run.info, run.recorded, after_training)
        saving: watching.Hooks = [watching.checkpoints_of_chief(settings, evaluate, stop, run.preemption)]
    else:
        beside = watching.hooks_of_worker(settings)
        saving = [] if run.task.has_ps else [watching.checkpoints_of_worker(run.scratch, settings, stop)]
    return beside, [*saving, *([hooks.FarewellHook()] if run.task.has_ps else [])]


def _early_stop(run: _Run, evaluator: evaluating.Evaluator | None) -> Callable[[], stopping.Stop | None]:
    """What tells a task whether evaluations end the run: only the chief has to know."""
    if evaluator:
        return lambda: evaluator.stop
    return evaluating.Lookout(run.settings) if run.task.is_chief else lambda: None


def _pausing(members: Membership, evaluate: Callable[[int], None]) -> Callable[[int], None]:
    def evaluate_without_stalling(step: int) -> None:
        with members.paused("evaluating"):
            evaluate(step)

    return evaluate_without_stalling


def _has_ended(settings: Settings, step: int) -> bool:
    return step >= settings.training.train_steps or evaluating.early_stop(settings, upto_step=step) is not None


def _already_complete(settings: Settings, step: int) -> str:
    stop = evaluating.early_stop(settings, upto_step=step)
    early = f": {stop.why}" if stop and step < settings.training.train_steps else ""
    return (
        f"The run in {settings.model_dir} is complete at step {step}{early}. To start a new one, give another"
        " --model_dir, or --overwrite; to train on, more --train_steps" + (" and other limits." if early else ".")
    )

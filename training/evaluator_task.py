"""The evaluator of a cluster: a task that evaluates while the others train."""

import os
from collections.abc import Callable

import checkpoints
from cluster.membership import Announcement, Ending, Membership
from control import evaluations
from settings import Preempted, Settings, UserError

_SECONDS_BETWEEN_LOOKS = 1.0


def evaluate_to_the_end(
    evaluate: Callable[[int, str], None], settings: Settings, members: Membership, *, scratch: str
) -> None:
    """Evaluates every checkpoint, oldest first, until the chief has announced the end, then the last one.

    `evaluate` gets a global step and the prefix of a copy in `scratch`, which the chief does not remove. Checkpoints
    that were removed before their turn came are told of. Where the chief went back to an earlier step, those that it
    saves anew are evaluated anew.

    Raises:
      Preempted: the chief has announced that the job stops for now.
      UserError: the last checkpoint cannot be read.
    """
    model_dir = settings.model_dir
    done = {step: _version(model_dir, step) for step in evaluations.read(model_dir)}
    announced = None
    while announced is None:
        # What is announced has been saved: look for it after that.
        announced = members.wait_for_announcement(_SECONDS_BETWEEN_LOOKS)
        _stop_if_preempted(announced)
        for step in _steps(model_dir):
            version = _version(model_dir, step)
            if version is None or done.get(step) == version:
                continue
            with checkpoints.held(checkpoints.prefix_of(model_dir, step), scratch) as copy:
                if copy is not None:
                    _tell_of_missed(settings, after=max((s for s in done if s < step), default=0), before=step)
                    evaluate(step, copy)
                    done[step] = version
            _stop_if_preempted(members.announced)
    if announced.step and announced.step not in done:
        raise UserError(
            f"the last checkpoint, {checkpoints.prefix_of(model_dir, announced.step)}, cannot be read here; see that"
            " --model_dir is shared, and start the run once more, which evaluates it"
        )


def _stop_if_preempted(announced: Announcement | None) -> None:
    if announced and announced.ending is Ending.PREEMPTED:
        raise Preempted(f"stopped with the chief at step {announced.step}")


def _steps(model_dir: str) -> list[int]:
    """Global steps of the checkpoints that are in use, oldest first. The initial weights are not evaluated."""
    names = checkpoints.in_use(model_dir) or []
    return sorted(step for name in names if (step := int(name.rpartition("-")[2])) > 0)


def _version(model_dir: str, step: int) -> int | None:
    """Tells a checkpoint from another of the same step; None where there is none."""
    try:
        return os.stat(f"{checkpoints.prefix_of(model_dir, step)}.index").st_mtime_ns
    except FileNotFoundError:
        return None


def _tell_of_missed(settings: Settings, *, after: int, before: int) -> None:
    interval = settings.training.evaluation_interval
    missed = range(after // interval * interval + interval, before, interval)
    if missed:
        which = f"step {missed[0]}" if len(missed) == 1 else f"{len(missed)} of steps {missed[0]} to {missed[-1]}"
        print(
            f"Not evaluated, because training removed the checkpoint before: {which}; give a longer"
            f" --evaluation_interval, or more than --keep_checkpoints={settings.checkpoints.keep_checkpoints}",
            flush=True,
        )

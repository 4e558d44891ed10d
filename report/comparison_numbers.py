"""Curves of several runs -> the numbers that compare them."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from report.curves import Curve, Curves, read_curves
from settings import UserError
from summaries import tags


@dataclasses.dataclass(frozen=True)
class RunNumbers:
    """Where a run ended and what it took; loss and accuracy of the validation split. None: not known, or never."""

    final_accuracy: float | None
    best_accuracy: float | None
    best_accuracy_step: int | None
    final_loss: float | None
    best_loss: float | None
    target_step: int | None
    minutes: float | None
    steps: int | None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The numbers of each run by name, in the order given.

    `target` is the accuracy, from 0 to 1, whose first step is looked for, None where there is none; `target_is_given`
    tells whether the caller chose it, or it is the best of the control run.
    """

    numbers: Mapping[str, RunNumbers]
    control: str
    target: float | None
    target_is_given: bool


def read_runs(runs: Mapping[str, str], *, control: str) -> dict[str, Curves | None]:
    """The curves of each run by name, in the order of `runs` (name -> model_dir); None for a run that has none yet.

    Raises:
      UserError: `control` is not among the runs, or no run has curves.
    """
    if control not in runs:
        raise UserError(f"no control run {control!r} among the runs {', '.join(runs) or '(none)'}; name one of them")
    curves = {name: _read_if_any(model_dir) for name, model_dir in runs.items()}
    if not any(curves.values()):
        raise UserError(f"no curves in any of {', '.join(runs.values())}; train one of these runs first")
    return curves


def _read_if_any(model_dir: str) -> Curves | None:
    try:
        return read_curves(model_dir)
    except UserError:
        return None


def measure_all(
    curves: Mapping[str, Curves | None], *, control: str, target_accuracy: float | None, batch_size: int
) -> Comparison:
    """Measures every run; with `target_accuracy` None against the best validation accuracy of the control run."""
    target, of_control = target_accuracy, curves[control]
    if target is None and of_control is not None:
        target = best(of_control.validation.get(tags.ACCURACY), np.argmax)[0]
    numbers = {name: measure(run, target=target, batch_size=batch_size) for name, run in curves.items()}
    return Comparison(numbers, control, target, target_is_given=target_accuracy is not None)


def measure(curves: Curves | None, *, target: float | None, batch_size: int) -> RunNumbers:
    """The numbers of one run: all None without curves."""
    if curves is None:
        return RunNumbers(*[None] * len(dataclasses.fields(RunNumbers)))
    accuracy, loss = (curves.validation.get(tag) for tag in (tags.ACCURACY, tags.LOSS))
    best_accuracy, best_accuracy_step = best(accuracy, np.argmax)
    best_loss, _ = best(loss, np.argmin)
    return RunNumbers(
        final_accuracy=None if accuracy is None else float(accuracy.values[-1]),
        best_accuracy=best_accuracy,
        best_accuracy_step=best_accuracy_step,
        final_loss=None if loss is None else float(loss.values[-1]),
        best_loss=best_loss,
        target_step=first_step_at(accuracy, target),
        minutes=minutes_of_training(curves.train.get(tags.IMAGES_PER_SECOND), batch_size=batch_size),
        steps=curves.last_step,
    )


def best(curve: Curve | None, which: Callable) -> tuple[float | None, int | None]:
    """The best value and its step, the first one of equals; `which` is `np.argmax` or `np.argmin`."""
    finite = curve.finite() if curve else None
    if finite is None or not finite.steps.size:
        return None, None
    place = which(finite.values)
    return float(finite.values[place]), int(finite.steps[place])


def first_step_at(accuracy: Curve | None, target: float | None) -> int | None:
    """The first step at which the accuracy was `target` or more; None if never."""
    if accuracy is None or target is None:
        return None
    enough = min(target, float(np.float32(target)))  # Event files hold float32, in which 0.9 is a little less.
    reached = accuracy.steps[accuracy.values >= enough]
    return int(reached[0]) if reached.size else None


def minutes_of_training(pace: Curve | None, *, batch_size: int) -> float | None:
    """Minutes spent in training steps, from the curve of images per second: None without one.

    Each point stands for the steps since the point before it (the first one since step 0), at its own pace. So time
    between the steps does not count: evaluations, checkpoints, and the days that an interrupted run lay still. A point
    without a pace, as after a single step that was not timed, leaves its steps to the next one.
    """
    if pace is None:
        return None
    timed = pace.values > 0
    steps, images_per_second = pace.steps[timed], pace.values[timed]
    if not steps.size:
        return None
    return float(np.sum(np.diff(steps, prepend=0) * batch_size / images_per_second) / 60)

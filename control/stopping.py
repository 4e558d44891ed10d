"""When a run stops before its last step, by what its evaluations found. Pure functions."""

import dataclasses
import math
import struct
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Stop:
    """The run ends with the evaluation at global step `step`; `why` says it to people, in one line."""

    step: int
    why: str


def first_stop(
    evaluations: Mapping[int, Mapping[str, float]],
    *,
    metric: str,
    accuracy: str,
    lower_is_better: bool,
    without_improvement: int | None,
    at_accuracy: float | None,
    upto_step: int,
) -> Stop | None:
    """Where and why a run with `evaluations`, metrics by global step, stops; None where it goes on.

    `metric` and `accuracy` are names of metrics. It stops at the first evaluation, none beyond `upto_step`, whose
    accuracy is `at_accuracy` or above, or that is the last of `without_improvement` in a row none of which is strictly
    better in `metric` than the best before them. None switches either off. What is not finite is never better; an
    evaluation that lacks `metric` does not count. The answer depends on nothing else, so a resumed run comes to the
    same.
    """
    sign = 1 if lower_is_better else -1
    best = math.inf
    best_step = None
    waited = 0
    for step in sorted(step for step in evaluations if step <= upto_step):
        reached = evaluations[step].get(accuracy, math.nan)
        if at_accuracy is not None and _reaches(reached, at_accuracy):
            return Stop(step, f"the accuracy of {reached:.4f} reaches --stop_at_accuracy={at_accuracy:g}")
        if metric not in evaluations[step]:
            continue
        value = sign * evaluations[step][metric]
        if math.isfinite(value) and value < best:
            best, best_step, waited = value, step, 0
        else:
            waited += 1
        if waited == without_improvement:
            goal = (
                "a finite number" if best_step is None else f"better than {sign * best:.4f}, that of step {best_step},"
            )
            last = "evaluation" if waited == 1 else f"{waited} evaluations"
            flag = f"--stop_after_evaluations_without_improvement={without_improvement}"
            return Stop(step, f"the {metric} was not {goal} in the last {last} ({flag})")
    return None


def _reaches(accuracy: float, threshold: float) -> bool:
    # Accuracies are computed in float32, where 900 right of 1,000 is 0.89999998: that reaches 0.9.
    (in_float32,) = struct.unpack("f", struct.pack("f", threshold))
    return math.isfinite(accuracy) and accuracy >= min(threshold, in_float32)

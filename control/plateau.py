"""When the learning rate steps down because an evaluation metric no longer gets better. Pure functions."""

import math
from collections.abc import Mapping

from settings.compute import SMALLEST


def reductions(evaluations: Mapping[int, float], *, patience: int, lower_is_better: bool, upto_step: int) -> list[int]:
    """The global steps, none beyond `upto_step`, of the evaluations at which the rate steps down.

    `evaluations` is the metric by global step. The rate steps down at an evaluation that is not strictly better than
    the best one, `patience` or more steps after that one or after the last step down, whichever came later. A metric
    that is not finite is never better. The answer depends on nothing else, so a resumed run comes to the same.
    """
    steps = sorted(step for step in evaluations if step <= upto_step)
    sign = 1 if lower_is_better else -1
    best = math.inf
    waiting_since = steps[0] if steps else 0
    found = []
    for step in steps:
        value = sign * evaluations[step]
        if math.isfinite(value) and value < best:
            best, waiting_since = value, step
        elif step - waiting_since >= patience:
            found.append(step)
            waiting_since = step
    return found


def plateau_factor(count: int, *, factor: float, learning_rate: float, minimum_learning_rate: float) -> float:
    """What `count` reductions multiply `learning_rate` by: `factor**count`, or what leaves the minimum, and never 0.

    A learning rate that is below the minimum by itself is left as it is: a plateau never raises it.
    """
    lowest = minimum_learning_rate / learning_rate
    if learning_rate * lowest < minimum_learning_rate:
        # The quotient was rounded down.
        lowest = math.nextafter(lowest, math.inf)
    return max(factor**count, min(1.0, lowest), SMALLEST)

"""Learning-rate schedules. One shape for all: checked numbers in, a function of the global step out.

The global step counts finished updates, so the schedule is asked with the step before the update it is used for.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

import settings

Schedule = Callable[[tf.Tensor], tf.Tensor]


def make_schedule(schedule: settings.PiecewiseConstant) -> Schedule:
    """The schedule that the settings describe."""
    return piecewise_constant(boundaries=schedule.boundaries, values=schedule.values)


def piecewise_constant(*, boundaries: Sequence[int], values: Sequence[float]) -> Schedule:
    """`values[i]` while `boundaries[i - 1] <= step < boundaries[i]`: the first `boundaries[0]` updates use `values[0]`.

    `tf.compat.v1.train.piecewise_constant` keeps a value while `step <= boundary`, so it is given `boundary - 1`.

    Returns:
      A function from a scalar int64 global step to a scalar float32 learning rate.

    Raises:
      ValueError: not one value more than boundaries; boundaries that do not rise or are not positive whole numbers
        (the framework takes those silently, and fails later or trains at the wrong rate); values that are not positive.
    """
    if len(values) != len(boundaries) + 1:
        raise ValueError(f"{len(boundaries)} boundaries need {len(boundaries) + 1} values, not {len(values)}")
    if any(int(b) != b or b <= 0 for b in boundaries) or list(boundaries) != sorted(set(boundaries)):
        raise ValueError(f"boundaries must be positive whole steps that rise, not {list(boundaries)}")
    if any(not math.isfinite(v) or v <= 0 for v in values):
        raise ValueError(f"values must be positive learning rates, not {list(values)}")

    def learning_rate(step: tf.Tensor) -> tf.Tensor:
        if not boundaries:
            return tf.constant(values[0], tf.float32)
        last_steps = [tf.constant(int(b) - 1, step.dtype) for b in boundaries]
        return tf.compat.v1.train.piecewise_constant(step, last_steps, [float(v) for v in values])

    return learning_rate

"""Learning-rate schedules. One shape for all: checked numbers in, a function of the global step out.

The global step counts finished updates, so the schedule is asked with the step before the update it is used for: `step`
below is 0 at the first update. A schedule takes it as a scalar integer tensor and gives a scalar float32. Decays have
reached their end at `step = decay_steps` and stay there, unless they say otherwise.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

import settings

Schedule = Callable[[tf.Tensor], tf.Tensor]

_decay = tf.compat.v1.train


def make_schedule(learning_rate: settings.LearningRate) -> Schedule:
    """The schedule that the settings describe."""
    described = learning_rate.schedule
    schedule = _SCHEDULES[type(described)](**vars(described))
    return with_warmup(scaled(schedule, learning_rate.scale), learning_rate.warmup)


def with_warmup(schedule: Schedule, warmup: int) -> Schedule:
    """`schedule(step) * min(1, (step + 1) / warmup)`: the update number `warmup` is the first at the full rate.

    The schedule beneath keeps its own time, so boundaries and decays stay where they are. Gradual warm-up of Goyal et
    al. 2017, section 2.2 (https://arxiv.org/abs/1706.02677).
    """
    if warmup < 0:
        raise ValueError(f"warm-up must be 0 steps or more, not {warmup}")
    if warmup == 0:
        return schedule

    def learning_rate(step: tf.Tensor) -> tf.Tensor:
        return schedule(step) * tf.minimum(1.0, (tf.cast(step, tf.float32) + 1.0) / warmup)

    return learning_rate


def scaled(schedule: Schedule, factor: float) -> Schedule:
    """`factor * schedule(step)`."""
    _check_positive(factor=factor)
    return schedule if factor == 1 else lambda step: schedule(step) * tf.constant(factor, tf.float32)


def constant(*, learning_rate: float) -> Schedule:
    """`learning_rate`."""
    _check_positive(learning_rate=learning_rate)
    return lambda step: tf.constant(learning_rate, tf.float32)


def piecewise_constant(*, boundaries: Sequence[int], values: Sequence[float]) -> Schedule:
    """`values[i]` while `boundaries[i - 1] <= step < boundaries[i]`: the first `boundaries[0]` updates use `values[0]`.

    `tf.compat.v1.train.piecewise_constant` keeps a value while `step <= boundary`, so it is given `boundary - 1`.

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
        return _decay.piecewise_constant(step, last_steps, [float(v) for v in values])

    return learning_rate


def exponential(*, learning_rate: float, decay_rate: float, decay_steps: int, staircase: bool) -> Schedule:
    """`learning_rate * decay_rate ** (step / decay_steps)`, the exponent rounded down with `staircase`. It never ends.

    `tf.compat.v1.train.exponential_decay`.
    """
    _check_positive(learning_rate=learning_rate, decay_rate=decay_rate, decay_steps=decay_steps)
    return lambda step: _decay.exponential_decay(learning_rate, step, decay_steps, decay_rate, staircase)


def natural_exponential(*, learning_rate: float, decay_rate: float, decay_steps: int, staircase: bool) -> Schedule:
    """`learning_rate * exp(-decay_rate * step / decay_steps)`, the quotient rounded down with `staircase`. No end.

    `tf.compat.v1.train.natural_exp_decay`.
    """
    _check_positive(learning_rate=learning_rate, decay_rate=decay_rate, decay_steps=decay_steps)
    return lambda step: _decay.natural_exp_decay(learning_rate, step, decay_steps, decay_rate, staircase)


def inverse_time(*, learning_rate: float, decay_rate: float, decay_steps: int, staircase: bool) -> Schedule:
    """`learning_rate / (1 + decay_rate * step / decay_steps)`, the quotient rounded down with `staircase`. No end.

    `tf.compat.v1.train.inverse_time_decay`.
    """
    _check_positive(learning_rate=learning_rate, decay_rate=decay_rate, decay_steps=decay_steps)
    return lambda step: _decay.inverse_time_decay(learning_rate, step, decay_steps, decay_rate, staircase)


def polynomial(
    *, learning_rate: float, minimum_learning_rate: float, decay_steps: int, power: float, cycle: bool
) -> Schedule:
    """`minimum + (learning_rate - minimum) * (1 - min(step, decay_steps) / decay_steps) ** power`.

    With `cycle`, `decay_steps` is instead multiplied by `ceil(step / decay_steps)`, 1 at step 0: each time the minimum
    is reached, the rate goes up to a lower peak, and down again. `tf.compat.v1.train.polynomial_decay`.
    """
    _check_positive(learning_rate=learning_rate, decay_steps=decay_steps, power=power)
    _check_minimum(minimum_learning_rate, learning_rate)
    return lambda step: _decay.polynomial_decay(
        learning_rate, step, decay_steps, minimum_learning_rate, power, cycle=cycle
    )


def cosine(*, learning_rate: float, minimum_learning_rate: float, decay_steps: int) -> Schedule:
    """`minimum + (learning_rate - minimum) * (1 + cos(pi * min(step, decay_steps) / decay_steps)) / 2`.

    Loshchilov and Hutter 2016 (https://arxiv.org/abs/1608.03983), without restarts. `tf.compat.v1.train.cosine_decay`.
    """
    _check_positive(learning_rate=learning_rate, decay_steps=decay_steps)
    _check_minimum(minimum_learning_rate, learning_rate)
    alpha = minimum_learning_rate / learning_rate
    return lambda step: _decay.cosine_decay(learning_rate, step, decay_steps, alpha)


def cosine_restarts(
    *,
    learning_rate: float,
    minimum_learning_rate: float,
    decay_steps: int,
    period_factor: float,
    restart_factor: float,
) -> Schedule:
    """`cosine` again and again; period `i` is `decay_steps * period_factor ** i` long.

    It starts at `learning_rate * restart_factor ** i` and falls to `minimum_learning_rate`:
    `minimum + (learning_rate - minimum) * restart_factor ** i * (1 + cos(pi * t)) / 2`, `t` the part of the period that
    is over. SGDR of Loshchilov and Hutter 2016 (https://arxiv.org/abs/1608.03983). Not
    `tf.compat.v1.train.cosine_decay_restarts`, which restarts a step late where its float32 logarithms round down: with
    `period_factor` 10 at most restarts.
    """
    _check_positive(learning_rate=learning_rate, decay_steps=decay_steps, restart_factor=restart_factor)
    _check_minimum(minimum_learning_rate, learning_rate)
    if period_factor < 1:
        raise ValueError(f"period_factor must be at least 1, not {period_factor}: periods would shrink to nothing")

    def rate(step: tf.Tensor) -> tf.Tensor:
        period, share = _period(step, first=decay_steps, factor=period_factor)
        over = restart_factor**period * _decay.cosine_decay(1.0, share, 1)
        return minimum_learning_rate + (learning_rate - minimum_learning_rate) * over

    return rate


def _period(step: tf.Tensor, *, first: int, factor: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Which period `step` is in, from 0, and the share of it that is over. Period i has `first * factor**i` steps."""
    periods = tf.cast(step, tf.float64) / first
    if factor == 1:
        period = tf.floor(periods)
        share = periods - period
    else:
        # The number of whole periods n solves (factor**n - 1) / (factor - 1) = periods. At a restart that is a whole
        # number, and rounding must not put it below.
        period = tf.floor(tf.math.log(1 + periods * (factor - 1)) / tf.constant(math.log(factor), tf.float64) + 1e-9)
        length = factor**period
        share = (periods - (length - 1) / (factor - 1)) / length
    return tf.cast(period, tf.float32), tf.cast(tf.maximum(share, 0), tf.float32)


def linear_cosine(*, learning_rate: float, minimum_learning_rate: float, decay_steps: int) -> Schedule:
    """`minimum + (learning_rate - minimum) * (1 - t) * (1 + cos(pi * t)) / 2` with `t = min(step / decay_steps, 1)`.

    Bello et al. 2017 (https://arxiv.org/abs/1709.07417), `tf.compat.v1.train.linear_cosine_decay` with half a period.
    """
    _check_positive(learning_rate=learning_rate, decay_steps=decay_steps)
    _check_minimum(minimum_learning_rate, learning_rate)

    def rate(step: tf.Tensor) -> tf.Tensor:
        over = _decay.linear_cosine_decay(1.0, step, decay_steps, num_periods=0.5, alpha=0.0, beta=0.0)
        return minimum_learning_rate + (learning_rate - minimum_learning_rate) * over

    return rate


def one_cycle(
    *, learning_rate: float, minimum_learning_rate: float, decay_steps: int, rise_steps: int, rise_factor: float
) -> Schedule:
    """Half a cosine up from `learning_rate / rise_factor` to `learning_rate`, and half a cosine down to the minimum.

    Up while `step < rise_steps`: `low + (learning_rate - low) * (1 - cos(pi * step / rise_steps)) / 2`; down until
    `decay_steps`. Smith and Topin 2017 (https://arxiv.org/abs/1708.07120) with cosines for the straight lines; momentum
    is not cycled. Both halves are `tf.compat.v1.train.cosine_decay`.
    """
    _check_positive(learning_rate=learning_rate, decay_steps=decay_steps, rise_steps=rise_steps)
    _check_minimum(minimum_learning_rate, learning_rate)
    if rise_steps >= decay_steps:
        raise ValueError(f"rise_steps {rise_steps} must be below decay_steps {decay_steps}")
    if rise_factor < 1:
        raise ValueError(f"rise_factor must be at least 1, not {rise_factor}")
    low = learning_rate / rise_factor
    fall = cosine(
        learning_rate=learning_rate,
        minimum_learning_rate=minimum_learning_rate,
        decay_steps=decay_steps - rise_steps,
    )

    def rate(step: tf.Tensor) -> tf.Tensor:
        rise = learning_rate - (learning_rate - low) * _decay.cosine_decay(1.0, step, rise_steps)
        return tf.where(step < rise_steps, rise, fall(tf.maximum(step - rise_steps, 0)))

    return rate


def plateau(*, learning_rate: float, **evaluated_outside: object) -> Schedule:
    """`learning_rate`. Its steps down follow evaluations: `hooks/live_learning_rate.py` makes them."""
    del evaluated_outside
    return constant(learning_rate=learning_rate)


def range_test(*, smallest: float, largest: float, steps: int) -> Schedule:
    """`smallest * (largest / smallest) ** (step / (steps - 1))`: from `smallest` to `largest` over `steps` updates.

    Smith 2015 (https://arxiv.org/abs/1506.01186), section 3.3, exponential instead of linear.
    """
    _check_positive(smallest=smallest, largest=largest, steps=steps - 1)
    if smallest >= largest:
        raise ValueError(f"smallest {smallest} must be below largest {largest}")
    return exponential(learning_rate=smallest, decay_rate=largest / smallest, decay_steps=steps - 1, staircase=False)


_SCHEDULES: dict[type, Callable[..., Schedule]] = {
    settings.Constant: constant,
    settings.PiecewiseConstant: piecewise_constant,
    settings.Exponential: exponential,
    settings.NaturalExponential: natural_exponential,
    settings.InverseTime: inverse_time,
    settings.Polynomial: polynomial,
    settings.Cosine: cosine,
    settings.CosineRestarts: cosine_restarts,
    settings.LinearCosine: linear_cosine,
    settings.OneCycle: one_cycle,
    settings.Plateau: plateau,
    settings.RangeTest: range_test,
}


def _check_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not math.isfinite(number) or number <= 0:
            raise ValueError(f"{name} must be a finite number above 0, not {number}")


def _check_minimum(minimum: float, learning_rate: float) -> None:
    if not 0 <= minimum < learning_rate:
        raise ValueError(f"minimum_learning_rate {minimum} must be at least 0 and below learning_rate {learning_rate}")

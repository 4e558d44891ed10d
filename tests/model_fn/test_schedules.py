import typing

import numpy as np
import pytest
import tensorflow as tf

import settings
from model_fn import schedules
from tests.common import make_learning_rate


def rates(schedule, steps, dtype=tf.int64):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.placeholder(dtype, [])
        rate = schedule(step)
        return [float(session.run(rate, {step: s})) for s in steps]


def make(schedule, **changes):
    return schedules.make_schedule(make_learning_rate(schedule, **changes))


def by_counting(boundaries, values, steps):
    """The second formula: the value's index is the number of boundaries reached."""
    return [np.float32(values[np.searchsorted(boundaries, step, side="right")]) for step in steps]


def test_the_notebooks_boundary():
    """12,000 updates (steps 0 to 11,999) at 0.1, as with `tf.less(step, 12000)`."""
    schedule = make(settings.PiecewiseConstant(boundaries=(12000,), values=(0.1, 0.01)))
    steps = [0, 11_999, 12_000, 12_001, 1_000_000]
    assert rates(schedule, steps) == [np.float32(v) for v in (0.1, 0.1, 0.01, 0.01, 0.01)]


@pytest.mark.parametrize("dtype", [tf.int64, tf.int32])
def test_piecewise_constant_either_side_of_each_boundary(dtype):
    boundaries, values = [1, 10, 25], [0.5, 0.1, 1, 0.001]
    steps = [0, 1, 2, 9, 10, 11, 24, 25, 26, 1000]
    schedule = schedules.piecewise_constant(boundaries=boundaries, values=values)
    assert rates(schedule, steps, dtype) == by_counting(boundaries, values, steps)


def test_no_boundary_is_a_constant():
    assert rates(schedules.piecewise_constant(boundaries=[], values=[0.3]), [0, 7]) == [np.float32(0.3)] * 2


RATE, MINIMUM, STEPS = 0.1, 0.004, 90
# The start, either side of every edge below, the end and past it.
EDGES = (0, 1, 29, 30, 31, 44, 45, 46, 89, 90, 91, 209, 210, 211, 629, 630, 631, 10_000)


def cosine_between(high, low, t):
    """Half a cosine as a rotation: the real part of a point that goes half round a circle."""
    return low + (high - low) * np.real(1 + np.exp(1j * np.pi * np.clip(t, 0, 1))) / 2


def restarts(step, period_factor, restart_factor):
    """Walks through the periods one by one."""
    start, length, peak = 0.0, float(STEPS), 1.0
    while step >= start + length:
        start, length, peak = start + length, length * period_factor, peak * restart_factor
    return MINIMUM + (cosine_between(RATE, MINIMUM, (step - start) / length) - MINIMUM) * peak


def cycle(step, power):
    cycles = max(1, -(-step // STEPS))  # Rounded up, in whole numbers.
    return MINIMUM + (RATE - MINIMUM) * (1 - step / (STEPS * cycles)) ** power


def one_cycle(step, low):
    if step < 30:
        return cosine_between(low, RATE, step / 30)
    return cosine_between(RATE, MINIMUM, (step - 30) / (STEPS - 30))


DECAY: dict[str, typing.Any] = {"learning_rate": RATE, "decay_steps": STEPS}
TO_MINIMUM: dict[str, typing.Any] = {**DECAY, "minimum_learning_rate": MINIMUM}
FORMULAS = {
    "constant": (settings.Constant(RATE), lambda step: RATE),
    "plateau": (settings.Plateau(RATE, MINIMUM, 10, 0.1, settings.Metric.LOSS), lambda step: RATE),
    "exponential": (
        settings.Exponential(**DECAY, decay_rate=0.5, staircase=False),
        lambda step: RATE * np.exp2(-step / STEPS),
    ),
    "exponential staircase": (
        settings.Exponential(**DECAY, decay_rate=0.5, staircase=True),
        lambda step: RATE / 2 ** (step // STEPS),
    ),
    "natural_exponential": (
        settings.NaturalExponential(**DECAY, decay_rate=1.5, staircase=False),
        lambda step: RATE * np.e ** (-1.5 * step / STEPS),
    ),
    "natural_exponential staircase": (
        settings.NaturalExponential(**DECAY, decay_rate=1.5, staircase=True),
        lambda step: RATE * np.e ** (-1.5 * (step // STEPS)),
    ),
    "inverse_time": (
        settings.InverseTime(**DECAY, decay_rate=3.0, staircase=False),
        lambda step: RATE * STEPS / (STEPS + 3 * step),
    ),
    "inverse_time staircase": (
        settings.InverseTime(**DECAY, decay_rate=3.0, staircase=True),
        lambda step: RATE / (1 + 3 * (step // STEPS)),
    ),
    "polynomial": (
        settings.Polynomial(**TO_MINIMUM, power=2.0, cycle=False),
        lambda step: MINIMUM + (RATE - MINIMUM) * (max(STEPS - step, 0) / STEPS) ** 2,
    ),
    "polynomial line": (
        settings.Polynomial(**TO_MINIMUM, power=1.0, cycle=False),
        lambda step: np.interp(step, [0, STEPS], [RATE, MINIMUM]),
    ),
    "polynomial cycle": (settings.Polynomial(**TO_MINIMUM, power=1.5, cycle=True), lambda step: cycle(step, 1.5)),
    "cosine": (settings.Cosine(**TO_MINIMUM), lambda step: cosine_between(RATE, MINIMUM, step / STEPS)),
    "cosine_restarts": (
        settings.CosineRestarts(**TO_MINIMUM, period_factor=2.0, restart_factor=0.5),
        lambda step: restarts(step, 2.0, 0.5),
    ),
    "cosine_restarts of one length": (
        settings.CosineRestarts(**TO_MINIMUM, period_factor=1.0, restart_factor=1.0),
        lambda step: restarts(step, 1.0, 1.0),
    ),
    "linear_cosine": (
        settings.LinearCosine(**TO_MINIMUM),
        lambda step: MINIMUM + (cosine_between(RATE, MINIMUM, step / STEPS) - MINIMUM) * max(1 - step / STEPS, 0),
    ),
    "one_cycle": (
        settings.OneCycle(**TO_MINIMUM, rise_steps=30, rise_factor=25.0),
        lambda step: one_cycle(step, RATE / 25),
    ),
    "range_test": (
        settings.RangeTest(1e-4, 1.0, STEPS + 1),
        lambda step: 10 ** (-4 + 4 * step / STEPS),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_schedules_follow_a_second_formula(name):
    described, formula = FORMULAS[name]
    edges = [step for step in EDGES if name != "range_test" or step <= STEPS]
    np.testing.assert_allclose(rates(make(described), edges), [formula(step) for step in edges], rtol=2e-5, atol=1e-40)


def test_there_is_a_formula_for_every_schedule():
    tested = {type(described) for described, _ in FORMULAS.values()} | {settings.PiecewiseConstant}
    assert tested == set(typing.get_args(settings.Schedule))


@pytest.mark.parametrize("decay_steps", [4, 100, 2856])
@pytest.mark.parametrize("period_factor", [1.0, 1.5, 2.0, 3.0, 5.0, 10.0])
def test_restarts_come_on_their_step_however_late(period_factor, decay_steps):
    """The period is the whole part of a logarithm, which rounding must not put one step late."""
    described = settings.CosineRestarts(1.0, 0.0, decay_steps, period_factor=period_factor, restart_factor=1.0)
    starts = [sum(decay_steps * period_factor**i for i in range(n)) for n in range(1, 7)]
    steps = [int(start) for start in starts if start == int(start)]
    assert len(steps) >= 2
    np.testing.assert_allclose(rates(make(described), steps), 1, rtol=2e-5)


@pytest.mark.parametrize("name", ["constant", "cosine", "one_cycle", "exponential staircase"])
def test_warmup_multiplies_any_schedule(name):
    """A tenth of the rate at the first of ten updates, all of it at the tenth, and nothing after."""
    described, formula = FORMULAS[name]
    steps = [0, 1, 8, 9, 10, 11, 90, 91]
    expected = [formula(step) * ramp for step, ramp in zip(steps, [0.1, 0.2, 0.9, 1, 1, 1, 1, 1], strict=True)]
    np.testing.assert_allclose(rates(make(described, warmup=10), steps), expected, rtol=2e-5)


def test_warmup_leaves_boundaries_where_they_are():
    schedule = make(settings.PiecewiseConstant(boundaries=(8,), values=(1.0, 0.1)), warmup=4)
    np.testing.assert_allclose(rates(schedule, [0, 3, 7, 8]), [0.25, 1, 1, 0.1], rtol=2e-5)


def test_scale_multiplies_any_schedule():
    described, formula = FORMULAS["cosine"]
    expected = [4 * formula(step) for step in EDGES]
    np.testing.assert_allclose(rates(make(described, scale=4.0), EDGES), expected, rtol=2e-5)


def test_a_step_of_int32_will_do():
    for described, formula in FORMULAS.values():
        assert rates(make(described), [7], tf.int32)[0] == pytest.approx(formula(7), rel=2e-5)


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (settings.Constant(0.0), "learning_rate must be a finite number above 0, not 0.0"),
        (settings.Constant(float("inf")), "learning_rate must be a finite number above 0, not inf"),
        (settings.Exponential(0.1, 0.0, 10, False), "decay_rate must be"),
        (settings.NaturalExponential(0.1, 1.0, 0, False), "decay_steps must be"),
        (settings.InverseTime(0.1, float("nan"), 10, False), "decay_rate must be"),
        (settings.Polynomial(0.1, 0.0, 10, 0.0, False), "power must be"),
        (settings.Cosine(0.1, 0.1, 10), "minimum_learning_rate 0.1 must be at least 0 and below learning_rate 0.1"),
        (settings.LinearCosine(0.1, -1.0, 10), "minimum_learning_rate -1.0"),
        (settings.CosineRestarts(0.1, 0.0, 10, 0.5, 1.0), "period_factor must be at least 1, not 0.5"),
        (settings.OneCycle(0.1, 0.0, 10, 10, 25.0), "rise_steps 10 must be below decay_steps 10"),
        (settings.OneCycle(0.1, 0.0, 10, 5, 0.5), "rise_factor must be at least 1"),
        (settings.RangeTest(1.0, 0.1, 10), "smallest 1.0 must be below largest 0.1"),
    ],
)
def test_numbers_that_make_no_schedule_are_refused_at_construction(described, message):
    with pytest.raises(ValueError, match=message):
        make(described)


def test_a_negative_warmup_is_refused():
    with pytest.raises(ValueError, match="warm-up must be 0 steps or more, not -1"):
        make(settings.Constant(0.1), warmup=-1)


@pytest.mark.parametrize(
    ("boundaries", "values", "message"),
    [
        ([10], [0.1], "need 2 values, not 1"),
        ([10, 5], [0.1, 0.01, 0.001], "rise"),
        ([10, 10], [0.1, 0.01, 0.001], "rise"),
        ([0], [0.1, 0.01], "positive whole steps"),
        ([1.5], [0.1, 0.01], "positive whole steps"),
        ([10], [0.1, 0.0], "positive learning rates"),
        ([10], [0.1, float("nan")], "positive learning rates"),
    ],
)
def test_wrong_numbers_are_refused_at_construction(boundaries, values, message):
    with pytest.raises(ValueError, match=message):
        schedules.piecewise_constant(boundaries=boundaries, values=values)

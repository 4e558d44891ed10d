import math

import pytest

from control.state import Action, Request, State, apply, check
from settings.compute import LARGEST, SMALLEST
from tests.control.common import NEUTRAL


def after(*requests, start=NEUTRAL):
    state = start
    for action, value in requests:
        state = apply(state, Request(action, value))
    return state


def used(state, scheduled):
    return scheduled * state.factor * state.plateau if state.rate is None else state.rate


def test_nothing_asked_for_leaves_the_schedule():
    assert used(NEUTRAL, 0.3) == 0.3


def test_a_rate_that_is_set_holds_whatever_came_before():
    state = State(rate=None, factor=0.5, plateau=0.25)
    assert after((Action.SET, 0.02), start=state) == State(rate=0.02, factor=1.0, plateau=0.25)


def test_a_factor_multiplies_what_is_in_force():
    assert after((Action.SCALE, 0.5), (Action.SCALE, 0.5)) == State(rate=None, factor=0.25, plateau=1.0)
    assert after((Action.SET, 0.25), (Action.SCALE, 0.5)) == State(rate=0.125, factor=1.0, plateau=1.0)
    assert after((Action.SCALE, 4), start=State(None, 1.0, 0.1)) == State(rate=None, factor=4.0, plateau=0.1)


@pytest.mark.parametrize("before", [State(0.5, 1.0, 0.1), State(None, 3.0, 0.1)])
def test_release_goes_back_to_the_schedule_and_keeps_the_plateau(before):
    assert after((Action.RELEASE, None), start=before) == State(rate=None, factor=1.0, plateau=0.1)


def test_a_whole_number_becomes_a_float():
    state = after((Action.SET, 1))
    assert isinstance(state.rate, float) and state.rate == 1.0


@pytest.mark.parametrize("action", [Action.SET, Action.SCALE])
@pytest.mark.parametrize(
    ("value", "phrase"),
    [
        (None, "needs a number, not None"),
        ("0.1", "needs a number, not '0.1'"),
        (True, "needs a number, not True"),
        ([0.1], "needs a number"),
        (0, "needs a positive, finite number, not 0"),
        (-0.1, "needs a positive, finite number, not -0.1"),
        (math.nan, "needs a positive, finite number, not nan"),
        (math.inf, "needs a positive, finite number, not inf"),
        (10**400, "needs a positive, finite number, not 1000"),
    ],
)
def test_a_value_that_is_no_positive_number_is_refused(action, value, phrase):
    for refuses in (check, lambda request: apply(NEUTRAL, request)):
        with pytest.raises(ValueError, match=rf"^{action.value} {phrase}") as error:
            refuses(Request(action, value))
        assert len(str(error.value)) < 100


def test_a_release_has_no_value():
    with pytest.raises(ValueError, match="release takes no value, not 0.1"):
        apply(NEUTRAL, Request(Action.RELEASE, 0.1))


@pytest.mark.parametrize("value", [SMALLEST, LARGEST])
def test_the_bounds_of_float32_are_within(value):
    assert after((Action.SET, value)).rate == after((Action.SCALE, value)).factor == value


@pytest.mark.parametrize("value", [math.nextafter(SMALLEST, 0), math.nextafter(LARGEST, math.inf), 1e300])
def test_what_float32_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match=r"the learning rate would be .* between 1.17549e-38 and 3.40282e\+38"):
        after((Action.SET, value))
    with pytest.raises(ValueError, match="the factor would be"):
        after((Action.SCALE, value))


@pytest.mark.parametrize(
    ("start", "factor", "phrase"),
    [
        (State(1e30, 1.0, 1.0), 1e30, "the learning rate would be 1e[+]60"),
        (State(1e-30, 1.0, 1.0), 1e-30, "the learning rate would be 1e-60"),
        (State(None, 1e30, 1.0), 1e300, "the factor would be inf"),
        (State(None, 1e-30, 1.0), 1e-300, "the factor would be 0"),
    ],
)
def test_a_product_that_float32_cannot_hold_is_refused(start, factor, phrase):
    with pytest.raises(ValueError, match=phrase):
        after((Action.SCALE, factor), start=start)

"""What is in force beside the schedule, and how a request changes it. Nothing here knows files."""

import dataclasses
import sys

from settings import Action, Request
from settings.compute import LARGEST, SMALLEST


@dataclasses.dataclass(frozen=True)
class State:
    """The rate used is `rate` where it is set, else `schedule(step) * factor * plateau`."""

    rate: float | None
    factor: float
    plateau: float


def check(request: Request) -> None:
    """Refuses what no state could make sense of.

    Raises:
      ValueError: the value is not a positive, finite number; a release has a value.
    """
    action, value = request.action.value, request.value
    if request.action is Action.RELEASE:
        if value is not None:
            raise ValueError(f"{action} takes no value, not {value!r:.40}")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{action} needs a number, not {value!r:.40}")
    # JSON has whole numbers that no float can hold.
    elif not 0 < value <= sys.float_info.max:
        raise ValueError(f"{action} needs a positive, finite number, not {value!r:.40}")


def apply(state: State, request: Request) -> State:
    """The state after `request`. What a plateau has done stays.

    Raises:
      ValueError: `check` refuses the request; the result is not a normal float32.
    """
    check(request)
    if request.value is None:
        return State(rate=None, factor=1.0, plateau=state.plateau)
    value = float(request.value)
    if request.action is Action.SET:
        return State(rate=_held("learning rate", value), factor=1.0, plateau=state.plateau)
    if state.rate is not None:
        return dataclasses.replace(state, rate=_held("learning rate", state.rate * value))
    return dataclasses.replace(state, factor=_held("factor", state.factor * value))


def _held(name: str, value: float) -> float:
    if not SMALLEST <= value <= LARGEST:
        raise ValueError(f"the {name} would be {value:g}; it must be between {SMALLEST:g} and {LARGEST:g}")
    return value

"""Durations as people say them: `12000` steps, `15e` epochs, `60%` of the run. They become steps once, here."""

import dataclasses
import decimal
import enum
import math
import re


class Unit(enum.Enum):
    """How a duration was given; the value is what is written after the number."""

    STEPS = ""
    EPOCHS = "e"
    PERCENT = "%"


@dataclasses.dataclass(frozen=True)
class Duration:
    """`amount` is a whole number where the unit is steps."""

    amount: float
    unit: Unit

    def __str__(self) -> str:
        # Not :g, which would round a late step, and write a very small percentage with an exponent.
        return f"{decimal.Decimal(repr(self.amount)):f}".removesuffix(".0") + self.unit.value


_WRITTEN = re.compile(r"(?P<amount>[0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)(?P<unit>e|%|)")


def parse(text: str) -> Duration | None:
    """Reads one; None where `text` is none. Steps are whole, percent at most 100."""
    match = _WRITTEN.fullmatch(text.strip())
    if not match:
        return None
    duration = Duration(float(match["amount"]), Unit(match["unit"]))
    if duration.unit is Unit.STEPS and not match["amount"].isdigit():
        return None
    return None if duration.unit is Unit.PERCENT and duration.amount > 100 else duration


def to_steps(duration: Duration, *, steps_per_epoch: float, train_steps: int) -> int:
    """The nearest whole number of steps; of any duration but nothing at least one.

    `steps_per_epoch` is the number of training examples divided by the batch size, not rounded: batches run on from
    one epoch into the next. `train_steps` is the length of the run. Each is read for its own unit only.
    """
    if duration.unit is Unit.STEPS:
        return int(duration.amount)
    whole = steps_per_epoch if duration.unit is Unit.EPOCHS else train_steps / 100
    return max(math.floor(duration.amount * whole + 0.5), 1) if duration.amount else 0

"""Numbers of several rounds, and what they come to."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

Name = TypeVar("Name")


class Spread(NamedTuple):
    """Of one number a round."""

    median: float
    lowest: float
    highest: float


def spread(values: Sequence[float]) -> Spread:
    """Median, lowest and highest of `values`, of which there is at least one."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """`values` over `others`, round by round: what a machine wavers by from round to round cancels."""
    return [value / other for value, other in zip(values, others, strict=True)]


def rotated(names: Sequence[Name], number: int) -> list[Name]:
    """`names` in the order of round `number`: each round starts at the next, so that none always follows the same."""
    first = number % len(names)
    return [*names[first:], *names[:first]]

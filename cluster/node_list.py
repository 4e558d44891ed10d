"""Slurm's way to write many host names in one text, as in SLURM_STEP_NODELIST: `n[1-3,08],gpu-a`."""

import itertools
import re
from collections.abc import Iterator

from settings import UserError

LARGEST = 65_536  # hosts; Slurm's own limit is lower
_LONGEST = 2**16  # characters
_NAME = r"[A-Za-z0-9_.-]"
_RANGE = r"\d{1,9}(?:-\d{1,9})?"
_PART = re.compile(rf"(?P<plain>{_NAME}+)|\[(?P<ranges>{_RANGE}(?:,{_RANGE})*)\]", re.ASCII)
_HOSTS = re.compile(rf"(?:{_NAME}|\[{_RANGE}(?:,{_RANGE})*\])+", re.ASCII)


def expand(text: str) -> list[str]:
    """The host names in the order in which they stand there, which is that of Slurm's ranks: n2 comes before n10.

    A number keeps its leading zeros: `n[08-10]` is n08, n09, n10. Of several brackets the last counts fastest.

    Raises:
      UserError: the text is no such list, or stands for too many hosts.
    """
    if len(text) > _LONGEST:
        raise UserError(f"a node list of {len(text)} characters is too long; {_LONGEST} are the most")
    hosts: list[str] = []
    place = 0
    while match := _HOSTS.match(text, place):
        hosts += itertools.islice(_expanded(match[0]), LARGEST + 1)
        if len(hosts) > LARGEST:
            raise UserError(f"node list {text!r:.80}: it stands for more than {LARGEST} hosts")
        place = match.end()
        if place == len(text):
            return hosts
        if text[place] != ",":
            break
        place += 1
    raise UserError(
        f"node list {text!r:.80}: character {place + 1} cannot be read; give names such as n[1-3,08],gpu-a, as"
        " SLURM_STEP_NODELIST has them"
    )


def _expanded(name: str) -> Iterator[str]:
    parts = [[match["plain"]] if match["plain"] else _numbers(match["ranges"]) for match in _PART.finditer(name)]
    return map("".join, itertools.product(*parts))


def _numbers(ranges: str) -> list[str]:
    numbers: list[str] = []
    for each in ranges.split(","):
        first, _, last = each.partition("-")
        count = int(last or first) - int(first) + 1
        if count < 1:
            raise UserError(f"node list: the range {each} does not rise; give the smaller number first")
        if len(numbers) + count > LARGEST:
            raise UserError(f"node list: [{ranges:.40}] stands for more than {LARGEST} hosts")
        numbers += [f"{number:0{len(first)}d}" for number in range(int(first), int(first) + count)]
    return numbers

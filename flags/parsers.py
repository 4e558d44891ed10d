"""What the text after a flag's = may be. A parser gives the value or says in one line what the text must be."""

import enum
import math
import re
from typing import Any

from absl import flags

from flags import durations
from flags.messages import is_one_line
from settings.compute import LARGEST, SMALLEST

_LARGEST = {int: 2**31 - 1, float: LARGEST}


class Number(flags.ArgumentParser):
    """A finite number, at least `low` and less than `below`."""

    def __init__(self, kind: type[int] | type[float], *, low: float = -math.inf, below: float = math.inf):
        self._kind, self._low, self._below = kind, low, below
        self.syntactic_help = self._description()

    def parse(self, argument):
        value = _read(self._kind, argument)
        if value is None or not self._low <= value < self._below:
            raise ValueError(f"must be {self._description()}")
        if abs(value) > _LARGEST[self._kind]:
            raise ValueError(f"must be at most {_LARGEST[self._kind]:.10g}")
        return value

    def flag_type(self):
        return self._kind.__name__

    def _description(self) -> str:
        bounds = [f"at least {self._low}"] if self._low > -math.inf else []
        bounds += [f"below {self._below}"] if self._below < math.inf else []
        return " ".join(["a whole number" if self._kind is int else "a finite number", " and ".join(bounds)]).strip()


class Positive(flags.ArgumentParser):
    """A finite number above zero."""

    syntactic_help = "a finite number above 0"

    def parse(self, argument):
        value = _read(float, argument)
        if value is None or not 0 < value < math.inf:
            raise ValueError(f"must be {self.syntactic_help}")
        if not SMALLEST <= value <= LARGEST:
            raise ValueError(f"must be between {SMALLEST:.3g} and {LARGEST:.3g}")
        return value

    def flag_type(self):
        return "float"


class Share(flags.ArgumentParser):
    """A share of something, not less than half of it."""

    syntactic_help = "a number from 0.5 to 1"

    def parse(self, argument):
        value = _read(float, argument)
        if value is None or not 0.5 <= value <= 1:
            raise ValueError(f"must be {self.syntactic_help}")
        return value

    def flag_type(self):
        return "float"


class Line(flags.ArgumentParser):
    """Text that can be printed on one line."""

    def parse(self, argument):
        text = str(super().parse(argument))
        if not is_one_line(text):
            raise ValueError("must be text on one line, without control characters")
        return text


class Text(Line):
    """A line that is not blank."""

    def parse(self, argument):
        text = super().parse(argument)
        if not text.strip():
            raise ValueError("must not be empty; give a value, or leave the flag out")
        return text


class DatasetName(flags.ArgumentParser):
    """The name of a data set that comes with tensorflow-datasets.

    Those of namespaces (huggingface:mnist) are refused: they are fetched with Python code, which would run here.
    """

    syntactic_help = (
        "a name of tensorflow-datasets' own catalogue, with a configuration or a version (name:1.2.3) if any"
    )

    def parse(self, argument):
        if not re.fullmatch(r"\w+(/[\w+-][\w.+-]*)*(:[0-9*]+(\.[0-9*]+){2})?", argument, re.ASCII):
            raise ValueError(f"must be {self.syntactic_help}")
        return argument


class Host(flags.ArgumentParser):
    """The address of a machine, or its name."""

    syntactic_help = "an address or name of this machine"

    def parse(self, argument):
        labels = argument.removesuffix(".").split(".")
        is_name = len(argument) < 254 and all(re.fullmatch(r"[\w-]{1,63}", label, re.ASCII) for label in labels)
        if not is_name and not re.fullmatch(r"(?=.*:)[\w:.%-]{2,80}", argument, re.ASCII):  # The latter is IPv6.
            raise ValueError(f"must be {self.syntactic_help}")
        return argument


class FileName(flags.ArgumentParser):
    """The name of a file or folder that is there. It may be of any bytes, unlike those that a run is to write."""

    syntactic_help = "a file or folder"

    def parse(self, argument):
        if not argument:
            raise ValueError(f"must be {self.syntactic_help}")
        return super().parse(argument)


class Duration(flags.ArgumentParser):
    """A duration in steps, epochs or, unless it is the length of the run itself, percent of the run."""

    def __init__(self, *, percent: bool = True):
        self._percent = percent
        self.syntactic_help = "steps (12000) or epochs (15e)" + (" or percent of the run (60%)" if percent else "")

    def parse(self, argument):
        if isinstance(argument, durations.Duration):
            return argument
        duration = durations.parse(str(argument))
        if duration is None or (duration.unit is durations.Unit.PERCENT and not self._percent):
            raise ValueError(f"must be in {self.syntactic_help}")
        return duration

    def flag_type(self):
        return "duration"


class List(flags.ArgumentParser):
    """Comma-separated values, each read by another parser; an empty text is an empty list."""

    def __init__(self, element: flags.ArgumentParser):
        self._element = element
        self.syntactic_help = f"comma-separated, each {element.syntactic_help}"

    def parse(self, argument):
        if not isinstance(argument, str):
            return [self._element.parse(part) for part in argument]
        try:
            return [self._element.parse(part.strip()) for part in argument.split(",")] if argument.strip() else []
        except ValueError as error:
            raise ValueError(
                f"must be comma-separated, and each value {str(error).removeprefix('must be ')}"
            ) from error

    def flag_type(self):
        return f"list of {self._element.flag_type()}"


class Steps(flags.ArgumentParser):
    """Two steps, the first and the one after the last, as in 100:110."""

    syntactic_help = "FIRST:END, such as 100:110"

    def parse(self, argument):
        if not isinstance(argument, str):
            return argument
        match = re.fullmatch(r"([0-9]{1,15}):([0-9]{1,15})", argument.strip())
        if not match or int(match[1]) >= int(match[2]):
            raise ValueError("must be FIRST:END with FIRST below END, such as 100:110")
        return int(match[1]), int(match[2])

    def flag_type(self):
        return "steps"


class Boolean(flags.BooleanParser):
    """absl's, with a message for people."""

    def parse(self, argument):
        try:
            return super().parse(argument)
        except ValueError as error:
            raise ValueError("must be true or false") from error


def _read(kind: type[int] | type[float], argument: Any) -> float | None:
    """The number that `argument` is; None where it is none, or only to Python: 1_000, or another script's digits."""
    if isinstance(argument, str) and ("_" in argument or not argument.isascii()):
        return None
    try:
        return kind(argument)
    except (ValueError, OverflowError):
        return None


def member_of(kind: type[enum.Enum]) -> flags.ArgumentParser:
    """One of an enum's values."""
    parser = flags.EnumClassParser(kind, case_sensitive=False)
    parser.syntactic_help = f"one of {', '.join(member.value for member in kind)}"
    return parser

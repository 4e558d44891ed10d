"""What the text after a flag's = may be. A parser gives the value or says in one line what the text must be."""

import enum
import math
import re

from absl import flags

from flags import durations


class Number(flags.ArgumentParser):
    """A finite number, at least `low` and less than `below`."""

    def __init__(self, kind: type[int] | type[float], *, low: float = -math.inf, below: float = math.inf):
        self._kind, self._low, self._below = kind, low, below
        self.syntactic_help = self._description()

    def parse(self, argument):
        try:
            value = self._kind(argument)
        except (ValueError, OverflowError):
            value = None
        if value is None or not self._low <= value < self._below or not math.isfinite(value):
            raise ValueError(f"must be {self._description()}")
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
        try:
            value = float(argument)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise ValueError("must be a finite number above 0")
        return value

    def flag_type(self):
        return "float"


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
        match = re.fullmatch(r"(\d{1,15}):(\d{1,15})", argument.strip())
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


def member_of(kind: type[enum.Enum]) -> flags.ArgumentParser:
    """One of an enum's values."""
    parser = flags.EnumClassParser(kind, case_sensitive=False)
    parser.syntactic_help = f"one of {', '.join(member.value for member in kind)}"
    return parser

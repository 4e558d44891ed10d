"""Flagfiles: `--flagfile=FILE` stands for the flags in FILE, one a line.

absl can read them itself. It passes over a file that includes itself and over a name that is missing, takes any text
for arguments, and does not say where a wrong flag stands.
"""

import dataclasses
import os
import re
from collections.abc import Collection, Iterator, Sequence

from flags.messages import one_line
from settings import UserError

LONGEST = 2**20  # bytes
_FLAGFILE = "flagfile"
_COMMENTS = ("#", "//")
_HOW = "a flagfile holds one --name=value a line, and comments after #"


@dataclasses.dataclass(frozen=True)
class Argument:
    """`text` is a flag with its value. `origin` names the flagfile and the line that it stands in, if it does."""

    text: str
    origin: str


def expanded(arguments: Sequence[str], *, taking_values: Collection[str]) -> list[Argument]:
    """A command line, without the program's name, in which each flagfile is replaced by what it holds.

    Flags are written --name=value, also those that were given as --name value; `taking_values` names those that need
    one.

    Raises:
      UserError: a flag without its value; a flagfile that cannot be read, or includes itself, or holds what is no flag.
    """
    found: list[Argument] = []
    rest = iter(arguments)
    for text in rest:
        if _lacks_value(text, taking_values):
            value = next(rest, None)
            if value is None or value.startswith("--"):
                raise UserError(_missing(text))
            text = f"{text}={value}"
        found.extend(_replaced(Argument(text, ""), (), taking_values))
    return found


def _replaced(argument: Argument, inside: tuple[str, ...], taking_values: Collection[str]) -> Iterator[Argument]:
    match = re.fullmatch(rf"--?{_FLAGFILE}=(.*)", argument.text, re.DOTALL)
    if not match:
        yield argument
        return
    path = os.path.expanduser(match[1].strip())
    lines = _read(path)
    identity = os.path.realpath(path)
    if identity in inside:
        raise UserError(one_line(f"--flagfile={path} includes itself ({argument.origin}); take that line out"))
    for number, line in enumerate(map(str.strip, lines), 1):
        origin = f"{path}, line {number}"
        if not line or line.startswith(_COMMENTS):
            continue
        if _lacks_value(line, taking_values):
            raise UserError(one_line(f"{_missing(line)} ({origin})"))
        if not re.fullmatch(r"--?\w+(=.*)?", line):
            raise UserError(one_line(f"{line[:80]!r} is no flag ({origin}); {_HOW}"))
        yield from _replaced(Argument(line, origin), (*inside, identity), taking_values)


def _read(path: str) -> list[str]:
    if not path:
        raise UserError(_missing(f"--{_FLAGFILE}"))
    try:
        with open(path, "rb") as file:
            content = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(one_line(f"--flagfile={path} cannot be read ({reason}); give a file of flags")) from error
    try:
        if len(content) > LONGEST or b"\0" in content:
            raise ValueError
        return content.decode("utf-8-sig").split("\n")
    except ValueError as error:
        raise UserError(one_line(f"--flagfile={path} is no file of flags but of something else; {_HOW}")) from error


def _lacks_value(text: str, taking_values: Collection[str]) -> bool:
    match = re.fullmatch(r"--?(\w+)", text)
    return match is not None and match[1] in (*taking_values, _FLAGFILE)


def _missing(flag: str) -> str:
    return f"{flag} has no value; write {flag}=VALUE"

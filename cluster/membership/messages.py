"""What the tasks of a job say to each other: a line of JSON a message, read strictly, since anybody may connect."""

import dataclasses
import enum
import json
from collections.abc import Callable
from typing import Any

from cluster.task import Role

VERSION = 1
LONGEST = 2**16  # bytes of a line, with its end
_LONGEST_NAME = 255
_LONGEST_TEXT = 2000
_LARGEST = 2**63 - 1


class Ending(enum.Enum):
    """How a job ends in good order."""

    COMPLETE = "complete"
    PREEMPTED = "preempted"


class Cause(enum.Enum):
    """Why a job fails: something for the user to put right; a task is gone, or stands still; an error in a task."""

    USAGE = "usage"
    LOST = "lost"
    ERROR = "error"


@dataclasses.dataclass(frozen=True)
class Hello:
    """The first message of a task to the chief. `run` has the flags that all tasks must share."""

    role: Role
    index: int
    host: str
    pid: int
    num_tasks: int
    run: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class OtherHello:
    """A hello of another version of the program, of which nothing else can be read."""

    version: int


@dataclasses.dataclass(frozen=True)
class Welcome:
    """The chief's answer. The task must find `token` in the model_dir."""

    token: str


@dataclasses.dataclass(frozen=True)
class Ready:
    """A task has found the token."""


@dataclasses.dataclass(frozen=True)
class Go:
    """All tasks are ready: the job begins."""


@dataclasses.dataclass(frozen=True)
class Beat:
    """The sender is alive."""


@dataclasses.dataclass(frozen=True)
class AskToStop:
    """A task asks the chief to stop the job."""


@dataclasses.dataclass(frozen=True)
class Announcement:
    """What the chief has told every task: how the job ends, and at which global step."""

    ending: Ending
    step: int


@dataclasses.dataclass(frozen=True)
class Goodbye:
    """The sender leaves in good order."""

    ending: Ending


@dataclasses.dataclass(frozen=True)
class Failure:
    """The job fails. `line` says why: a task's own words to the chief, the whole line to the others."""

    cause: Cause
    line: str


Message = Hello | OtherHello | Welcome | Ready | Go | Beat | AskToStop | Announcement | Goodbye | Failure


def one_line(text: str) -> str:
    """The text as a message may have it: one line that steers no terminal, of limited length."""
    plain = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return plain[:_LONGEST_TEXT] or "?"


def encode(message: Message) -> bytes:
    """The line of a message, with its end.

    Raises:
      ValueError: the `run` of a hello is longer than a line may be, or not JSON.
    """
    kind = next(name for name, (made, _) in _KINDS.items() if type(message) is made)
    fields = {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}
    version = {"version": VERSION} if isinstance(message, Hello) else {}
    text = json.dumps({"kind": kind, **version, **fields}, allow_nan=False, default=lambda member: member.value)
    line = text.encode() + b"\n"
    if len(line) > LONGEST:
        raise ValueError(f"a message of {len(line)} bytes is too long; {LONGEST} are the most")
    return line


def decode(line: bytes) -> Message:
    """The message of a line, with or without its end.

    Raises:
      ValueError: it is not exactly what `encode` writes. The text is one line.
    """
    if len(line) > LONGEST:
        raise ValueError(f"longer than {LONGEST} bytes")
    try:
        fields = json.loads(line.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ValueError as error:
        raise ValueError("not JSON") from error
    if not isinstance(fields, dict) or not isinstance(kind := fields.pop("kind", None), str) or kind not in _KINDS:
        raise ValueError("no message")
    if kind == _HELLO:
        version = _number(fields.pop("version", None))
        if version != VERSION:
            return OtherHello(version)
    made, checks = _KINDS[kind]
    if set(fields) != set(checks):
        raise ValueError(f"a message {kind} has other fields")
    message: Message = made(**{name: check(fields[name]) for name, check in checks.items()})
    return message


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError("no whole number where one must be")
    return value


def _text(longest: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        # It is printed on a terminal.
        if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= longest:
            raise ValueError("no line of text where one must be")
        return value

    return check


def _one_of(kind: type[enum.Enum]) -> Callable[[Any], enum.Enum]:
    def check(value: Any) -> enum.Enum:
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"no {kind.__name__.lower()} where one must be") from None

    return check


def _flags(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no object where one must be")
    return value


_HELLO = "hello"
# By its kind: the class of a message, and what makes each of its fields of what stands in the line, or refuses it.
_KINDS: dict[str, tuple[type[Any], dict[str, Callable[[Any], Any]]]] = {
    _HELLO: (
        Hello,
        {
            "role": _one_of(Role),
            "index": _number,
            "host": _text(_LONGEST_NAME),
            "pid": _number,
            "num_tasks": _number,
            "run": _flags,
        },
    ),
    "welcome": (Welcome, {"token": _text(_LONGEST_NAME)}),
    "ready": (Ready, {}),
    "go": (Go, {}),
    "beat": (Beat, {}),
    "ask_to_stop": (AskToStop, {}),
    "announcement": (Announcement, {"ending": _one_of(Ending), "step": _number}),
    "goodbye": (Goodbye, {"ending": _one_of(Ending)}),
    "failure": (Failure, {"cause": _one_of(Cause), "line": _text(_LONGEST_TEXT)}),
}

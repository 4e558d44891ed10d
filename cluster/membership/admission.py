"""Who may be in a job: whether a task that says hello is one of it, told to do the same, and who is waited for."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cluster.membership.messages import Hello, one_line
from cluster.task import Role, Task, name_of

_LONGEST_VALUE = 100
_LONGEST_LIST = 8
_SECONDS_BETWEEN_CHANGES = 1.0
_SECONDS_BETWEEN_LINES = 10.0


class Strangers:
    """Connections over which no hello has come yet: few, and none for long."""

    def __init__(self, *, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._since: dict[int, float] = {}

    def __contains__(self, link: int) -> bool:
        return link in self._since

    def add(self, link: int, now: float) -> None:
        """Somebody has connected."""
        self._since[link] = now

    def discard(self, link: int) -> None:
        """A connection is none of these any more."""
        self._since.pop(link, None)

    def take_overdue(self, now: float) -> list[int]:
        """Takes out those that are too old and, the oldest first, too many."""
        too_many = len(self._since) - self._most
        overdue = [
            link
            for number, (link, since) in enumerate(self._since.items())
            if number < too_many or now - since >= self._seconds
        ]
        return self._take(overdue)

    def take_all(self) -> list[int]:
        """Takes out all of them."""
        return self._take(list(self._since))

    def _take(self, links: list[int]) -> list[int]:
        for link in links:
            del self._since[link]
        return links


class Waiting:
    """What people are told while tasks are missing: at once, soon after a change, and now and then."""

    def __init__(self) -> None:
        self._told = ""
        self._told_at = 0.0

    def line(self, whom: str, now: float) -> str | None:
        """What to tell now, where that is something, of waiting for `whom`."""
        pause = _SECONDS_BETWEEN_LINES if whom == self._told else _SECONDS_BETWEEN_CHANGES
        if self._told and now - self._told_at < pause:
            return None
        self._told, self._told_at = whom, now
        return f"Waiting for {whom}"


def listed(names: Sequence[str]) -> str:
    """Names one after the other, not all where they are many."""
    more = f" and {len(names) - _LONGEST_LIST} more" if len(names) > _LONGEST_LIST else ""
    return f"{', '.join(names[:_LONGEST_LIST])}{more}"


def refusal(chief: Task, hello: Hello, *, run: Mapping[str, Any], present: Hello | None) -> str | None:
    """Why the chief cannot begin with this task, in one line; None where it can.

    `run` has the chief's flags that all tasks must share, as JSON gives them back; `present` is who has said the same
    name before.
    """
    name = name_of(hello.role, hello.index)
    if (hello.role, hello.index) not in chief.peers:
        return _unexpected(chief, hello)
    if present:
        return (
            f"two tasks say that they are {name} ({_process(present)}; {_process(hello)}); start one process for each"
            " task, and tell each which it is"
        )
    if (difference := _difference(name, hello.run, run)) is not None:
        return one_line(difference)
    if hello.num_tasks != len(chief.tasks):
        return (
            f"{name} counts {hello.num_tasks} tasks, the chief {len(chief.tasks)}; give every task the same cluster,"
            " and --evaluator_task to all or to none"
        )
    return None


def _unexpected(chief: Task, hello: Hello) -> str:
    name = name_of(hello.role, hello.index)
    if hello.role is Role.EVALUATOR:
        return f"{name} ({_process(hello)}) came, which the chief does not expect; give --evaluator_task to every task"
    known = ", ".join(name_of(*peer) for peer in chief.peers)
    return one_line(
        f"{name} ({_process(hello)}) came, the chief expects {known:.200}; give every task the same cluster, and"
        " --evaluator_task to all or to none"
    )


def _process(hello: Hello) -> str:
    return f"host {hello.host}, process {hello.pid}"


def _difference(name: str, given: Mapping[str, Any], run: Mapping[str, Any]) -> str | None:
    """The first flag in which a task differs from the chief, the chief's order first."""
    for flag in [*run, *(flag for flag in given if flag not in run)]:
        # As JSON, because 1, 1.0 and True are equal in Python.
        if (flag in given) != (flag in run) or json.dumps(given[flag]) != json.dumps(run[flag]):
            return (
                f"{name} has {_shown(flag, given)}, the chief {_shown(flag, run)}; start all tasks with the same flags"
            )
    return None


def _shown(flag: str, flags: Mapping[str, Any]) -> str:
    value = flags.get(flag)
    match value:
        case None:
            text = f"no --{flag}"
        case bool():
            text = f"--{flag}" if value else f"--no{flag}"
        case list() if all(isinstance(each, str | int | float) for each in value):
            text = f"--{flag}={','.join(map(str, value))}"
        case _:
            text = f"--{flag}={value if isinstance(value, str) else json.dumps(value)}"
    return text[: len(flag) + _LONGEST_VALUE]

"""A request as a line of JSON, and strictly back: anybody may write into the folder that it comes from."""

import dataclasses
import json
from typing import Any

from control import state

VERSION = 1
_KEYS = {"version", "action", "value", "session", "who", "made"}
_LONGEST_TEXT = 200


@dataclasses.dataclass(frozen=True)
class Message:
    """A request, the start of the run that it is meant for, and who (user@host) made it when (ISO, for people)."""

    request: state.Request
    session: str
    who: str
    made: str


def encode(message: Message) -> str:
    """The text of a request file."""
    fields = {
        "version": VERSION,
        "action": message.request.action.value,
        "value": message.request.value,
        "session": message.session,
        "who": message.who,
        "made": message.made,
    }
    return json.dumps(fields) + "\n"


def decode(content: bytes) -> Message:
    """What a request file says.

    Raises:
      ValueError: it is not exactly what `encode` writes, or no state could make sense of it. The text is one line.
    """
    try:
        return _message(_parse(content))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _parse(content: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(content.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    if set(fields) != _KEYS:
        raise ValueError(f"the keys must be {', '.join(sorted(_KEYS))}, not {sorted(fields)!s:.200}")
    return fields


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _message(fields: dict[str, Any]) -> Message:
    version, action = fields["version"], fields["action"]
    if type(version) is not int or version != VERSION:
        raise ValueError(f"the version must be {VERSION}, not {version!r:.40}")
    actions = [known.value for known in state.Action]
    if action not in actions:
        raise ValueError(f"the action must be {', '.join(actions)}, not {action!r:.40}")
    for key in ("session", "who", "made"):
        text = fields[key]
        # They are printed on the run's terminal.
        if not isinstance(text, str) or not text.isprintable() or not 0 < len(text) <= _LONGEST_TEXT:
            raise ValueError(f"{key} must be one short line of text, not {text!r:.40}")
    request = state.Request(state.Action(action), fields["value"])
    state.check(request)
    return Message(request, session=fields["session"], who=fields["who"], made=fields["made"])

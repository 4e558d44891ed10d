"""What goes over the wire comes back as it was, and nothing else is understood."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.membership import messages
from cluster.membership.messages import Announcement, Beat, Cause, Ending, Failure, Goodbye, Hello, OtherHello, Welcome
from cluster.task import Role
from tests.fuzz.common import fuzz

HELLO = Hello(Role.WORKER, 1, host="b", pid=7, num_tasks=3, run={"batch_size": 64, "seed": None, "rates": [0.1, 1]})
EVERY = [
    HELLO,
    Welcome("token"),
    messages.Ready(),
    messages.Go(),
    Beat(),
    messages.AskToStop(),
    Announcement(Ending.PREEMPTED, 2**40),
    Goodbye(Ending.COMPLETE),
    Failure(Cause.LOST, "lost worker 1 (b:2222): it was silent for 30 s"),
]


def changed(message, **fields):
    """The line of a message with other fields; None takes one away."""
    content = {**json.loads(messages.encode(message)), **fields}
    return json.dumps({name: value for name, value in content.items() if value is not ...}).encode()


@pytest.mark.parametrize("message", EVERY, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_was(message):
    line = messages.encode(message)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert messages.decode(line) == messages.decode(line[:-1]) == message


def test_every_kind_of_message_is_tried_here():
    kinds = {kind for kind in vars(messages).values() if dataclasses.is_dataclass(kind) and isinstance(kind, type)}
    assert {type(message) for message in EVERY} == kinds - {OtherHello}


@pytest.mark.parametrize("message", EVERY, ids=lambda message: type(message).__name__)
def test_fields_too_many_or_too_few_are_refused(message):
    with pytest.raises(ValueError, match="other fields"):
        messages.decode(changed(message, more=1))
    for field in dataclasses.fields(message):
        with pytest.raises(ValueError, match="other fields"):
            messages.decode(changed(message, **{field.name: ...}))


@pytest.mark.parametrize(
    "line",
    [
        changed(HELLO, role="boss"),
        changed(HELLO, role=["worker"]),
        changed(HELLO, index=True),
        changed(HELLO, index=-1),
        changed(HELLO, index=1.0),
        changed(HELLO, pid="7"),
        changed(HELLO, num_tasks=2**63),
        changed(HELLO, host=""),
        changed(HELLO, host="b\x1b[2J"),
        changed(HELLO, host="b" * 256),
        changed(HELLO, run=[]),
        changed(HELLO, version=None),
        changed(HELLO, version="1"),
        changed(Welcome("t"), token="a\nb"),
        changed(Announcement(Ending.COMPLETE, 1), ending="failed"),
        changed(Announcement(Ending.COMPLETE, 1), step=None),
        changed(Goodbye(Ending.COMPLETE), ending={}),
        changed(Failure(Cause.USAGE, "x"), line="x" * 2001),
        changed(Beat(), kind="unknown"),
        changed(Beat(), kind=["beat"]),
        b"",
        b"GET / HTTP/1.1\r",
        b"\xff\xfe",
        b"[1]",
        b"null",
        b'"beat"',
        b'{"kind": "beat"} {}',
        b'{"kind": "beat", "kind": "beat"}',
        b'{"kind": "announcement", "ending": "complete", "step": NaN}',
        b"[" * 60_000,
        b'{"kind": ' + b"9" * 60_000 + b"}",
        b'{"kind": "beat"' + b" " * messages.LONGEST + b"}",
    ],
    ids=lambda line: repr(line[:60]),
)
def test_what_is_no_message_is_refused_in_one_short_line(line):
    with pytest.raises(ValueError, match=".") as error:
        messages.decode(line)
    assert len(str(error.value)) < 100 and str(error.value).isprintable()


@fuzz
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists) | st.binary())
def test_nothing_raises_anything_else(content):
    line = content if isinstance(content, bytes) else json.dumps({"kind": "failure", "line": content}).encode()
    with pytest.raises(ValueError, match="."):
        messages.decode(line)


def test_the_hello_of_another_version_is_known_as_such_whatever_else_it_has():
    line = changed(HELLO, version=messages.VERSION + 1, role="new", more=[1])
    assert messages.decode(line) == OtherHello(messages.VERSION + 1)


def test_flags_that_are_too_long_or_not_json_are_refused_by_the_sender():
    with pytest.raises(ValueError, match="too long"):
        messages.encode(dataclasses.replace(HELLO, run={"flag": "x" * messages.LONGEST}))
    with pytest.raises(ValueError, match="JSON"):
        messages.encode(dataclasses.replace(HELLO, run={"flag": float("nan")}))


@pytest.mark.parametrize("text", ["", "a\nb", "\x1b[2J", "x" * 10**5, "\N{GRINNING FACE}" * 10**4, "\ud800"])
def test_any_text_can_be_made_a_line_that_a_message_may_have(text):
    failure = Failure(Cause.ERROR, messages.one_line(text))
    assert messages.decode(messages.encode(failure)) == failure

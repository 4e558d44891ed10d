import dataclasses
import json

import pytest

from control.request_format import Message, decode, encode
from control.state import Action, Request

SET = Message(Request(Action.SET, 0.05), session="2025-01-02T03:04:05+00:00", who="ada@host", made="2025-01-02")


def changed(**fields):
    return json.dumps({**json.loads(encode(SET)), **fields}).encode()


def test_a_message_has_exactly_these_fields():
    assert json.loads(encode(SET)) == {
        "version": 1,
        "action": "set",
        "value": 0.05,
        "session": "2025-01-02T03:04:05+00:00",
        "who": "ada@host",
        "made": "2025-01-02",
    }


@pytest.mark.parametrize(
    "request_", [Request(Action.SET, 1e-7), Request(Action.SCALE, 2), Request(Action.RELEASE, None)]
)
def test_what_is_written_is_read(request_):
    message = dataclasses.replace(SET, request=request_)
    assert decode(encode(message).encode()) == message


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (encode(SET).encode("utf-16"), "not JSON"),
        (encode(SET).encode() * 2, "not JSON"),
        (b"[" * 4096, "nested too deep"),
        (b"[]", "not a JSON object"),
        (b'"set"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "the keys must be"),
        (changed(more=1), "the keys must be action, made, session, value, version, who, not .*more"),
        (changed(**{"x" * 3000: 1}), "the keys must be"),
        (b'{"value": 9, ' + encode(SET).encode()[1:], "a key stands twice"),
        (changed(value=float("nan")), "NaN is no number"),
        (changed(value=float("inf")), "Infinity is no number"),
        (changed(value=float("-inf")), "-Infinity is no number"),
        (encode(SET).replace("0.05", "1e999").encode(), "positive, finite number, not inf"),
        (encode(SET).replace("0.05", "1" + "0" * 999).encode(), "positive, finite number"),
        (changed(value=0), "positive, finite number, not 0"),
        (changed(value=-0.1), "positive, finite number, not -0.1"),
        (changed(value=True), "needs a number, not True"),
        (changed(value="0.1"), "needs a number"),
        (changed(value=None), "needs a number"),
        (changed(action="release"), "release takes no value"),
        (changed(action="stop"), "the action must be set, scale, release, not 'stop'"),
        (changed(action="SET"), "the action must be"),
        (changed(action=["set"]), "the action must be"),
        (changed(version=2), "the version must be 1, not 2"),
        (changed(version=True), "the version must be 1, not True"),
        (changed(version=1.0), "the version must be 1, not 1.0"),
        (changed(who=None), "who must be one short line of text"),
        (changed(who=""), "who must be one short line of text"),
        (changed(who="a\nb"), "who must be one short line of text"),
        (changed(who="\x1b[2J"), "who must be one short line of text"),
        (changed(who="\ud800"), "who must be one short line of text"),
        (changed(who="a" * 201), "who must be one short line of text"),
        (changed(session=7), "session must be one short line of text"),
        (changed(made={}), "made must be one short line of text"),
    ],
)
def test_anything_else_is_refused_in_one_line(content, phrase):
    with pytest.raises(ValueError, match=phrase) as error:
        decode(content)
    assert str(error.value).isprintable() and len(str(error.value)) < 300

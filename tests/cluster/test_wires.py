"""Connections that hold nobody up: real sockets, one thread."""

import contextlib
import socket
import time

import pytest

from cluster.membership.wires import Closed, Event, Line, Opened, Overlong, Wires
from tests.cluster.jobs import LONG


@pytest.fixture
def wires():
    made = Wires(socket.create_server(("localhost", 0)))
    yield made
    made.finish(0.0)


@pytest.fixture
def connect(wires):
    """Makes a connection, the other end of which is returned with its number."""
    with contextlib.ExitStack() as stack:

        def connected():
            ours, theirs = socket.socketpair()
            stack.enter_context(theirs).settimeout(LONG)
            return wires.add(ours), theirs

        yield connected


def events(wires, count):
    found: list[Event] = []
    deadline = time.monotonic() + LONG
    while len(found) < count:
        assert time.monotonic() < deadline, found
        found += wires.poll(1.0)
    return found


def test_lines_come_whole_and_in_order_however_they_arrive(wires, connect):
    link, other = connect()
    other.sendall(b"one\ntw")
    assert events(wires, 1) == [Line(link, b"one")]
    other.sendall(b"o\n\nthree\nrest")
    assert events(wires, 3) == [Line(link, b"two"), Line(link, b""), Line(link, b"three")]


def test_what_was_sent_before_a_connection_was_closed_comes_first(wires, connect):
    link, other = connect()
    other.sendall(b"goodbye\n")
    other.close()
    assert events(wires, 2) == [Line(link, b"goodbye"), Closed(link)]
    assert wires.poll(0.0) == []
    wires.send(link, b"nobody hears it")
    wires.close(link)


def test_what_was_sent_is_read_also_after_an_answer_that_failed(wires, connect):
    link, other = connect()
    other.sendall(b"goodbye\n")
    other.close()
    wires.send(link, b"a beat\n")
    assert events(wires, 2) == [Line(link, b"goodbye"), Closed(link)]


def test_older_connections_are_heard_first(wires, connect):
    (first, one), (second, two) = connect(), connect()
    two.sendall(b"2\n")
    one.sendall(b"1\n")
    assert events(wires, 2) == [Line(first, b"1"), Line(second, b"2")]


def test_one_that_does_not_read_holds_nobody_up_and_is_not_remembered_without_end(wires, connect):
    (stuck, other), (well, reader) = connect(), connect()
    for _ in range(100):
        wires.send(stuck, b"x" * 2**16)
    wires.send(well, b"beat\n")
    assert reader.recv(5) == b"beat\n"
    received = 0
    other.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while True:
            wires.poll(0.0)
            received += len(other.recv(2**20))
    assert 2**20 <= received <= 3 * 2**20


def test_a_line_without_an_end_is_said_to_be_too_long(wires, connect):
    link, other = connect()
    other.sendall(b"x" * 2**16)
    assert wires.poll(0.2) == []
    other.sendall(b"x")
    assert events(wires, 1) == [Overlong(link)]


def test_others_can_wake_it(wires):
    wires.wake()
    begun = time.monotonic()
    assert wires.poll(LONG) == []
    assert time.monotonic() - begun < LONG / 2
    for _ in range(10**5):
        wires.wake()


def test_callers_come_in_until_it_stops_listening():
    listener = socket.create_server(("localhost", 0))
    wires = Wires(listener)
    place = listener.getsockname()
    with socket.create_connection(place) as caller:
        assert events(wires, 1) == [Opened(1)]
        wires.stop_listening()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(place)
        caller.sendall(b"still here\n")
        assert events(wires, 1) == [Line(1, b"still here")]
        wires.finish(0.0)
        assert caller.recv(1) == b""
    wires.wake()


def test_the_end_waits_for_the_others_to_read_but_not_for_long(wires, connect):
    (_, other), (_, stuck) = connect(), connect()
    other.close()
    begun = time.monotonic()
    wires.finish(0.3)
    assert 0.3 <= time.monotonic() - begun < LONG / 2
    assert stuck.recv(1) == b""

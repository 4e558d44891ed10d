"""Sockets of this machine alone; what only a network could answer is answered by a stand-in."""

import contextlib
import socket
import threading
import time

import pytest

from cluster import probe
from cluster.probe import Answer
from tests.processes import free_ports

# Two dots make no name, which no name server needs to be asked about.
NO_NAME = "a..b:1"
LONG = 60.0  # seconds, none of which a test that passes waits for


@pytest.fixture
def port():
    return free_ports(1)[0]


def test_a_task_is_reached_while_it_listens(port):
    address = f"localhost:{port}"
    assert probe.connect(address, seconds=LONG) is Answer.NOBODY_LISTENS
    for _ in range(2):  # A port that was just in use can be had again.
        with probe.listening(port):
            assert probe.connect(address, seconds=LONG) is Answer.REACHED
    assert probe.connect(address, seconds=LONG) is Answer.NOBODY_LISTENS


def test_it_is_reached_by_either_family_of_addresses(port):
    with probe.listening(port):
        assert probe.connect(f"127.0.0.1:{port}", seconds=LONG) is Answer.REACHED
        if socket.has_dualstack_ipv6():
            assert probe.connect(f"[::1]:{port}", seconds=LONG) is Answer.REACHED


def test_a_port_that_is_in_use_cannot_be_listened_on(port):
    with probe.listening(port), pytest.raises(OSError, match="in use"), probe.listening(port):
        pass


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (TimeoutError(), Answer.NO_ANSWER),
        (OSError(113, "No route to host"), Answer.NO_ANSWER),
        (socket.gaierror(-2, "Name or service not known"), Answer.UNRESOLVED),
        (ConnectionRefusedError(), Answer.NOBODY_LISTENS),
    ],
)
def test_what_a_connection_ends_with_is_told(monkeypatch, error, answer):
    def fail(place, timeout):
        assert (place, timeout) == (("::1", 7), 3.0)
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    assert probe.connect("[::1]:7", seconds=3.0) is answer


def test_what_is_no_name_does_not_resolve():
    assert probe.connect(NO_NAME, seconds=LONG) is Answer.UNRESOLVED
    assert not probe.resolves(NO_NAME)
    assert probe.resolves("localhost:1") and probe.resolves("127.0.0.1:1")


@pytest.fixture
def answers(monkeypatch):
    """What each try of an address gives; the last for ever."""
    given: dict[str, list[Answer]] = {}

    def connect(address, *, seconds):
        tries = given[address]
        return tries.pop(0) if len(tries) > 1 else tries[0]

    monkeypatch.setattr(probe, "connect", connect)
    monkeypatch.setattr(probe, "_PAUSE", 0.001)
    return given


def test_tasks_are_looked_for_until_all_are_reached(answers):
    answers["a:1"] = [Answer.NOBODY_LISTENS, Answer.NOBODY_LISTENS, Answer.REACHED, Answer.NO_ANSWER]
    answers["b:1"] = [Answer.UNRESOLVED, Answer.NO_ANSWER, Answer.REACHED]
    begun = time.monotonic()
    found = probe.look_for(["a:1", "b:1"], seconds=LONG, linger=0.2)
    assert found == {"a:1": Answer.REACHED, "b:1": Answer.REACHED}
    assert 0.2 <= time.monotonic() - begun < LONG / 2, "it lingers, and no longer"


def test_what_is_not_reached_keeps_its_last_answer(answers):
    answers["a:1"] = [Answer.NO_ANSWER, Answer.NOBODY_LISTENS]
    answers["b:1"] = [Answer.REACHED]
    found = probe.look_for(["a:1", "b:1"], seconds=1.0, linger=LONG)
    assert found == {"a:1": Answer.NOBODY_LISTENS, "b:1": Answer.REACHED}


def test_a_try_that_does_not_come_back_is_not_waited_for(monkeypatch):
    """A name server may take minutes."""
    release = threading.Event()

    def hang(address, *, seconds):
        release.wait(LONG)
        return Answer.REACHED

    monkeypatch.setattr(probe, "connect", hang)
    found = probe.look_for(["a:1"], seconds=0.05, linger=LONG)
    assert not release.is_set()
    release.set()
    assert found == {"a:1": Answer.NO_ANSWER}


def test_all_are_tried_at_once(monkeypatch):
    together = threading.Barrier(20, timeout=LONG)

    def connect(address, *, seconds):
        together.wait()
        return Answer.REACHED

    monkeypatch.setattr(probe, "connect", connect)
    found = probe.look_for([f"a:{port}" for port in range(1, 21)], seconds=LONG, linger=0.0)
    assert set(found.values()) == {Answer.REACHED} and len(found) == 20


def test_nobody_to_look_for_takes_the_whole_time():
    """A chief whose only other task is an evaluator without an address is there for it to find."""
    begun = time.monotonic()
    assert probe.look_for([], seconds=0.2, linger=0.0) == {}
    assert time.monotonic() - begun >= 0.2


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.9"])
def test_an_address_of_this_machine_is_here(host):
    assert probe.is_here(f"{host}:1", (), seconds=LONG)


@contextlib.contextmanager
def behind_a_service(monkeypatch, port):
    """192.0.2.1, which is kept for documentation, leads to a port of this machine."""
    connect = socket.create_connection

    def connected(place, timeout):
        assert place[0] == "192.0.2.1"
        return connect(("localhost", port), timeout)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", connected)
        yield


def test_an_address_that_is_passed_on_to_this_process_is_here(monkeypatch, port):
    with probe.listening(port) as callers, behind_a_service(monkeypatch, port):
        assert probe.is_here(f"192.0.2.1:{port}", callers, seconds=LONG)


def test_an_address_that_leads_to_another_process_is_not_here(monkeypatch):
    own, other = free_ports(2)
    with probe.listening(own) as callers, probe.listening(other), behind_a_service(monkeypatch, other):
        assert not probe.is_here(f"192.0.2.1:{own}", callers, seconds=0.3)


def test_an_address_that_leads_nowhere_is_not_here(monkeypatch, port):
    with probe.listening(port) as callers, behind_a_service(monkeypatch, free_ports(1)[0]):
        assert not probe.is_here(f"192.0.2.1:{port}", callers, seconds=LONG)

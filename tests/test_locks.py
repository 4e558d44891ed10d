"""The lock on a file, with other real processes; they need no TensorFlow, and start fast."""

import contextlib
import errno
import fcntl
import json
import os
import socket
import subprocess
import sys

import pytest

import locks
from tests.common import ROOT

SINCE = "2025-01-02T03:04:05+00:00"
# Holds the lock until its standard input ends, having waited for it where argument 2 says so.
PROCESS = f"""
import sys
from pathlib import Path
import locks

def say(line):
    print(line, flush=True)

waiting = {{"before_waiting": lambda holder: say("held by " + holder)}} if sys.argv[2] == "wait" else {{}}
with locks.held(Path(sys.argv[1]), since="{SINCE}", tell=say, **waiting):
    say("in")
    sys.stdin.read()
"""


@pytest.fixture
def start():
    """Starts a Python program with arguments; it sees the end of its standard input at the end of the test."""
    with contextlib.ExitStack() as stack:

        def started(program, *arguments):
            command = [sys.executable, "-c", program, *map(str, arguments)]
            process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            return stack.enter_context(process)

        yield started


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.lock"


def fail(line):
    raise AssertionError(line)


def held(path, **options):
    return locks.held(path, **{"since": SINCE, "tell": fail, **options})


def is_held(path):
    try:
        with held(path):
            return False
    except locks.HeldError:
        return True


def test_a_second_process_is_told_who_came_first(start, path):
    first = start(PROCESS, path, "refuse")
    assert first.stdout.readline() == "in\n"
    with pytest.raises(locks.HeldError) as error, held(path):
        pass
    assert str(error.value) == f"process {first.pid} of host {socket.gethostname()}, since {SINCE}"


def test_one_that_waits_is_told_for_whom_and_comes_in_after(start, path):
    first = start(PROCESS, path, "wait")
    assert first.stdout.readline() == "in\n"
    second = start(PROCESS, path, "wait")
    assert second.stdout.readline() == f"held by process {first.pid} of host {socket.gethostname()}, since {SINCE}\n"
    first.stdin.close()
    assert second.stdout.readline() == "in\n"
    assert is_held(path)
    assert json.loads(path.read_text())["pid"] == second.pid


def test_the_death_of_the_holder_lets_one_in_that_waits(start, path):
    first = start(PROCESS, path, "wait")
    first.stdout.readline()
    second = start(PROCESS, path, "wait")
    second.stdout.readline()
    first.kill()
    assert second.stdout.readline() == "in\n"


def test_a_lock_is_free_after_the_block_and_its_file_stays_empty(path):
    with held(path):
        assert is_held(path)
        assert json.loads(path.read_text()) == {"host": socket.gethostname(), "pid": os.getpid(), "since": SINCE}
    assert not is_held(path)
    assert path.read_bytes() == b""


def test_a_lock_is_free_after_an_exception(path):
    with pytest.raises(ZeroDivisionError), held(path):
        raise ZeroDivisionError
    assert not is_held(path)


CHILD = "import sys; sys.stdin.read()"
PARENT = f"""
import subprocess, sys
from pathlib import Path
import locks

with locks.held(Path(sys.argv[1]), since="{SINCE}", tell=print):
    child = subprocess.Popen([sys.executable, "-c", "{CHILD}"])
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_a_program_that_a_killed_holder_started_keeps_no_lock(start, path):
    parent = start(PARENT, path)
    child = int(parent.stdout.readline())
    assert is_held(path)
    parent.kill()
    parent.wait()
    os.kill(child, 0)  # It lives: it ends with the standard input that it shares, at the end of the test.
    assert not is_held(path)


FORKED = f"""
import os, sys
from pathlib import Path
import locks

with locks.held(Path(sys.argv[1]), since="{SINCE}", tell=print):
    child = os.fork()
    if child == 0:
        sys.exit()
    os.waitpid(child, 0)
    print("child has left", flush=True)
    sys.stdin.read()
"""


def test_a_forked_child_that_leaves_the_block_leaves_the_lock_to_its_parent(start, path):
    parent = start(FORKED, path)
    assert parent.stdout.readline() == "child has left\n"
    assert is_held(path)
    assert json.loads(path.read_text())["pid"] == parent.pid


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x00\xff", b"{", b"[]", b"null", b"[" * 1024, b"x" * 10**7, b"{}"),
        b'{"host": "a", "pid": 0, "since": "b"}',
        b'{"host": "a", "pid": true, "since": "b"}',
        b'{"host": "a", "pid": "1", "since": "b"}',
        b'{"host": "", "pid": 1, "since": "b"}',
        b'{"host": "a", "pid": 1, "since": "\\u001b[2J"}',
        b'{"host": "a", "pid": 1, "since": 2025}',
        b'{"host": "a\\nb", "pid": 1, "since": "b"}',
        b'{"host": "' + b"a" * 256 + b'", "pid": 1, "since": "b"}',
        b'{"host": "a", "pid": 1, "since": "b", "more": 1}',
        b'{"host": "a", "pid": 1}',
    ],
    ids=lambda content: repr(content[:40]),
)
def test_a_content_that_is_no_holder_is_not_believed(monkeypatch, path, content):
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: None)
    with held(path):
        path.write_bytes(content)
        with pytest.raises(locks.HeldError, match="^another process, whose name cannot be read$"), held(path):
            pass
    assert not is_held(path)


def test_a_holder_that_has_not_written_its_name_yet_is_waited_for(monkeypatch, path):
    """Between its lock and its name another process may look, as two that prepare a data set at once do."""
    with held(path):
        content = path.read_bytes()
        path.write_bytes(b"")
        monkeypatch.setattr(locks.time, "sleep", lambda seconds: path.write_bytes(content))
        with pytest.raises(locks.HeldError, match=f"^process {os.getpid()} of host "), held(path):
            pass


def test_a_holder_that_has_wiped_its_name_is_about_to_give_the_lock_back(monkeypatch, path):
    with contextlib.ExitStack() as first:
        first.enter_context(held(path))
        path.write_bytes(b"")
        monkeypatch.setattr(locks.time, "sleep", lambda seconds: first.close())
        with held(path):
            assert is_held(path)


def test_whatever_stands_in_a_file_that_nobody_holds_is_overwritten(path):
    path.write_bytes(b"x" * 10**6)
    with held(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()


def replace_before_locking(monkeypatch, path, times):
    """Another process removes the file between its being opened and its being locked, and makes it anew."""
    left = [times]

    def flock(descriptor, operation):
        if left[0] and operation & fcntl.LOCK_NB:
            left[0] -= 1
            path.unlink()
            path.touch()
        return original(descriptor, operation)

    original = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", flock)


def test_a_file_replaced_before_it_is_locked_is_locked_anew(monkeypatch, path):
    replace_before_locking(monkeypatch, path, 1)
    with held(path):
        assert is_held(path)


def test_a_file_replaced_for_ever_is_given_up(monkeypatch, path):
    replace_before_locking(monkeypatch, path, 1000)
    with pytest.raises(OSError, match="replaced again and again"), held(path):
        pass


def refuse_to_lock(monkeypatch, number):
    def flock(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_told_of_and_used(monkeypatch, path, number):
    refuse_to_lock(monkeypatch, number)
    told: list[str] = []
    ran = False
    with held(path, tell=told.append):
        ran = True
    (line,) = told
    assert ran and line.startswith(f"The file system of {path.parent} has no locks") and "\n" not in line


def test_another_error_of_the_file_system_is_raised(monkeypatch, path):
    refuse_to_lock(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"), held(path):
        pass


def test_no_descriptor_is_left_open(monkeypatch, path):
    before = len(os.listdir("/proc/self/fd"))
    with held(path):
        assert is_held(path)
    replace_before_locking(monkeypatch, path, 1000)
    with contextlib.suppress(OSError), held(path):
        pass
    refuse_to_lock(monkeypatch, errno.ENOLCK)
    with held(path, tell=str):
        pass
    assert len(os.listdir("/proc/self/fd")) == before

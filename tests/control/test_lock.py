"""Two runs on one model_dir: real processes, without TensorFlow."""

import os
import socket
import subprocess
import sys

import pytest

from control import lock
from settings import UserError
from tests.common import ROOT

SINCE = "2025-01-02T03:04:05+00:00"
RUN = f"""
import sys
from control import lock

with lock.held(sys.argv[1], now="{SINCE}"):
    print("in", flush=True)
    sys.stdin.read()
"""


def held(model_dir):
    return lock.held(str(model_dir), now=SINCE)


def started(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_second_run_refuses_and_names_the_first(tmp_path):
    with started(RUN, tmp_path) as first:
        assert first.stdout.readline() == "in\n"
        with pytest.raises(UserError) as error, held(tmp_path):
            pass
    assert str(error.value) == (
        f"--model_dir={tmp_path} is in use by another run (process {first.pid} of host {socket.gethostname()}, since"
        f" {SINCE}); wait for it or end it, or give another --model_dir"
    )


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path):
    with started(RUN, tmp_path) as first:
        first.stdout.readline()
        first.kill()
        first.wait()
        assert str(first.pid) in (tmp_path / lock.FILE_NAME).read_text(), "the dead process could not tidy up"
        with held(tmp_path):
            assert str(os.getpid()) in (tmp_path / lock.FILE_NAME).read_text()


def test_the_blocks_own_error_passes_and_frees_the_lock(tmp_path):
    with pytest.raises(FileNotFoundError, match="of the run"), held(tmp_path):
        raise FileNotFoundError("of the run")
    with held(tmp_path):
        pass


RACER = f"""
import os, sys
from control import lock
from settings import UserError

model_dir, wins, refused = sys.argv[1], 0, 0
print("ready", flush=True)
sys.stdin.readline()
while wins < 5:
    try:
        with lock.held(model_dir, now="{SINCE}"):
            # Fails where another is inside.
            inside = os.open(os.path.join(model_dir, "inside"), os.O_CREAT | os.O_EXCL)
            os.close(inside)
            os.sched_yield()
            os.unlink(os.path.join(model_dir, "inside"))
            wins += 1
    except UserError as error:
        assert "is in use by another run" in str(error), error
        refused += 1
print(refused)
"""


def test_of_ten_racing_processes_one_at_a_time_wins(tmp_path):
    racers = [started(RACER, tmp_path) for _ in range(10)]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 10
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 10
    assert sum(map(int, said)) > 0, "they were in each other's way at least once"


def link(path):
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkdir, "Is a directory"),
        (link, "it is a symbolic link"),
        (os.mkfifo, "it is not a regular file"),
    ],
)
def test_a_lock_file_that_is_none_is_refused(tmp_path, make, why):
    make(tmp_path / lock.FILE_NAME)
    with pytest.raises(UserError) as error, held(tmp_path):
        pass
    assert str(error.value).startswith(f"cannot lock --model_dir={tmp_path} by its run.lock ({why}); ")
    assert os.listdir(tmp_path) == [lock.FILE_NAME], "nothing was made where the link points"


def test_a_model_dir_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"run.lock \(No such file or directory\).* a directory that you may write to"):
        held(tmp_path / "missing").__enter__()

"""A run that is killed, at the worst moments, ends as if it had not been. And one that is told to stop, stops well."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import tensorflow as tf

from tests import interrupted
from tests.common import ROOT
from tests.killing import Moment


@pytest.fixture(scope="module")
def whole(shapes10_dir, tmp_path_factory):
    """A run that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    interrupted.finish(folder, shapes10_dir)
    return folder


@pytest.mark.slow
def test_a_run_killed_at_the_worst_moments_ends_bit_for_bit_as_one_that_was_not(whole, shapes10_dir, tmp_path):
    """Twice before its first checkpoint, in the middle of a step, of a checkpoint, of an evaluation."""
    kills = [
        (Moment.START, 1, 0.3),
        (Moment.START, 1, 0.0),
        (Moment.CHECKPOINT, 2, 0.0),
        (Moment.EVALUATION, 1, 0.2),
        (Moment.STEP, 5, 0.001),
    ]
    folder = tmp_path / "run"
    for moment, count, seconds in kills:
        lived = interrupted.kill(folder, shapes10_dir, moment, count=count, seconds=seconds)
        assert not lived, f"the run was at its end before {moment}"
    interrupted.finish(folder, shapes10_dir)
    assert interrupted.differences(folder, whole) == []


def wait_for_step_4(run):
    assert run.stdout is not None
    for line in run.stdout:
        if line.startswith("step 4/"):
            return
    pytest.fail("the run ended before its fourth step")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1], ids=lambda number: number.name)
def test_a_run_that_is_told_to_stop_saves_and_says_so(whole, shapes10_dir, tmp_path, number):
    folder = tmp_path / "run"
    arguments = interrupted.arguments(folder, shapes10_dir)
    run = subprocess.Popen(
        [sys.executable, "main.py", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for_step_4(run)
    asked = time.monotonic()
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 75, said
    assert time.monotonic() - asked < 20
    stopped = re.fullmatch(r"stopped (?:at step (\d+)|by \w+); the same command goes on from there\n", said)
    assert stopped, said
    step = int(tf.train.load_variable(tf.train.latest_checkpoint(str(folder)), "global_step"))
    assert 4 <= step < interrupted.STEPS
    if stopped[1]:
        assert step == int(stopped[1])
    interrupted.finish(folder, shapes10_dir)
    assert interrupted.differences(folder, whole) == []


def test_a_second_interrupt_ends_a_run_at_once(shapes10_dir, tmp_path):
    run = subprocess.Popen(
        [sys.executable, "main.py", *interrupted.arguments(tmp_path / "run", shapes10_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    wait_for_step_4(run)
    os.kill(run.pid, signal.SIGINT)
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(timeout=30) in (-signal.SIGINT, 75), "75 where the first was taken before the second came"

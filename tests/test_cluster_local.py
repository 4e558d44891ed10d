"""`python -m cluster.local` with the real program: a chief, a worker and an evaluator on this machine."""

import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from control import evaluations
from settings import ExitStatus
from tests.common import ROOT
from tests.test_end_to_end import TINY

pytestmark = pytest.mark.cluster

NAMES = ["chief", "worker 0", "evaluator"]


def command(folder, data_dir, *others):
    own = [f"--model_dir={folder}", f"--data_dir={data_dir}", *TINY, *others]
    return [sys.executable, "-m", "cluster.local", "--workers=2", "--", *own]


def last_line(lines):
    """The exit status of each task, as the launcher tells it."""
    told = re.fullmatch(r"cluster +\| exit statuses: (.*)", lines[-1].rstrip())
    assert told, "".join(lines)
    return {name: int(status) for name, _, status in (each.rpartition(" ") for each in told[1].split(", "))}


def test_a_cluster_is_stopped_by_ctrl_c_goes_on_and_ends(shapes10_dir, tmp_path):
    folder, scratch = tmp_path / "run", tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    launcher = subprocess.Popen(
        command(folder, shapes10_dir, "--train_steps=100000"),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    watchdog = threading.Timer(900, launcher.kill)
    watchdog.start()
    with launcher:
        assert launcher.stdout
        lines = []
        for line in launcher.stdout:
            lines.append(line)
            if re.match(r"evaluator \| step \d+: validation loss", line):
                os.killpg(launcher.pid, signal.SIGINT)  # As a terminal does it.
    watchdog.cancel()
    assert launcher.returncode == ExitStatus.PREEMPTED, "".join(lines)
    assert last_line(lines) == dict.fromkeys(NAMES, ExitStatus.PREEMPTED), "".join(lines)
    stopped = {match[1] for line in lines if (match := re.search(r"stopped .*at step (\d+)", line))}
    assert len(stopped) == 1, "".join(lines)
    assert {line.partition(" | ")[0].strip() for line in lines} == {"cluster", *NAMES}

    end = int(stopped.pop()) + 20
    done = subprocess.run(
        command(folder, shapes10_dir, f"--train_steps={end}"),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == ExitStatus.COMPLETE, done.stdout + done.stderr
    assert last_line(done.stdout.splitlines()) == dict.fromkeys(NAMES, ExitStatus.COMPLETE)
    assert max(evaluations.read(str(folder))) == end
    assert not list(scratch.glob("stepdown-*"))

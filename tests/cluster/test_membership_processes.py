"""Tasks that are real processes, which are killed, stopped and forked. They need no TensorFlow, and start fast."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from cluster.task import split
from tests.cluster.jobs import LONG, make_tasks
from tests.common import ROOT
from tests.processes import free_ports

pytestmark = pytest.mark.cluster

SILENT = 5  # seconds: on a busy machine a process may not run for a while, and is not to count as lost for that

# Argument 1 says what the task is. It says when it is in, and waits for the job to be stopped.
PROGRAM = """
import contextlib, ctypes, json, os, signal, sys, tempfile, time
import settings
from cluster import membership
from cluster.task import Role, Task

told = json.loads(sys.argv[1])
addresses = {Role(role): tuple(each) for role, each in told["addresses"].items()}
scratch = tempfile.TemporaryDirectory(dir=told["model_dir"])

def stop(number, frame):
    raise settings.Preempted("stopped")

signal.signal(signal.SIGTERM, stop)
try:
    with membership.joined(
        Task(Role(told["role"]), told["index"], addresses),
        settings.Cluster(evaluator_task=False, startup_timeout=60, stall_timeout=60, **told["limits"]),
        model_dir=told["model_dir"],
        run={},
        on_stop_asked=lambda: os.kill(os.getpid(), signal.SIGTERM),
        stop_signals=(signal.SIGTERM,),
        clean_up=scratch.cleanup,
    ) as members:
        if told["fork"]:
            child = os.fork()
            if child == 0 and told["fork"] == "leaves":
                sys.exit()
            if child == 0:
                time.sleep(60)
            if told["fork"] == "leaves":
                os.waitpid(child, 0)
            print(child, flush=True)
        try:
            print("in", flush=True)
            if told["stuck"]:
                # As in a step that waits for another task: no signal gets Python out of it.
                mutex, libc = ctypes.create_string_buffer(64), ctypes.CDLL(None)
                libc.pthread_mutex_lock(mutex)
                libc.pthread_mutex_lock(mutex)
            if members.wait_for_announcement(60):
                raise settings.Preempted("stopped with the chief")
        except settings.Preempted:
            if told["role"] == "chief":
                members.announce(membership.Ending.PREEMPTED, 1)
            raise
except settings.Preempted:
    sys.exit(75)
except settings.UserError as error:
    print("error:", error, file=sys.stderr)
    sys.exit(2)
except settings.PeerLost as error:
    print("error:", error, file=sys.stderr)
    sys.exit(76)
"""


class Tasks:
    """A job of processes, by name."""

    def __init__(self, stack, folder, *, peer_timeout=LONG, **kinds):
        count = 1 + kinds.get("workers", 1) + kinds.get("evaluator", False)
        self._tasks = make_tasks(ports=free_ports(count), **kinds)
        self._stack = stack
        self._folder = folder
        self._limits = {"peer_timeout": peer_timeout}
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self, name, *, fork="", stuck=False):
        task = self._tasks[name]
        told = {
            "role": task.role.value,
            "index": task.index,
            "addresses": {role.value: each for role, each in task.addresses.items()},
            "model_dir": str(self._folder),
            "limits": self._limits,
            "fork": fork,
            "stuck": stuck,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(told)],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        watchdog = threading.Timer(2 * LONG, process.kill)
        self._stack.callback(watchdog.cancel)
        watchdog.start()
        self.processes[name] = process
        return process

    def address_of(self, name):
        return self._tasks[name].address

    def start_all(self):
        for name in self._tasks:
            self.start(name)
        self.begin()
        return list(self.processes.values())

    def begin(self):
        """Waits for all to be in, and returns what they printed before."""
        return {name: list(iter(output_of(process).readline, "in\n")) for name, process in self.processes.items()}


def output_of(process):
    assert process.stdout
    return process.stdout


@pytest.fixture
def job(tmp_path):
    with contextlib.ExitStack() as stack:
        yield lambda **kinds: Tasks(stack, tmp_path, **kinds)


def ended(process):
    """The exit status and what was said of it."""
    _, said = process.communicate()
    return process.returncode, said


@pytest.mark.parametrize("name", ["chief", "worker 0"])
def test_a_port_that_another_process_has_ends_all_with_status_2(job, name):
    tasks = job()
    address = tasks.address_of(name)
    with socket.create_server(("", split(address)[1])):
        processes = [tasks.start(each) for each in ("chief", "worker 0")]
        for process in processes:
            status, said = ended(process)
            assert status == 2
            assert f"cannot listen on port {split(address)[1]} (Address already in use), which {name} needs" in said


def test_a_killed_worker_ends_all_with_status_76(job, tmp_path):
    chief, killed, other, evaluator = job(workers=2, evaluator=True).start_all()
    killed.kill()
    chief_lost = "error: the chief lost"
    for process, who in ((chief, "error: lost"), (other, chief_lost), (evaluator, chief_lost)):
        status, said = ended(process)
        assert status == 76 and said.startswith(f"{who} worker 0 (localhost:"), said
        assert said.count("\n") == 1 and "its connection was closed; this task ends with status 76" in said
    # What is to be cleaned up is: but for that of the one that was killed.
    assert len(os.listdir(tmp_path)) == 1


def test_a_signal_to_a_task_that_cannot_take_it_stops_the_job_at_once(job):
    tasks = job()
    chief, worker = tasks.start("chief"), tasks.start("worker 0", stuck=True)
    tasks.begin()
    worker.send_signal(signal.SIGTERM)
    assert ended(chief)[0] == 75
    worker.kill()


def test_a_killed_chief_ends_all_with_status_76(job):
    chief, *others = job(workers=1, evaluator=True).start_all()
    chief.kill()
    for process in others:
        status, said = ended(process)
        assert status == 76 and said.startswith("error: lost the chief (localhost:"), said


def test_a_machine_that_slept_has_lost_nobody(job):
    tasks = job(peer_timeout=SILENT, evaluator=True).start_all()
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in tasks:
            process.send_signal(number)
        time.sleep(SILENT + 1 if number == signal.SIGSTOP else 1)
    tasks[0].send_signal(signal.SIGTERM)
    assert [ended(process) for process in tasks] == [(75, "")] * 3


@pytest.mark.parametrize("stopped", [0, 1], ids=["chief", "worker"])
def test_a_stopped_task_is_lost_and_ends_too_when_it_goes_on(job, stopped):
    processes = job(peer_timeout=SILENT).start_all()
    quiet = processes.pop(stopped)
    quiet.send_signal(signal.SIGSTOP)
    status, said = ended(processes[0])
    assert status == 76 and f"it was silent for {SILENT} s" in said
    quiet.send_signal(signal.SIGCONT)
    status, said = ended(quiet)
    assert status == 76 and "its connection was closed" in said


def test_a_worker_that_is_told_to_stop_stops_the_chief(job):
    chief, worker = job().start_all()
    worker.send_signal(signal.SIGTERM)
    assert ended(worker) == (75, "")
    assert ended(chief) == (75, "")


def test_a_signal_reaches_a_task_that_waits_for_others(job):
    tasks = job(workers=2)
    chief, worker = tasks.start("chief"), tasks.start("worker 0")
    assert chief.stdout.readline().startswith("Waiting for worker 0")
    assert chief.stdout.readline().startswith("Waiting for worker 1")
    worker.send_signal(signal.SIGTERM)
    assert ended(worker)[0] == 75
    status, said = ended(chief)
    assert status == 76 and "worker 0" in said and "left before the job began" in said


def test_a_forked_child_that_leaves_takes_nothing_from_its_parent(job):
    tasks = job()
    chief, worker = tasks.start("chief", fork="leaves"), tasks.start("worker 0", fork="leaves")
    tasks.begin()
    chief.send_signal(signal.SIGTERM)
    assert ended(worker) == (75, "")
    assert ended(chief) == (75, "")


def test_a_forked_child_that_lives_on_does_not_hide_the_loss_of_its_parent(job):
    tasks = job()
    chief, worker = tasks.start("chief", fork="lives"), tasks.start("worker 0")
    *_, child = tasks.begin()["chief"]
    chief.kill()
    try:
        status, said = ended(worker)
        assert status == 76 and "its connection was closed" in said
        os.kill(int(child), 0)
    finally:
        os.kill(int(child), signal.SIGKILL)

"""The launcher of local clusters, with a small program in main.py's place."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest

import flags
from cluster import local
from settings import UserError
from tests.common import ROOT

# What each task of the fake program knows of itself.
PREAMBLE = """
import json, os, pathlib, signal, subprocess, sys, time
config = json.loads(os.environ["TF_CONFIG"])
role, index = config["task"]["type"], config["task"]["index"]
pathlib.Path(f"{role}-{index}.pid").write_text(str(os.getpid()))

def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
"""
DEAF = """
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


class Launcher:
    """`python -m cluster.local` in a folder of its own, as the leader of a process group, as a shell would have it."""

    def __init__(self, folder, program, *arguments, stdout=subprocess.PIPE):
        self.folder = folder
        (folder / "main.py").write_text(PREAMBLE + program)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cluster.local", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._watchdog = threading.Timer(240, self.process.kill)
        self._watchdog.start()
        self.lines: list[bytes] = []

    def wait_for(self, pattern, times):
        assert self.process.stdout
        while sum(bool(re.search(pattern, line)) for line in self.lines) < times:
            line = self.process.stdout.readline()
            assert line, self.lines
            self.lines.append(line)

    def finish(self):
        """The exit status, and all lines as text."""
        if self.process.stdout:
            self.lines += self.process.stdout
        assert self.process.stderr
        errors = self.process.stderr.read()
        assert b"Traceback" not in errors, errors.decode()
        return self.process.wait(), b"".join(self.lines).decode(errors="backslashreplace").splitlines()

    def pids(self):
        return [int(path.read_text()) for path in self.folder.glob("*.pid")]

    def close(self):
        self._watchdog.cancel()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


@pytest.fixture
def launch(tmp_path):
    launchers = []

    def launched(program, *arguments, **options):
        launchers.append(Launcher(tmp_path, program, *arguments, **options))
        return launchers[-1]

    yield launched
    for each in launchers:
        each.close()


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_gone(pids):
    assert pids
    end = time.monotonic() + 60
    while any(map(alive, pids)):
        assert time.monotonic() < end, "a process was left behind"
        time.sleep(0.05)


# What the tasks are given.


def test_workers_counts_the_chief():
    named = [task.name for task in local.tasks_of(workers=3, ps=2, evaluator=True)]
    assert named == ["chief", "worker 0", "worker 1", "ps 0", "ps 1", "evaluator"]
    assert [task.name for task in local.tasks_of(workers=1, ps=0, evaluator=False)] == ["chief"]


def test_all_tasks_are_told_of_one_cluster_and_the_evaluator_is_not_in_it():
    tasks = local.tasks_of(workers=3, ps=1, evaluator=True)
    configs = [json.loads(local.tf_config(task, tasks, 4000)) for task in tasks]
    assert all(config["cluster"] == configs[0]["cluster"] for config in configs)
    assert configs[0]["cluster"] == {
        "chief": ["localhost:4000"],
        "worker": ["localhost:4001", "localhost:4002"],
        "ps": ["localhost:4003"],
    }
    assert [config["task"] for config in configs[2:4]] == [{"type": "worker", "index": 1}, {"type": "ps", "index": 0}]
    assert configs[-1]["task"] == {"type": "evaluator", "index": 0}


def test_ports_are_free_up_to_the_one_after_the_largest(monkeypatch):
    tasks = local.tasks_of(workers=2, ps=0, evaluator=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        last = taken.getsockname()[1]
        free = local.free_ports(tasks)
        tries = iter([last, last - 1, last - 2, free])
        monkeypatch.setattr(local.random, "randrange", lambda start, stop: next(tries))
        assert local.free_ports(tasks) == free


def test_no_free_ports_are_one_line(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("", 0))
        monkeypatch.setattr(local.random, "randrange", lambda start, stop: taken.getsockname()[1])
        with pytest.raises(UserError, match="no 2 ports in a row are free"):
            local.free_ports(local.tasks_of(workers=1, ps=0, evaluator=True))


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 50])
def test_workers_share_the_batch_of_the_example(workers):
    command = flags.parse(["main.py", *local.example(workers)])
    assert command
    assert command.values["batch_size"] % workers == 0


def test_the_example_is_changed_as_little_as_can_be():
    as_written = flags.parse(["main.py", f"--flagfile={local.EXAMPLE}"])
    for_two = flags.parse(["main.py", *local.example(2)])
    assert as_written and for_two
    changed = {name for name in as_written.values if as_written.values[name] != for_two.values[name]}
    assert changed <= {"model_dir", "flagfile"}
    assert as_written.values["batch_size"] == local.EXAMPLE_BATCH


def test_tasks_get_the_arguments_a_cluster_and_no_gpu(launch):
    say = 'print(json.dumps([sys.argv[1:], config["cluster"], os.environ["CUDA_VISIBLE_DEVICES"]]))'
    status, lines = launch(say, "--workers=2", "--", "--model_dir=a b", "--seed=1").finish()
    said = [json.loads(line.partition(" | ")[2]) for line in lines if "[" in line]
    assert status == 0
    assert len(said) == 3 and said[0] == said[1] == said[2]
    arguments, cluster, gpus = said[0]
    assert arguments == ["--model_dir=a b", "--seed=1", "--evaluator_task"]
    assert cluster.keys() == {"chief", "worker"} and gpus == "-1"


def test_no_task_waits_for_what_is_typed(launch):
    assert launch("sys.exit(len(sys.stdin.read()))").finish()[0] == 0


def test_without_an_evaluator_there_is_neither_task_nor_flag(launch):
    status, lines = launch("print(sys.argv[1:])", "--workers=1", "--no-evaluator", "--", "--seed=1").finish()
    assert (status, lines[-1]) == (0, "cluster | exit statuses: chief 0")
    assert "chief   | ['--seed=1']" in lines


@pytest.mark.parametrize(("arguments", "wrong"), [(["--workers=0"], "--workers=0"), (["--ps=-1"], "--ps=-1")])
def test_a_wrong_number_of_tasks_is_one_line(arguments, wrong, capsys):
    assert local.main(arguments) == 2
    assert re.fullmatch(rf"error: .*{wrong}.*give at least one worker.*\n", capsys.readouterr().err)


def test_elsewhere_than_beside_the_program_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert local.main([]) == 2
    assert re.fullmatch(r"error: no main.py in .*; run this where it stands\n", capsys.readouterr().err)


# What they say.


def test_lines_come_whole_each_behind_its_task(launch):
    say = """
for number in range(300):
    for part in (f"{role} {number} ", "x" * 5000, "\\n"):
        os.write(1 + number % 2, part.encode())
os.write(1, b"not utf-8: \\xff\\n 10%\\r 20%\\r\\n\\nlast")
"""
    status, lines = launch(say, "--workers=2").finish()
    assert status == 0
    for role, name in {"chief": "chief    ", "worker": "worker 0 ", "evaluator": "evaluator"}.items():
        own = [line.removeprefix(f"{name} | ") for line in lines if line.startswith(f"{name} | ")]
        assert own == [f"{role} {n} {'x' * 5000}" for n in range(300)] + [r"not utf-8: \xff", " 20%", "", "last"]
    assert len(lines) == 3 * 304 + 2, "and two lines of the launcher's own"


def test_prefixes_are_coloured_on_a_terminal_alone(launch):
    terminal, end = pty.openpty()
    started = launch("print('hello')", "--workers=1", "--no-evaluator", stdout=end)
    os.close(end)
    shown = b""
    try:
        while b"exit statuses" not in shown:
            shown += os.read(terminal, 1000)
    finally:
        os.close(terminal)
    assert re.search(rb"\x1b\[\d+mchief   \|\x1b\[0m hello", shown)
    assert started.process.wait() == 0
    assert "chief   | hello" in launch("print('hello')", "--workers=1", "--no-evaluator").finish()[1]


def test_a_reader_who_has_seen_enough_stops_nothing(launch):
    started = launch("print('line\\n' * 20_000)\npathlib.Path(f'{role}.done').touch()", "--workers=2")
    assert started.process.stdout
    started.process.stdout.readline()
    started.process.stdout.close()
    started.process.stdout = None
    assert started.finish()[0] == 0
    assert len(list(started.folder.glob("*.done"))) == 3


# How they end.


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ({"chief": 0, "worker": 0, "evaluator": 0}, 0),
        ({"chief": 76, "worker": 2, "evaluator": 75}, 2),
        ({"chief": 1, "worker": 2, "evaluator": 0}, 2),
        ({"chief": 1, "worker": 76, "evaluator": 75}, 1),
        ({"chief": 76, "worker": 76, "evaluator": 75}, 75),
        ({"chief": 0, "worker": 76, "evaluator": 0}, 76),
        ({"chief": 0, "worker": -9, "evaluator": 76}, 76),
        ({"chief": 0, "worker": -9, "evaluator": 0}, 137),
    ],
)
def test_the_most_telling_exit_status_is_returned(launch, ends, told):
    end = f"end = {ends}[role]\nos.kill(os.getpid(), -end) if end < 0 else sys.exit(end)"
    status, lines = launch(end, "--workers=2").finish()
    assert status == told
    shown = [128 - each if each < 0 else each for each in ends.values()]
    assert lines[-1].endswith(f"| exit statuses: chief {shown[0]}, worker 0 {shown[1]}, evaluator {shown[2]}")


def test_the_others_may_end_by_themselves_after_one_ended_badly(launch):
    late = """
if role == "chief":
    sys.exit(1)
wait_for(lambda: not pathlib.Path(f"/proc/{pathlib.Path('chief-0.pid').read_text()}").exists())
time.sleep(0.5)
sys.exit(76)
"""
    status, lines = launch("wait_for(lambda: len(list(pathlib.Path().glob('*.pid'))) == 3)\n" + late).finish()
    assert status == 1
    assert lines[-1].endswith("exit statuses: chief 1, worker 0 76, evaluator 76")


def test_who_does_not_is_killed(launch):
    end = "wait_for(lambda: len(list(pathlib.Path().glob('*.pid'))) == 3)\nrole == 'chief' and sys.exit(76)\n"
    started = launch(end + DEAF, "--grace=0.5")
    status, lines = started.finish()
    assert status == 76
    assert lines[-1].endswith("exit statuses: chief 76, worker 0 137, evaluator 137")
    assert_gone(started.pids())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_once(launch, number):
    """It comes to the whole group, as from a terminal's Ctrl-C, and again with SIGTERM, as from make."""
    count = """
came = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: came.append(number))
print("ready", flush=True)
wait_for(lambda: came)
print("stopping", flush=True)
wait_for(pathlib.Path("go").exists)
print("came:", came)
sys.exit(75)
"""
    started = launch(count)
    started.wait_for(rb"ready", 3)
    os.killpg(started.process.pid, number)
    started.wait_for(rb"stopping", 3)
    os.kill(started.process.pid, signal.SIGTERM)
    time.sleep(0.5)  # In which it would be passed on again.
    (started.folder / "go").touch()
    status, lines = started.finish()
    assert status == 75
    assert sum(line.endswith(f"came: [{number:d}]") for line in lines) == 3


def test_a_second_interrupt_kills(launch):
    started = launch(DEAF)
    started.wait_for(rb"ready", 3)
    os.kill(started.process.pid, signal.SIGINT)
    time.sleep(0.3)  # Two at once may be one.
    assert all(map(alive, started.pids()))
    os.kill(started.process.pid, signal.SIGINT)
    assert started.finish()[0] == 137
    assert_gone(started.pids())


def test_nothing_outlives_a_launcher_that_is_killed(launch):
    started = launch(DEAF)
    started.wait_for(rb"ready", 3)
    assert all(map(alive, started.pids()))
    started.process.kill()
    assert_gone(started.pids())


def test_what_a_task_leaves_running_ends_with_it(launch):
    leave = """
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(f"left-{role}.pid").write_text(str(left.pid))
"""
    started = launch(leave)
    assert started.finish()[0] == 0
    assert len(started.pids()) == 6
    assert_gone(started.pids())


def test_a_program_that_cannot_be_started_leaves_nothing(monkeypatch):
    tasks = local.tasks_of(workers=2, ps=0, evaluator=False)
    environments = {tasks[0]: {}, tasks[1]: {"with\0nul": ""}}
    seen = []
    popen = subprocess.Popen

    def noted(*arguments, **options):
        seen.append(popen(*arguments, **options))
        return seen[-1]

    monkeypatch.setattr(local.subprocess, "Popen", noted)
    with (
        pytest.raises(ValueError, match="null"),
        local.started([sys.executable, "-c", "import time; time.sleep(600)"], environments),
    ):
        raise AssertionError("it was started")
    assert_gone([process.pid for process in seen])
    assert seen[0].stdout
    seen[0].stdout.close()

"""A whole cluster job on this machine, each task a process of main.py: to try one out, or to watch it fail.

    python -m cluster.local --workers=2 -- --flagfile=configs/quickstart.flags --model_dir=runs/try

`--workers` counts the tasks that train, the chief among them; one more evaluates. All of them use the processor. Their
lines come out one by one, each behind its task's name. The first Ctrl-C or SIGTERM is passed on to every task, and what
they make of it is waited for; a second Ctrl-C kills them. Where one ends badly, the others have a minute to end by
themselves. Returns 0 where all did, else the status that tells most: 2, 1, 75, 76, any other.

Nothing outlives this process. It kills what is left when it ends, and where it is killed itself the kernel does that
(PR_SET_PDEATHSIG, on Linux alone). TensorBoard, a child of a task, sees to itself.
"""

import argparse
import contextlib
import ctypes
import dataclasses
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from cluster.prefixed import Output
from cluster.task import Role, name_of
from settings import ExitStatus, UserError

Process: TypeAlias = subprocess.Popen[bytes]

EXAMPLE = "configs/quickstart.flags"
EXAMPLE_BATCH = 32  # The example's own batch size, to be made one that the workers can share.

_PROGRAM = "main.py"
_OWN_NAME = "cluster"
_LOOK_SECONDS = 0.1
_LAST_LINES_SECONDS = 5.0
# Below the ports that Linux gives to outgoing connections.
_PORTS = range(10_000, 32_000)
_MOST_TELLING = (ExitStatus.USAGE, ExitStatus.FAILED, ExitStatus.PREEMPTED, ExitStatus.PEER_LOST)
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclasses.dataclass(frozen=True)
class Task:
    """A process of the job."""

    role: Role
    index: int

    @property
    def name(self) -> str:
        return name_of(self.role, self.index)


def tasks_of(*, workers: int, ps: int, evaluator: bool) -> list[Task]:
    """The tasks of a job of which `workers` train, the chief among them."""
    counts = {Role.CHIEF: 1, Role.WORKER: workers - 1, Role.PS: ps, Role.EVALUATOR: int(evaluator)}
    return [Task(role, index) for role, count in counts.items() for index in range(count)]


def tf_config(task: Task, tasks: Sequence[Task], first_port: int) -> str:
    """TF_CONFIG of `task`. As under Kubernetes' training operator, the cluster in it is without the evaluator."""
    cluster: dict[str, list[str]] = {}
    for port, each in enumerate(_listening(tasks), first_port):
        cluster.setdefault(each.role.value, []).append(f"localhost:{port}")
    return json.dumps({"cluster": cluster, "task": {"type": task.role.value, "index": task.index}})


def free_ports(tasks: Sequence[Task]) -> int:
    """The first of a row of ports that nobody listens on: one a task of the cluster, and the one after the largest.

    On that one the chief listens to the other tasks. Nothing keeps them free.

    Raises:
      UserError: there are none.
    """
    count = len(_listening(tasks)) + 1
    for _ in range(1000):
        first = random.randrange(_PORTS.start, _PORTS.stop - count)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("", port))  # On all addresses, as TensorFlow does.
            return first
    raise UserError(f"no {count} ports in a row are free from {_PORTS.start} to {_PORTS.stop}; end what holds them")


def most_telling(statuses: Sequence[int]) -> int:
    """The one exit status to return for those of all tasks."""
    known = [status for status in _MOST_TELLING if status in statuses]
    return int(known[0]) if known else max(statuses)


def example(workers: int) -> list[str]:
    """Arguments of main.py for who gives none: the quick start, in a directory of its own."""
    batch = workers * max(1, EXAMPLE_BATCH // workers)
    return [f"--flagfile={EXAMPLE}", "--model_dir=runs/cluster-local", f"--batch_size={batch}"]


class Signals:
    """SIGINT and SIGTERM since this was made, which interrupt nothing."""

    def __init__(self) -> None:
        self.came: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: self.came.append(number))

    @property
    def kill(self) -> bool:
        # Not a second SIGTERM: make passes its own on, to a process that may have had one already.
        return self.came.count(signal.SIGINT) > 1


@contextlib.contextmanager
def started(command: Sequence[str], environments: Mapping[Task, Mapping[str, str]]) -> Iterator[Mapping[Task, Process]]:
    """One process of `command` a task, in a group of its own that Ctrl-C on the terminal does not reach.

    All are gone after the block. To be called in the main thread: a task ends with the thread that started it.
    """
    launcher = os.getpid()

    def end_with_launcher() -> None:
        # Runs in the child, before it becomes the command.
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(1)

    processes: dict[Task, Process] = {}
    try:
        for task, environment in environments.items():
            processes[task] = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_launcher if sys.platform == "linux" else None,
            )
        yield processes
    finally:
        for process in processes.values():
            if process.returncode is None:
                _kill_group(process)
                process.wait()


def wait_for_all(processes: Mapping[Task, Process], signals: Signals, *, grace: float) -> dict[Task, int]:
    """The exit status of every task, as a shell says it. `grace`: seconds for the others after one ended badly."""
    statuses: dict[Task, int] = {}
    passed_on, deadline = False, float("inf")
    while len(statuses) < len(processes):
        running = [process for task, process in processes.items() if task not in statuses]
        if signals.kill or time.monotonic() > deadline:
            for process in running:
                _kill_group(process)
        elif signals.came and not passed_on:
            passed_on = True
            for process in running:
                os.kill(process.pid, signals.came[0])  # It is no other's: nothing has taken its status.
        time.sleep(_LOOK_SECONDS)
        for task, process in processes.items():
            status = _ended(process) if task not in statuses else None
            if status is not None:
                statuses[task] = status
                if status:
                    deadline = min(deadline, time.monotonic() + grace)
    return statuses


def main(argv: Sequence[str]) -> int:
    """Runs the job and returns the exit status."""
    try:
        return _run(_parse(argv))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitStatus.USAGE


def _run(given: argparse.Namespace) -> int:
    tasks = tasks_of(workers=given.workers, ps=given.ps, evaluator=given.evaluator)
    first_port = free_ports(tasks)
    arguments = [*(given.arguments or example(given.workers)), *["--evaluator_task"] * given.evaluator]
    environments = {
        task: {"TF_CONFIG": tf_config(task, tasks, first_port), "CUDA_VISIBLE_DEVICES": "-1", "PYTHONUNBUFFERED": "1"}
        for task in tasks
    }
    output = Output([_OWN_NAME, *(task.name for task in tasks)], color=sys.stdout.isatty())
    signals = Signals()
    with started([sys.executable, _PROGRAM, *arguments], environments) as processes:
        followers = [
            threading.Thread(target=output.follow, args=[task.name, process.stdout], daemon=True)
            for task, process in processes.items()
        ]
        for follower in followers:
            follower.start()
        places = ", ".join(f"{task.name} at port {port}" for port, task in enumerate(_listening(tasks), first_port))
        output.line(_OWN_NAME, f"{_PROGRAM} {' '.join(arguments)}; {places}".encode())
        statuses = wait_for_all(processes, signals, grace=given.grace)
    for follower in followers:
        follower.join(_LAST_LINES_SECONDS)
    ends = ", ".join(f"{task.name} {statuses[task]}" for task in tasks)
    output.line(_OWN_NAME, f"exit statuses: {ends}".encode())
    return most_telling(list(statuses.values()))


def _listening(tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if task.role is not Role.EVALUATOR]


def _ended(process: Process) -> int | None:
    """The status of a process that has ended; what it left running in its group is killed."""
    # Seen but not yet taken, so that its number, which is the group's, cannot be another's by now.
    if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        return None
    _kill_group(process)
    status = process.wait()
    return status if status >= 0 else 128 - status


def _kill_group(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cluster.local", description="A cluster job on this machine.")
    parser.add_argument("--workers", type=int, default=2, help="tasks that train, the chief among them (default: 2)")
    parser.add_argument("--ps", type=int, default=0, help="parameter servers (default: 0)")
    parser.add_argument("--no-evaluator", dest="evaluator", action="store_false", help="the chief evaluates")
    parser.add_argument(
        "--grace", type=float, default=60.0, help="seconds for the other tasks after one has ended badly (default: 60)"
    )
    parser.add_argument(
        "arguments", nargs="*", metavar="-- ARGUMENT", help=f"of {_PROGRAM} (default: {' '.join(example(2))})"
    )
    given = parser.parse_args(argv)
    if given.workers < 1 or given.ps < 0:
        raise UserError(f"--workers={given.workers} --ps={given.ps}: give at least one worker, and no fewer than 0 ps")
    if not os.path.exists(_PROGRAM):
        raise UserError(f"no {_PROGRAM} in {os.getcwd()}; run this where it stands")
    return given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

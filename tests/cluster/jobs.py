"""Makers of jobs: tasks, limits and times short enough for tests, and tasks that run in threads of one process."""

import dataclasses
import threading
import time

import settings
from cluster import membership
from cluster.membership import Announcement, Ending, calling
from cluster.membership.messages import LONGEST, encode
from cluster.membership.party import Times
from cluster.task import Role, Task, split
from tests.processes import free_ports

# Long where something must not happen, short where it must.
TIMES = Times(
    hello=20.0,
    latecomers=0.5,
    token=1.0,
    goodbyes=20.0,
    farewell=5.0,
    settling=0.2,
    clean_up=5.0,
    preempted=20.0,
    complete=20.0,
)
COMPLETE = Announcement(Ending.COMPLETE, 7)
LONG = 60  # seconds; no test waits that long but where it fails


def make_limits(**changes):
    values = {"evaluator_task": False, "startup_timeout": LONG, "peer_timeout": LONG, "stall_timeout": LONG}
    return settings.Cluster(**{**values, **changes})


def make_tasks(*, workers=1, ps=0, evaluator=False, ports=None):
    """The tasks of a cluster, by name, at `ports` of this machine."""
    counts = {Role.CHIEF: 1, Role.WORKER: workers, Role.PS: ps, Role.EVALUATOR: int(evaluator)}
    left = iter(ports or range(2222, 2222 + sum(counts.values())))
    addresses = {
        role: tuple(f"localhost:{next(left)}" for _ in range(count)) for role, count in counts.items() if count
    }
    tasks = [Task(role, index, addresses) for role, each in addresses.items() for index in range(len(each))]
    return {task.name: task for task in tasks}


class Running:
    """A task in a thread: `body` gets its membership. `left` is set where its process would have ended."""

    def __init__(self, task, limits, body, **options):
        self.task = task
        self.model_dir = options["model_dir"]
        self.lines: list[str] = []
        self.statuses: list[int] = []
        self.asked = threading.Event()
        self.left = threading.Event()
        self.inside = threading.Event()
        self.error: BaseException | None = None
        self.result = None
        self._body = body
        self._joined = lambda: membership.joined(
            task,
            limits,
            **{
                "run": {"batch_size": 64},
                "on_stop_asked": self.asked.set,
                "tell": self.lines.append,
                "leave": self._leave,
                **options,
            },
        )
        self._thread = threading.Thread(target=self._run, name=task.name)
        self._thread.start()

    def finish(self):
        self._thread.join(LONG)
        assert not self._thread.is_alive(), f"{self.task.name} did not end"
        return self

    def _leave(self, status):
        self.statuses.append(status)
        self.left.set()

    def _run(self):
        try:
            with self._joined() as members:
                self.inside.set()
                self.result = self._body(self, members)
        except BaseException as error:
            self.error = error


class Job:
    """The tasks of one job, started one by one or all at once."""

    def __init__(self, model_dir, limits=None, **kinds):
        count = 1 + kinds.get("workers", 1) + kinds.get("ps", 0) + kinds.get("evaluator", False)
        self.tasks = make_tasks(ports=free_ports(count), **kinds)
        self.model_dir = str(model_dir)
        self.limits = limits or make_limits()
        self.running: list[Running] = []

    def start(self, name, body, **options):
        task = options.pop("task", self.tasks[name])
        limits = options.pop("limits", self.limits)
        running = Running(task, limits, body, **{"model_dir": self.model_dir, **options})
        self.running.append(running)
        return running

    def start_all(self, body, **options):
        """In each task `body`, or that of its name in `options`."""
        return [self.start(name, options.get(name.replace(" ", "_"), body)) for name in self.tasks]


def nothing(task, members):
    return None


def until_left(task, members):
    """As a task whose main thread is held up: it does nothing until its process is ended."""
    assert task.left.wait(LONG)


def train(task, members):
    """As a run that is complete at step 7."""
    if task.task.is_chief:
        members.announce(*dataclasses.astuple(COMPLETE))
        members.wait_for_evaluator()
        return members.announced
    return members.wait_for_announcement(LONG)


def raising(error):
    def body(task, members):
        raise error

    return body


def wait_until(so):
    deadline = time.monotonic() + LONG
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def finish(job):
    return [task.finish() for task in job.running]


def call_as(job, name, connection):
    """Comes into the job as a task of that name would, and then says nothing more."""
    task = job.tasks[name]
    place = split(task.watch_address)
    wait_until(lambda: connection.connect_ex(place) == 0)
    connection.settimeout(LONG)
    connection.sendall(encode(calling.hello_of(task, {"batch_size": 64})))
    assert b"welcome" in connection.recv(LONGEST)
    connection.sendall(b'{"kind": "ready"}\n')

"""Makers of jobs: tasks, limits and times short enough for tests, and tasks that run in threads of one process."""

import contextlib
import threading

import settings
from cluster import membership
from cluster.party import Times
from cluster.task import Role, Task
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


@contextlib.contextmanager
def without_threads_left():
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(LONG)
        assert not thread.is_alive(), thread

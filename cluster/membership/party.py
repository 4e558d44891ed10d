"""What a task knows of the others of its job, and what it has to do: what the chief's side and the others' share.

No sockets, threads or clocks here. Who has those tells what came over which connection and what time it is, in seconds
of a clock of his own, and then does what is asked for: sends, closes, tells, ends.
"""

import dataclasses
import time
from collections.abc import Callable

import settings
from cluster.membership.messages import Announcement, Beat, Cause, Failure, Goodbye, Message, one_line
from cluster.task import Role, Task, name_of
from settings import ExitStatus

LONGEST_TICK = 2.0  # seconds


@dataclasses.dataclass(frozen=True)
class Times:
    """How long, in seconds, something may take.

    `hello`: a caller to say who it is. `latecomers`: tasks to come to a job that is refused. `token`: a file to be seen
    on another host, since network file systems cache. `goodbyes`: the others to leave after the chief. `farewell`: a
    last message to arrive. `settling`: a loss to be noticed that may be why a task failed. `clean_up`: what is done
    before a process is ended. `preempted`, `complete`: a task to leave by itself after that announcement.
    """

    hello: float
    latecomers: float
    token: float
    goodbyes: float
    farewell: float
    settling: float
    clean_up: float
    preempted: float
    complete: float


TIMES = Times(
    hello=10.0,
    latecomers=15.0,
    token=15.0,
    goodbyes=30.0,
    farewell=3.0,
    settling=1.0,
    clean_up=10.0,
    preempted=10.0,
    complete=60.0,
)


@dataclasses.dataclass(frozen=True)
class End:
    """This task is to end now, with `status`; `line` says why."""

    status: ExitStatus
    line: str


class Clock:
    """Time as this process lived it: a stretch in which it did not run at all counts as `LONGEST_TICK` at most.

    A process that was stopped for a minute, or a laptop that was closed, has not heard of the others for no fault of
    theirs.
    """

    def __init__(self, longest_tick: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest_tick = longest_tick
        self._clock = clock
        self._last = clock()
        self._now = 0.0

    def advance(self) -> float:
        """The seconds since the beginning."""
        now = self._clock()
        self._now += min(now - self._last, self._longest_tick)
        self._last = now
        return self._now


def described(task: Task, role: Role, index: int) -> str:
    """What to call a task of `task`'s cluster in a message, such as `worker 1 (b:2222)`."""
    name = "the chief" if role is Role.CHIEF else name_of(role, index)
    address = task.address_of(role, index)
    return f"{name} ({address})" if address else name


def blamed(name: str, failure: Failure) -> str:
    """The line of a failure for the other tasks, with the name of the one that says so."""
    return one_line(f"{name}: {failure.line}" if failure.cause is Cause.USAGE else f"{name} failed ({failure.line})")


def consequence(status: ExitStatus) -> str:
    """What to say after the line of an end with `status`."""
    if status is not ExitStatus.PEER_LOST:
        return ""
    return f"; this task ends with status {status.value}, so that the job is started again from its newest checkpoint"


class Party:
    """One task's side.

    For its owner to take out: `outbox` (connection, message), `closing` (connections), `lines` to tell. What is so:
    `begun` (the tasks go), `asked_to_stop` (the job, by another task), `announcement`, `evaluator_left`, `end`, and
    `over` (this task has left, and no other needs it any more).
    """

    def __init__(self, limits: settings.Cluster, times: Times) -> None:
        self.outbox: list[tuple[int, Message]] = []
        self.closing: list[int] = []
        self.lines: list[str] = []
        self.begun = False
        self.asked_to_stop = False
        self.announcement: Announcement | None = None
        self.evaluator_left = False
        self.end: End | None = None
        self.over = False
        self._limits = limits
        self._times = times
        self._farewell: Goodbye | Failure | None = None
        self._speaks_at = 0.0
        self._has_spoken = False
        self._beat_at = 0.0

    def leave(self, farewell: Goodbye | Failure, now: float) -> None:
        """This task leaves. Of an error the others hear a little later, unless it turns out to come of a loss."""
        self._farewell = farewell
        is_error = isinstance(farewell, Failure) and farewell.cause is Cause.ERROR
        self._speaks_at = now + (self._times.settling if is_error else 0.0)

    def _go_on_leaving(self, *, links: list[int], patience: float, now: float) -> None:
        """Tells those at `links`, who are still there, and waits for them to go, `patience` seconds at most."""
        if self._farewell is None or now < self._speaks_at:
            return
        if not self._has_spoken:
            self._has_spoken = True
            self._send(links, self._farewell)
        self.over = not links or now - self._speaks_at >= patience

    def _beat(self, links: list[int], now: float) -> None:
        if now >= self._beat_at:
            self._beat_at = now + beat_seconds(self._limits)
            self._send(links, Beat())

    def _send(self, links: list[int], message: Message) -> None:
        self.outbox += [(link, message) for link in links]


def beat_seconds(limits: settings.Cluster) -> float:
    """How often a task says that it is alive."""
    return limits.peer_timeout / 10

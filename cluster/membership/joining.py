"""Joining a job, and being one of its tasks.

One thread in each process (`watcher.py`) does all that follows, because the main thread may be in a step that never
ends once another task is gone; so that thread ends the process.
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import settings
from cluster.membership import calling, shared_token
from cluster.membership.follower import Follower
from cluster.membership.messages import Announcement, Cause, Ending, Failure, Goodbye, one_line
from cluster.membership.party import TIMES, beat_seconds, consequence
from cluster.membership.roster import Roster
from cluster.membership.watcher import Duties, Watcher
from cluster.membership.wires import Wires
from cluster.task import Task
from settings import ExitStatus, PeerLost, Preempted, UserError

__all__ = ["Announcement", "Ending", "Membership", "joined"]

_LONGEST_TICK = 0.5  # seconds
_SECONDS_BETWEEN_LOOKS = 0.2


class Membership:
    """A task's place among the others of its job. This one is that of a task alone, and does nothing."""

    @property
    def announced(self) -> Announcement | None:
        """What the chief has announced so far; for the chief, what it has announced itself."""
        return None

    def progress(self) -> None:
        """Says that a step is done."""

    @contextlib.contextmanager
    def paused(self, why: str) -> Iterator[None]:
        """A stretch without steps that is no stall: an evaluation, a checkpoint, the building of a graph."""
        yield

    def ask_to_stop(self) -> None:
        """Asks the chief to stop the job; for any task, and for signal handlers."""

    def announce(self, ending: Ending, step: int) -> None:
        """Tells every task, now, how the job ends and at which global step. For the chief; the last one counts."""

    def wait_for_announcement(self, seconds: float) -> Announcement | None:
        """What the chief has announced, as soon as it has; None where it has not within `seconds`."""
        return None

    def wait_for_evaluator(self) -> None:
        """Returns once the evaluator has left, or at once where there is none. For the chief."""


class _Member(Membership):
    """A place that a thread watches over."""

    def __init__(self, watcher: Watcher, on_stop_asked: Callable[[], None]) -> None:
        self._watcher = watcher
        self._on_stop_asked = on_stop_asked
        self._own: Announcement | None = None

    @property
    def announced(self) -> Announcement | None:
        return self._own or self._watcher.party.announcement

    def progress(self) -> None:
        self._watcher.stepped = True

    @contextlib.contextmanager
    def paused(self, why: str) -> Iterator[None]:
        self._watcher.pauses.append(why)
        try:
            yield
        finally:
            self._watcher.pauses.remove(why)

    def ask_to_stop(self) -> None:
        party = self._watcher.party
        if isinstance(party, Follower):
            self._watcher.post(lambda now: party.ask_to_stop())
        else:
            self._on_stop_asked()

    def announce(self, ending: Ending, step: int) -> None:
        party = self._watcher.party
        if not isinstance(party, Roster):
            raise RuntimeError("only the chief announces how a job ends")
        own = Announcement(ending, int(step))
        self._own = own
        self._watcher.post(lambda now: party.announce(own))

    def wait_for_announcement(self, seconds: float) -> Announcement | None:
        if self.announced is None:
            self._watcher.has_announcement.wait(seconds)
        return self.announced

    def wait_for_evaluator(self) -> None:
        self._watcher.evaluator_has_left.wait()


def _print(line: str) -> None:
    print(line, flush=True)


@contextlib.contextmanager
def joined(
    task: Task,
    limits: settings.Cluster,
    *,
    model_dir: str,
    run: Mapping[str, object],
    on_stop_asked: Callable[[], None],
    tell: Callable[[str], None] = _print,
    leave: Callable[[int], None] = os._exit,
    clean_up: Callable[[], None] = lambda: None,
    prepare: Callable[[], None] = lambda: None,
    stop_signals: Collection[int] = (),
) -> Iterator[Membership]:
    """Starts together with the other tasks of the job, and is one of them while the block runs.

    `run` has the flags, as JSON values, that all tasks must share. `on_stop_asked` is called in the chief, in another
    thread, when the first of the others asks it to stop. Once all tasks have begun, a loss ends this process wherever
    it stands, by a line, `clean_up` and `leave` with an exit status. How the block ends is told to the others.

    `stop_signals` are those that ask this task to stop. Of one the chief is told at once: the main thread, which takes
    signals, may be in a step that waits for the chief.

    `prepare` is what the chief has to do before any other task begins: a UserError in it ends them all. One alone just
    does it.

    Raises:
      UserError: the tasks do not fit together, or one of them cannot begin.
      PeerLost: not all tasks came, or one that had come was lost, before the job began.
    """
    if task.is_alone:
        prepare()
        yield Membership()
        return

    duties = Duties(on_stop_asked, tell, leave, clean_up, stop_signals)
    job = _Job(task, limits, model_dir, calling.as_json(run), duties, prepare)
    with _as_chief(job) if task.is_chief else _as_follower(job) as watcher, watcher.noticing_signals():
        yield _Member(watcher, on_stop_asked)


@dataclasses.dataclass(frozen=True)
class _Job:
    task: Task
    limits: settings.Cluster
    model_dir: str
    run: Mapping[str, Any]
    duties: Duties
    prepare: Callable[[], None]


@contextlib.contextmanager
def _as_chief(job: _Job) -> Iterator[Watcher]:
    with contextlib.ExitStack() as until_begun:
        listener = until_begun.enter_context(calling.listen(job.task))
        token = until_begun.enter_context(shared_token.written(job.model_dir))
        party = Roster(job.task, job.limits, run=job.run, token=token, times=TIMES)
        with _watched(job, party, Wires(listener)) as watcher:
            with calling.own_port(job.task):
                job.prepare()
                watcher.post(party.be_ready)
                _wait_to_begin(watcher)
            until_begun.close()
            yield watcher


@contextlib.contextmanager
def _as_follower(job: _Job) -> Iterator[Watcher]:
    hello = calling.hello_of(job.task, job.run)
    connection, token = calling.call(job.task, job.limits, hello=hello, tell=job.duties.tell)
    wires = Wires()
    party = Follower(job.task, job.limits, link=wires.add(connection), times=TIMES)
    with _watched(job, party, wires) as watcher:
        with calling.own_port(job.task):
            _look_for_token(job, watcher, token, host=hello.host)
            watcher.post(lambda now: party.saw_token())
            _wait_to_begin(watcher)
        yield watcher


@contextlib.contextmanager
def _watched(job: _Job, party: Roster | Follower, wires: Wires) -> Iterator[Watcher]:
    """Runs the thread for as long as the block runs, and then tells the others how the block ended."""
    tick = min(_LONGEST_TICK, beat_seconds(job.limits))
    watcher = Watcher(party, wires, tick=tick, times=TIMES, duties=job.duties)
    watcher.start()
    farewell: Goodbye | Failure = Failure(Cause.ERROR, "it ended")
    try:
        yield watcher
        farewell = Goodbye(party.announcement.ending if party.announcement else Ending.COMPLETE)
    except Preempted:
        farewell = Goodbye(Ending.PREEMPTED)
        raise
    except UserError as error:
        farewell = Failure(Cause.USAGE, one_line(str(error)))
        raise
    except BaseException as error:
        farewell = Failure(Cause.ERROR, one_line(f"{type(error).__name__}: {error}"))
        raise
    finally:
        # A forked child has neither the thread nor the connections: this says nothing there, and does not wait.
        watcher.finish(farewell)


def _look_for_token(job: _Job, watcher: Watcher, token: str, *, host: str) -> None:
    deadline = time.monotonic() + TIMES.token
    while not shared_token.is_seen(job.model_dir, token):
        if watcher.has_begun.wait(_SECONDS_BETWEEN_LOOKS):
            # Something else has ended the start.
            return
        if time.monotonic() >= deadline:
            raise UserError(
                f"{job.task.name} on host {host} does not see --model_dir={job.model_dir} as the chief does; give a"
                " directory that all tasks share"
            )


def _wait_to_begin(watcher: Watcher) -> None:
    watcher.has_begun.wait()
    end = watcher.party.end
    if watcher.party.begun:
        return
    if end is None:
        raise RuntimeError("the thread that watches the other tasks has failed")
    if end.status is ExitStatus.USAGE:
        raise UserError(end.line)
    raise PeerLost(f"{end.line}{consequence(end.status)}")

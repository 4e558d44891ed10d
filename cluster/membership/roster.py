"""The chief's side of a job: who is there, when it was last heard, and what follows from that."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import settings
from cluster.membership.admission import Strangers, Waiting, listed, refusal
from cluster.membership.entries import Entries, Entry
from cluster.membership.messages import (
    VERSION,
    Announcement,
    AskToStop,
    Beat,
    Cause,
    Ending,
    Failure,
    Go,
    Goodbye,
    Hello,
    Message,
    OtherHello,
    Ready,
    Welcome,
    one_line,
)
from cluster.membership.party import End, Party, Times, blamed, described
from cluster.task import Role, Task
from settings import ExitStatus

CLOSED = "its connection was closed"
_SPARE_STRANGERS = 32
_TOLD_STRANGERS = 3


class Roster(Party):
    """What the chief knows of the others. `run` has the flags that all tasks must share, as JSON gives them back."""

    def __init__(
        self, task: Task, limits: settings.Cluster, *, run: Mapping[str, Any], token: str, times: Times
    ) -> None:
        super().__init__(limits, times)
        self._task = task
        self._run = run
        self._token = token
        self._entries = Entries(task)
        self._strangers = Strangers(most=_SPARE_STRANGERS + len(task.peers), seconds=times.hello)
        self._told_strangers = 0
        self._is_ready = False
        self._waiting = Waiting()
        self._refusal: str | None = None
        self._came: set[tuple[Role, int]] = set()
        self._refuses_until: float | None = None
        self._stepped_at = 0.0
        self._paused_for: str | None = None
        # Since when, and by whom, the chief may be held up in a step that never ends.
        self._deserted: tuple[float, str] | None = None
        self.evaluator_left = not task.has_evaluator

    def opened(self, link: int, now: float) -> None:
        """Somebody has connected."""
        if self._is_open:
            self._strangers.add(link, now)
        else:
            self.closing.append(link)

    def received(self, link: int, message: Message, now: float) -> None:
        """A message has come."""
        entry = self._entries.at(link)
        if entry is None:
            if link in self._strangers and self._is_open:
                self._greet(link, message, now)
            return
        entry.heard = now
        match message:
            case Beat():
                pass
            case Ready():
                entry.ready = True
                self._begin_if_all_are_ready(now)
            case AskToStop():
                self.asked_to_stop = True
            case Goodbye():
                self._take_goodbye(entry, message.ending, now)
            case Failure():
                self._take_failure(entry, message)
            case _:
                self._lose(entry, "it sent what no task sends")

    def closed(self, link: int) -> None:
        """The other side has closed a connection."""
        self._strangers.discard(link)
        if entry := self._entries.at(link):
            self._lose(entry, CLOSED)

    def garbled(self, link: int, why: str) -> None:
        """What came over a connection is no message."""
        if entry := self._entries.at(link):
            self._lose(entry, f"it sent what no task sends ({why})")
        elif link in self._strangers:
            if self._told_strangers < _TOLD_STRANGERS:
                self.lines.append(f"dropped a connection from somebody who is no task of this job ({why})")
            self._told_strangers += 1
            self._drop(link)

    def be_ready(self, now: float) -> None:
        """The chief itself is ready."""
        self._is_ready = True
        self._begin_if_all_are_ready(now)

    def announce(self, announcement: Announcement) -> None:
        """Tells every task how the job ends."""
        self.announcement = announcement
        self._send(self._entries.links, announcement)

    def leave(self, farewell: Goodbye | Failure, now: float) -> None:
        """As for any task; the others hear of the chief's failure by its name."""
        if isinstance(farewell, Failure):
            farewell = dataclasses.replace(farewell, line=blamed(described(self._task, Role.CHIEF, 0), farewell))
            if farewell.cause is Cause.USAGE and not self.begun:
                self._fail(Cause.USAGE, farewell.line)
                return
        super().leave(farewell, now)

    def tick(self, now: float, *, stepped: bool, paused_for: str | None) -> None:
        """Time has passed. `stepped`: a step was done since the last call. `paused_for`: why none is to be expected."""
        self.closing += self._strangers.take_overdue(now)
        self._beat(self._entries.links, now)
        for entry in self._entries.here:
            if now - entry.heard >= self._limits.peer_timeout:
                self._lose(entry, f"it was silent for {self._limits.peer_timeout} s")
        if self._farewell is None:
            if self.begun:
                self._watch_steps(now, stepped=stepped, paused_for=paused_for)
            else:
                self._wait(now)
        is_failure = isinstance(self._farewell, Failure)
        patience = self._times.farewell if is_failure else self._times.goodbyes
        self._go_on_leaving(links=self._entries.links, patience=patience, now=now)

    def _greet(self, link: int, message: Message, now: float) -> None:
        match message:
            case Hello():
                self._admit(link, message, now)
            case OtherHello():
                self._refuse(
                    link,
                    f"a task speaks version {message.version} of this program's messages, the chief version {VERSION};"
                    " start all tasks from the same code",
                )
            case _:
                self.garbled(link, "it did not say hello")

    def _admit(self, link: int, hello: Hello, now: float) -> None:
        self._came.add((hello.role, hello.index))
        present = self._entries.hello_of(hello.role, hello.index)
        line = self._refusal or refusal(self._task, hello, run=self._run, present=present)
        if line:
            self._refuse(link, line)
        else:
            self._strangers.discard(link)
            self._entries.add(hello, link=link, now=now)
            self._send([link], Welcome(self._token))

    def _refuse(self, link: int, line: str) -> None:
        self._send([link], Failure(Cause.USAGE, line))
        self._drop(link)
        self._fail(Cause.USAGE, line)

    def _begin_if_all_are_ready(self, now: float) -> None:
        if not self._is_open or not self._is_ready or self._entries.missing or self._entries.unready:
            return
        self.begun = True
        self._stepped_at = now
        self._send(self._entries.links, Go())
        self.closing += self._strangers.take_all()

    def _take_goodbye(self, entry: Entry, ending: Ending, now: float) -> None:
        self._remove(entry)
        if not self.begun:
            self._fail(Cause.LOST, f"{entry.name} left before the job began")
        elif ending is Ending.PREEMPTED and self.announcement is None:
            self.asked_to_stop = True
            if entry.hello.role is not Role.EVALUATOR:
                self._deserted = (now, f"{entry.name} was told to stop, and has left")

    def _take_failure(self, entry: Entry, failure: Failure) -> None:
        self._remove(entry)
        line = blamed(entry.name, failure)
        if self._farewell or (failure.cause is not Cause.USAGE and not self._is_needed(entry)):
            self.lines.append(line)
        else:
            self._fail(failure.cause, line)

    def _lose(self, entry: Entry, why: str) -> None:
        self._remove(entry)
        if self._has_spoken:
            return
        if self._is_needed(entry):
            line = f"lost {entry.name}: {why}"
            self._fail(Cause.LOST, line, to_others=f"the chief {line}")
        else:
            self.lines.append(f"{entry.name} is gone: {why}; the job ends all the same")

    def _is_needed(self, entry: Entry) -> bool:
        """Whether the job can no longer end well without this task."""
        if self.announcement is None:
            return True
        return self.announcement.ending is Ending.COMPLETE and entry.hello.role is Role.EVALUATOR

    def _fail(self, cause: Cause, line: str, *, to_others: str | None = None) -> None:
        if self.end or self._refusal:
            return
        self._send(self._entries.links, Failure(cause, one_line(to_others or line)))
        if cause is Cause.USAGE and not self.begun:
            self._refusal = one_line(line)
            for entry in self._entries.here:
                entry.here = False
            return
        self.closing += self._strangers.take_all()
        self.end = End(ExitStatus.USAGE if cause is Cause.USAGE else ExitStatus.PEER_LOST, one_line(line))

    def _watch_steps(self, now: float, *, stepped: bool, paused_for: str | None) -> None:
        if stepped or paused_for:
            self._stepped_at, self._paused_for = now, paused_for
        if self._deserted and self.announcement is None:
            since, line = self._deserted
            if now - max(since, self._stepped_at) >= self._times.preempted:
                self._fail(Cause.LOST, line)
        is_complete = self.announcement is not None and self.announcement.ending is Ending.COMPLETE
        if not is_complete and now - self._stepped_at >= self._limits.stall_timeout:
            after = f" after {self._paused_for}" if self._paused_for else ""
            self._fail(Cause.LOST, f"no step for {self._limits.stall_timeout} s{after}")

    def _wait(self, now: float) -> None:
        """Before the job begins."""
        if self._refusal:
            self._refuse_latecomers(self._refusal, now)
            return
        if self._entries.missing:
            whom = listed(self._entries.missing)
        elif self._entries.unready:
            whom = f"{listed(self._entries.unready)} to see --model_dir"
        else:
            whom = "the chief itself"
        if now >= self._limits.startup_timeout:
            self._fail(Cause.LOST, f"waited {self._limits.startup_timeout} s in vain for {whom}")
        elif line := self._waiting.line(whom, now):
            self.lines.append(line)

    def _refuse_latecomers(self, line: str, now: float) -> None:
        """Goes on for a while so that those who come later hear why the job does not begin, and do not wait in vain."""
        if self._refuses_until is None:
            self._refuses_until = now + self._times.latecomers
        late = [described(self._task, *peer) for peer in self._task.peers if peer not in self._came]
        if not late or now >= self._refuses_until:
            self.end = End(ExitStatus.USAGE, line)
        elif waiting := self._waiting.line(f"{listed(late)}, to say that the job cannot begin", now):
            self.lines.append(waiting)

    @property
    def _is_open(self) -> bool:
        """Whether tasks may still come."""
        return not (self.begun or self.end or self._farewell)

    def _remove(self, entry: Entry) -> None:
        entry.here = False
        self.closing.append(entry.link)
        if entry.hello.role is Role.EVALUATOR:
            self.evaluator_left = True

    def _drop(self, link: int) -> None:
        self._strangers.discard(link)
        self.closing.append(link)

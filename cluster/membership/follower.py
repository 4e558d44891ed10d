"""The side of a task that is not the chief: whether the chief is there, and what it has said."""

import settings
from cluster.membership.messages import (
    Announcement,
    AskToStop,
    Beat,
    Cause,
    Ending,
    Failure,
    Go,
    Goodbye,
    Message,
    Ready,
)
from cluster.membership.party import End, Party, Times, described
from cluster.membership.roster import CLOSED
from cluster.task import Role, Task
from settings import ExitStatus

_SECONDS_BETWEEN_LINES = 30.0
_STATUS = {Ending.COMPLETE: ExitStatus.COMPLETE, Ending.PREEMPTED: ExitStatus.PREEMPTED}


class Follower(Party):
    """What a task knows that the chief, at the other end of the connection `link`, has welcomed at time 0."""

    def __init__(self, task: Task, limits: settings.Cluster, *, link: int, times: Times) -> None:
        super().__init__(limits, times)
        self._role = task.role
        self._chief = described(task, Role.CHIEF, 0)
        self._link: int | None = link
        self._heard = 0.0
        self._told_at = 0.0
        self._chief_has_left = False
        # When the task is ended that does not leave by itself, and how.
        self._ends_at: float | None = None
        self._ends_as = Ending.COMPLETE

    def opened(self, link: int, now: float) -> None:
        """Nobody connects to this task."""
        self.closing.append(link)

    def saw_token(self) -> None:
        """This task has found the token: it is ready."""
        self._send(self._links(), Ready())

    def ask_to_stop(self) -> None:
        """Asks the chief to stop the job."""
        self._send(self._links(), AskToStop())

    def received(self, link: int, message: Message, now: float) -> None:
        """A message has come."""
        if link != self._link:
            return
        self._heard = now
        match message:
            case Beat():
                pass
            case Go():
                self.begun = True
            case Announcement():
                self._take_announcement(message, now)
            case Goodbye():
                self._take_goodbye(message.ending, now)
            case Failure():
                self._take_failure(message)
            case _:
                self._lose("it sent what the chief does not send")

    def closed(self, link: int) -> None:
        """The other side has closed a connection."""
        if link == self._link:
            self._lose(CLOSED)

    def garbled(self, link: int, why: str) -> None:
        """What came over a connection is no message."""
        if link == self._link:
            self._lose(f"it sent what the chief does not send ({why})")

    def tick(self, now: float, *, stepped: bool, paused_for: str | None) -> None:
        """Time has passed. Steps are the chief's affair."""
        self._beat(self._links(), now)
        if self._link is not None and now - self._heard >= self._limits.peer_timeout:
            self._lose(f"it was silent for {self._limits.peer_timeout} s")
        if not self.begun and self.end is None and now - self._told_at >= _SECONDS_BETWEEN_LINES:
            self._told_at = now
            self.lines.append(f"Waiting for {self._chief}, who waits for others")
        if self._ends_at is not None and now >= self._ends_at and self._farewell is None and self.end is None:
            self._send(self._links(), Goodbye(self._ends_as))
            self.end = End(_STATUS[self._ends_as], f"the job is {self._ends_as.value}, and this task is ended with it")
        self._go_on_leaving(links=self._links(), patience=self._times.farewell, now=now)

    def _take_announcement(self, announcement: Announcement, now: float) -> None:
        self.announcement = announcement
        if self._role is Role.EVALUATOR and announcement.ending is Ending.COMPLETE:
            # It may have much to evaluate yet.
            self._ends_at = None
        else:
            self._end_later(announcement.ending, now)

    def _take_goodbye(self, ending: Ending, now: float) -> None:
        self._chief_has_left = True
        if not self.begun:
            self._fail(ExitStatus.PEER_LOST, f"{self._chief} left before the job began")
        elif self.announcement is None:
            self._end_later(ending, now)

    def _take_failure(self, failure: Failure) -> None:
        self._release()
        is_error = failure.cause is Cause.ERROR
        if self._has_spoken or (self._farewell and is_error):
            # Tasks that fail alike say so each for itself.
            return
        status = ExitStatus.USAGE if failure.cause is Cause.USAGE else ExitStatus.PEER_LOST
        self._fail(status, failure.line)

    def _end_later(self, ending: Ending, now: float) -> None:
        grace = self._times.complete if ending is Ending.COMPLETE else self._times.preempted
        # Nothing else ends a ps: it serves for ever.
        self._ends_at = now if self._role is Role.PS else now + grace
        self._ends_as = ending

    def _lose(self, why: str) -> None:
        self._release()
        if not self._has_spoken and not self._chief_has_left and self.announcement is None:
            self._fail(ExitStatus.PEER_LOST, f"lost {self._chief}: {why}")

    def _fail(self, status: ExitStatus, line: str) -> None:
        if self.end is None:
            self.end = End(status, line)

    def _release(self) -> None:
        if self._link is not None:
            self.closing.append(self._link)
            self._link = None

    def _links(self) -> list[int]:
        return [] if self._link is None else [self._link]

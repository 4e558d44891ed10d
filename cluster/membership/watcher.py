"""The thread that keeps a task in touch with the others, and ends the process where its main thread no longer can."""

import collections
import contextlib
import dataclasses
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterator

from cluster.membership.follower import Follower
from cluster.membership.messages import LONGEST, Failure, Goodbye, decode, encode
from cluster.membership.party import LONGEST_TICK, Clock, End, Times, consequence
from cluster.membership.roster import Roster
from cluster.membership.wires import Closed, Event, Line, Opened, Overlong, Signalled, Wires
from settings import ExitStatus

_ENDED_WELL = (ExitStatus.COMPLETE, ExitStatus.PREEMPTED)


@dataclasses.dataclass(frozen=True)
class Duties:
    """What the rest of the program does for the thread."""

    on_stop_asked: Callable[[], None]
    tell: Callable[[str], None]
    leave: Callable[[int], None]
    clean_up: Callable[[], None]
    stop_signals: Collection[int]


class Watcher:
    """Owns `wires`, and does what `party` asks for, in a daemon thread from `start` on.

    Once the job has begun, it ends the process by `duties`. `stepped` (a step is done) and `pauses` (why none is to be
    expected) are for other threads to write.
    """

    def __init__(
        self,
        party: Roster | Follower,
        wires: Wires,
        *,
        tick: float,
        times: Times,
        duties: Duties,
    ) -> None:
        self.party = party
        self.stepped = False
        self.pauses: list[str] = []
        # Set when it is so, and all of them when the thread has ended: nobody waits for it then.
        self.has_begun = threading.Event()
        self.has_announcement = threading.Event()
        self.evaluator_has_left = threading.Event()
        self._wires = wires
        self._tick = tick
        self._times = times
        self._duties = duties
        self._has_asked = False
        self._commands: collections.deque[Callable[[float], None]] = collections.deque()
        self._thread = threading.Thread(target=self._run, name="membership", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    @contextlib.contextmanager
    def noticing_signals(self) -> Iterator[None]:
        """Has signals noticed at once, wherever the main thread stands. In another than that it does nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self._wires.signal_descriptor(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def post(self, command: Callable[[float], None]) -> None:
        """Has the thread call `command` with its time. It never waits: signal handlers may use it."""
        self._commands.append(command)
        self._wires.wake()

    def finish(self, farewell: Goodbye | Failure) -> None:
        """Tells the others that this task leaves, and waits for the thread to end."""
        self.post(lambda now: self.party.leave(farewell, now))
        times = self._times
        longest = times.settling + max(times.goodbyes, times.latecomers) + 2 * times.farewell + times.clean_up
        self._thread.join(longest)

    def _run(self) -> None:
        # They are for the main thread, whose waiting they interrupt.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._watch()
            if self.party.end and self.party.begun:
                self._end(self.party.end)
            else:
                self._wires.finish(self._times.farewell)
        except BaseException:
            text = traceback.format_exc()
            self._end_process(ExitStatus.FAILED, lambda: _write_error(text))
        finally:
            for event in (self.has_begun, self.has_announcement, self.evaluator_has_left):
                event.set()

    def _watch(self) -> None:
        clock = Clock(min(LONGEST_TICK, 5 * self._tick))
        self._act()
        while not self.party.over and not self.party.end:
            events = self._wires.poll(self._tick)
            now = clock.advance()
            while self._commands:
                self._commands.popleft()(now)
            for event in events:
                self._take(event, now)
            stepped, self.stepped = self.stepped, False
            self.party.tick(now, stepped=stepped, paused_for="".join(self.pauses[-1:]) or None)
            self._act()

    def _take(self, event: Event, now: float) -> None:
        match event:
            case Opened():
                self.party.opened(event.link, now)
            case Closed():
                self.party.closed(event.link)
            case Signalled():
                self._take_signal(event.number)
            case Overlong():
                self.party.garbled(event.link, f"more than {LONGEST} bytes")
            case Line():
                try:
                    message = decode(event.content)
                except ValueError as error:
                    self.party.garbled(event.link, str(error))
                else:
                    self.party.received(event.link, message, now)

    def _take_signal(self, number: int) -> None:
        # The chief's own main thread takes it in time: nothing but an evaluation keeps the others waiting.
        if number in self._duties.stop_signals and isinstance(self.party, Follower):
            self.party.ask_to_stop()

    def _act(self) -> None:
        party = self.party
        for link, message in party.outbox:
            self._wires.send(link, encode(message))
        for link in party.closing:
            self._wires.close(link)
        lines = [*party.lines]
        for each in (party.outbox, party.closing, party.lines):
            each.clear()
        for line in lines:
            with contextlib.suppress(Exception):
                self._duties.tell(line)
        if party.begun and not self.has_begun.is_set():
            self._wires.stop_listening()
            self.has_begun.set()
        if party.announcement:
            self.has_announcement.set()
        if party.evaluator_left:
            self.evaluator_has_left.set()
        if party.asked_to_stop and not self._has_asked:
            self._has_asked = True
            self._duties.on_stop_asked()

    def _end(self, end: End) -> None:
        def say() -> None:
            if end.status in _ENDED_WELL:
                self._duties.tell(f"{end.line}, with status {end.status.value}")
            else:
                _write_error(f"error: {end.line}{consequence(end.status)}")

        self._end_process(end.status, say, self._duties.clean_up)

    def _end_process(self, status: ExitStatus, *before: Callable[[], None]) -> None:
        """Ends the process once `before` is done, has failed, or takes too long; what was sent arrives meanwhile."""

        def attempt() -> None:
            for each in (*before, sys.stdout.flush):
                with contextlib.suppress(BaseException):
                    each()

        thread = threading.Thread(target=attempt, name="membership's end", daemon=True)
        thread.start()
        with contextlib.suppress(Exception):
            self._wires.finish(self._times.farewell)
        thread.join(self._times.clean_up)
        self._duties.leave(status)


def _write_error(text: str) -> None:
    # At once: other processes write to the same terminal.
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

"""Connections of which no one can hold up the others: lines come in and go out, and nothing ever blocks."""

import contextlib
import dataclasses
import os
import selectors
import socket
import time
import weakref

from cluster.membership.messages import LONGEST

_MOST_UNSENT = 2**20  # bytes
_MOST_CALLS = 64  # in one poll
_SECONDS_AFTER_REFUSAL = 0.1


@dataclasses.dataclass(frozen=True)
class Opened:
    """Somebody has connected."""

    link: int


@dataclasses.dataclass(frozen=True)
class Line:
    """A line has come, without its end."""

    link: int
    content: bytes


@dataclasses.dataclass(frozen=True)
class Overlong:
    """More has come than a line may have."""

    link: int


@dataclasses.dataclass(frozen=True)
class Closed:
    """The other side has closed the connection, or the network has; so it is here."""

    link: int


@dataclasses.dataclass(frozen=True)
class Signalled:
    """A signal has come, though the main thread may be in no state to take it."""

    number: int


Event = Opened | Line | Overlong | Closed | Signalled


@dataclasses.dataclass
class _Wire:
    socket: socket.socket
    received: bytes = b""
    unsent: bytes = b""


class Wires:
    """Connections by number, in the order in which they came, and where new ones come in if there is a `listener`.

    For one thread, but for `wake`. A forked child does not keep them: it would hold connections and port of a parent
    that was killed.
    """

    def __init__(self, listener: socket.socket | None = None) -> None:
        self._selector = selectors.DefaultSelector()
        self._wires: dict[int, _Wire] = {}
        self._count = 0
        self._listener = listener
        self._waker, self._awake = socket.socketpair()
        for each in (self._waker, self._awake, *([listener] if listener else [])):
            each.setblocking(False)
        self._selector.register(self._awake, selectors.EVENT_READ)
        if listener:
            self._selector.register(listener, selectors.EVENT_READ)
        _open.add(self)

    def add(self, connection: socket.socket) -> int:
        """Takes over a connection, and returns its number."""
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._count += 1
        self._wires[self._count] = _Wire(connection)
        self._selector.register(connection, selectors.EVENT_READ, self._count)
        return self._count

    def wake(self) -> None:
        """Makes `poll` return. For any thread, and for signal handlers."""
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def signal_descriptor(self) -> int:
        """Where Python can write the numbers of signals, as `signal.set_wakeup_fd` has it."""
        return self._waker.fileno()

    def poll(self, seconds: float) -> list[Event]:
        """What happens within `seconds`: returns as soon as something has, older connections first."""
        events: list[Event] = []
        ready = self._selector.select(seconds)
        for link, mask in sorted((key.data, mask) for key, mask in ready if key.data is not None):
            if mask & selectors.EVENT_WRITE:
                self._flush(link)
            if mask & selectors.EVENT_READ:
                events += self._read(link)
        for key, _ in ready:
            if key.fileobj is self._awake:
                with contextlib.suppress(OSError):
                    events += [Signalled(byte) for byte in self._awake.recv(LONGEST) if byte]
            elif key.fileobj is self._listener:
                events += self._accept()
        return events

    def send(self, link: int, data: bytes) -> None:
        """Sends now what the network takes, and the rest later. Where that fails, `poll` will say so."""
        wire = self._wires.get(link)
        if wire and len(wire.unsent) < _MOST_UNSENT:
            wire.unsent += data
            self._flush(link)

    def close(self, link: int) -> None:
        """Closes a connection after what has been sent. Nothing more comes from it."""
        if wire := self._wires.pop(link, None):
            self._selector.unregister(wire.socket)
            with contextlib.suppress(OSError):
                wire.socket.shutdown(socket.SHUT_WR)
            wire.socket.close()

    def stop_listening(self) -> None:
        """Lets nobody in any more."""
        if self._listener:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def finish(self, seconds: float) -> None:
        """Closes everything. It gives the others up to `seconds` to have read what was sent to them."""
        self.stop_listening()
        for wire in self._wires.values():
            with contextlib.suppress(OSError):
                wire.socket.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + seconds
        # Closed before the other side has, a connection on which something comes is reset, and what was sent is lost.
        while self._wires and (left := deadline - time.monotonic()) > 0:
            for event in self.poll(left):
                if isinstance(event, Overlong):
                    self.close(event.link)
        for link in list(self._wires):
            self.close(link)
        self.drop()
        _open.discard(self)

    def drop(self) -> None:
        """Closes this process's ends and no more: what the process that it was forked from has goes on."""
        listener = [self._listener] if self._listener else []
        for each in (*listener, self._waker, self._awake, *(wire.socket for wire in self._wires.values())):
            each.close()
        self._selector.close()

    def _accept(self) -> list[Event]:
        events: list[Event] = []
        try:
            while self._listener and len(events) < _MOST_CALLS:
                events.append(Opened(self.add(self._listener.accept()[0])))
        except BlockingIOError:
            pass
        except OSError:
            # It hung up at once, or no more files may be opened: then the caller waits, and this must not spin.
            time.sleep(_SECONDS_AFTER_REFUSAL)
        return events

    def _read(self, link: int) -> list[Event]:
        wire = self._wires[link]
        try:
            came = wire.socket.recv(LONGEST)
        except BlockingIOError:
            return []
        except OSError:
            came = b""
        if not came:
            self.close(link)
            return [Closed(link)]
        *lines, wire.received = (wire.received + came).split(b"\n")
        events: list[Event] = [Line(link, line) for line in lines]
        if len(wire.received) > LONGEST:
            wire.received = b""
            events.append(Overlong(link))
        return events

    def _flush(self, link: int) -> None:
        wire = self._wires[link]
        try:
            wire.unsent = wire.unsent[wire.socket.send(wire.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            # The other side may have said goodbye before it closed: that is still to be read.
            wire.unsent = b""
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if wire.unsent else 0)
        self._selector.modify(wire.socket, wanted, link)


def _drop_all() -> None:
    for wires in list(_open):
        wires.drop()


_open: weakref.WeakSet[Wires] = weakref.WeakSet()
os.register_at_fork(after_in_child=_drop_all)

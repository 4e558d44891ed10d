"""Whether the tasks of a cluster can reach each other, before TensorFlow waits for them: sockets, and nothing else."""

import contextlib
import enum
import errno
import socket
import threading
import time
from collections.abc import Collection, Iterable, Iterator

from cluster.task import split

_PAUSE = 0.25  # seconds between two tries
_TRY = 3.0  # seconds that one try may take once the name is resolved
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class Answer(enum.Enum):
    """What became of a connection to another task."""

    REACHED = "reached"
    NOBODY_LISTENS = "resolves, nobody listens yet"
    NO_ANSWER = "no answer"
    UNRESOLVED = "does not resolve"


@contextlib.contextmanager
def listening(port: int) -> Iterator[Collection[int]]:
    """Answers calls to `port` at every address of this machine, as TensorFlow does, while the block runs.

    The block sees the ports from which calls have come so far.

    Raises:
      OSError: it cannot listen there.
    """
    dual = socket.has_dualstack_ipv6()
    with socket.create_server(
        ("", port), family=socket.AF_INET6 if dual else socket.AF_INET, backlog=1024, dualstack_ipv6=dual
    ) as listener:
        listener.settimeout(_PAUSE)
        callers: set[int] = set()
        over = threading.Event()
        thread = threading.Thread(target=_answer_calls, args=(listener, callers, over), daemon=True)
        thread.start()
        try:
            yield callers
        finally:
            over.set()
            thread.join()


def _answer_calls(listener: socket.socket, callers: set[int], over: threading.Event) -> None:
    while not over.is_set():
        # Nobody calls, or whoever called has gone.
        with contextlib.suppress(OSError):
            call, caller = listener.accept()
            callers.add(caller[1])
            call.close()


def look_for(addresses: Iterable[str], *, seconds: float, linger: float) -> dict[str, Answer]:
    """Tries to connect to every "host:port", all at once, again and again until they are reached.

    Returns after `seconds`, or `linger` seconds after all are reached: those that began later still look for this task.
    """
    answers = dict.fromkeys(addresses, Answer.NO_ANSWER)
    end = time.monotonic() + seconds
    # No pool, whose end would wait for a name server that does not answer.
    threads = [
        threading.Thread(target=_look_for, args=(address, answers, end), daemon=True) for address in list(answers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    found = dict(answers)
    if found and all(answer is Answer.REACHED for answer in found.values()):
        end = min(end, time.monotonic() + linger)
    time.sleep(max(0.0, end - time.monotonic()))
    return found


def _look_for(address: str, answers: dict[str, Answer], end: float) -> None:
    while time.monotonic() < end and answers[address] is not Answer.REACHED:
        answers[address] = connect(address, seconds=_TRY)
        time.sleep(_PAUSE)


def connect(address: str, *, seconds: float) -> Answer:
    """Connects to a "host:port" once and hangs up; waits at most `seconds` once its name is resolved."""
    try:
        with socket.create_connection(split(address), timeout=seconds):
            return Answer.REACHED
    except (socket.gaierror, UnicodeError):
        return Answer.UNRESOLVED
    except ConnectionRefusedError:
        return Answer.NOBODY_LISTENS
    except OSError:
        return Answer.NO_ANSWER


def resolves(address: str) -> bool:
    """Whether the host of a "host:port" is one."""
    return bool(_resolved(address))


def is_of_this_machine(address: str) -> bool:
    """Whether the host of a "host:port" is an address of this machine, by whatever name."""
    return any(_is_own(family, host) for family, host in _resolved(address))


def is_here(address: str, callers: Collection[int], *, seconds: float) -> bool:
    """Whether a "host:port" leads to this process, which listens on that port and sees `callers` there.

    It does where the host is an address of this machine, and also where a service or a router passes calls on, which is
    tried for `seconds`.
    """
    if is_of_this_machine(address):
        return True
    end = time.monotonic() + seconds
    try:
        with socket.create_connection(split(address), timeout=seconds) as call:
            while call.getsockname()[1] not in callers and time.monotonic() < end:
                time.sleep(_PAUSE)
            return call.getsockname()[1] in callers
    except OSError:
        return False


def _resolved(address: str) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(*split(address), type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    return [(family, str(place[0])) for family, _, _, _, place in found]


def _is_own(family: socket.AddressFamily, host: str) -> bool:
    """Only an address of this machine can be bound."""
    try:
        with socket.socket(family) as attempt:
            attempt.bind((host, 0))
    except OSError as error:
        return error.errno not in _NOT_HERE
    return True

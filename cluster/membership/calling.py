"""How the tasks of a job find each other: the chief listens, the others call it."""

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil

import settings
from cluster.membership.messages import LONGEST, Cause, Failure, Hello, Welcome, decode, encode, one_line
from cluster.task import Task, split
from settings import PeerLost, UserError

SECONDS_FOR_PORT = 3.0
_SECONDS_BETWEEN_CALLS = 0.25
_SECONDS_OF_A_CALL = 5.0
_SECONDS_BETWEEN_LINES = 30.0
_LONGEST_HOST = 255


def listen(task: Task) -> socket.socket:
    """The chief's end, on all interfaces.

    Raises:
      UserError: the port cannot be used.
    """
    return _listen_in_time(
        split(task.watch_address)[1],
        "which the chief needs besides those of the cluster's addresses; end what uses it, or give the tasks other"
        " ports",
    )


def own_port(task: Task) -> contextlib.AbstractContextManager[object]:
    """Keeps the port on which TensorFlow is going to listen: two tasks that lead to the same one notice it so.

    Raises:
      UserError: the port cannot be used. TensorFlow would only say so after the job has begun, in a traceback.
    """
    port = split(task.address)[1] if task.serves and task.address else None
    # A second run in one process: TensorFlow goes on listening for as long as the process lives.
    if port is None or port in _own_listening_ports():
        return contextlib.nullcontext()
    return _listen_in_time(
        port,
        f"which {task.name} needs for TensorFlow; end what uses it, or give every task a port of its own",
    )


def _own_listening_ports() -> set[int]:
    found = psutil.Process().net_connections("tcp")
    return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}


def _listen_in_time(port: int, needed: str) -> socket.socket:
    deadline = time.monotonic() + SECONDS_FOR_PORT
    while True:
        try:
            return _listen(port)
        except OSError as error:
            # The job's last start, or a caller's own end of a call, may still have it for a moment.
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(_SECONDS_BETWEEN_CALLS)
                continue
            why = os.strerror(error.errno or 0)
            raise UserError(f"cannot listen on port {port} ({why}), {needed}") from error


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("", port), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=True)
        except OSError as error:
            # A machine may know IPv6 and have it switched off.
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise
    return socket.create_server(("", port), backlog=1024)


def hello_of(task: Task, run: Mapping[str, object]) -> Hello:
    """What a task says of itself."""
    host = one_line(socket.gethostname())[:_LONGEST_HOST]
    return Hello(task.role, task.index, host=host, pid=os.getpid(), num_tasks=len(task.tasks), run=as_json(run))


def as_json(run: Mapping[str, object]) -> dict[str, Any]:
    """The flags as another task will see them.

    Raises:
      ValueError, TypeError: they are not JSON.
    """
    flags: dict[str, Any] = json.loads(json.dumps(dict(run), allow_nan=False))
    return flags


def call(
    task: Task, limits: settings.Cluster, *, hello: Hello, tell: Callable[[str], None]
) -> tuple[socket.socket, str]:
    """Calls the chief again and again until it says welcome. Returns the connection and the chief's token.

    Raises:
      PeerLost: it did not within `limits.startup_timeout`.
      UserError: the chief refuses this task, or the job.
    """
    line = encode(hello)
    deadline = time.monotonic() + limits.startup_timeout
    told_at = float("-inf")
    while (now := time.monotonic()) < deadline:
        if now - told_at >= _SECONDS_BETWEEN_LINES:
            told_at = now
            tell(f"Waiting for the chief ({task.watch_address})")
        with contextlib.ExitStack() as stack:
            answer = None
            # Nobody is there yet, or somebody else, or the name does not resolve yet.
            with contextlib.suppress(OSError, ValueError):
                seconds = min(_SECONDS_OF_A_CALL, deadline - now)
                connection = stack.enter_context(socket.create_connection(split(task.watch_address), timeout=seconds))
                connection.sendall(line)
                end = min(deadline, time.monotonic() + limits.peer_timeout)
                answer = decode(_read_line(connection, end))
            if isinstance(answer, Failure) and answer.cause is Cause.USAGE:
                raise UserError(answer.line)
            if isinstance(answer, Welcome):
                stack.pop_all()
                return connection, answer.token
        time.sleep(max(0.0, min(_SECONDS_BETWEEN_CALLS, deadline - time.monotonic())))
    raise PeerLost(f"waited {limits.startup_timeout} s in vain for the chief ({task.watch_address})")


def _read_line(connection: socket.socket, end: float) -> bytes:
    """The first line, and nothing of what follows it."""
    line = b""
    while not line.endswith(b"\n") and len(line) <= LONGEST:
        connection.settimeout(max(0.001, end - time.monotonic()))
        # One at a time: the answer is short, and comes once.
        character = connection.recv(1)
        if not character:
            raise ConnectionResetError
        line += character
    return line

"""TensorBoard as a child process: `serve` shows runs until it is stopped, `running` shows a run while it trains.

TensorBoard is imported by the child alone. It ends with this process, however that ends.
"""

import collections
import contextlib
import dataclasses
import errno
import functools
import http.client
import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator

from settings import UserError

DEFAULT_PORT = 6006
GRACE_SECONDS = 10.0  # for TensorBoard to clear up after itself, before it is killed
_ANSWER_SECONDS, _LISTING_SECONDS = 60.0, 2.0
_WILDCARDS = ("0.0.0.0", "::")
# Points kept of each tag. By itself TensorBoard keeps 1,000 scalars, 10 pictures, 10 or 100 texts and 100 PR curves.
_SAMPLES = {"scalars": 10_000, "images": 100, "text": 1_000, "pr_curves": 200}
# What an address opens on: the chosen charts, as they are. Smoothed, a learning rate that steps down seems to slide.
FIRST_PAGE = "#custom_scalars&_smoothingWeight=0"
# The loader in Rust ("fast", TensorBoard's own default where there is one for the machine) shows every dashboard that
# the one in Python shows, and lets go of a run that was overwritten. reload_multifile is for the Python one, which else
# reads only the newest file of a folder to its end.
_LOADING = ("--load_fast=auto", "--reload_multifile=true")
# The child watches its standard input, a pipe that nobody writes to, and ends when this process closes it or is killed.
# A death signal of the kernel (prctl) would be Linux's alone, would come when the thread that started the child ends,
# and would need code between fork and exec, where TensorFlow's threads can hang it. SIGTERM lets TensorBoard stop its
# data server and remove its temporary files.
_CHILD = """
import os, runpy, signal, sys, threading, time

def end_with_parent(grace_seconds):
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_seconds)
    os._exit(1)

threading.Thread(target=end_with_parent, args=[float(sys.argv.pop(1))], daemon=True).start()
runpy.run_module("tensorboard.main", run_name="__main__", alter_sys=True)
"""
_SAYS_ADDRESS = re.compile(r"TensorBoard \S+ at (?P<url>http://\S+)")
_LINES_TOLD = 3

_print_now = functools.partial(print, flush=True)


@dataclasses.dataclass(frozen=True)
class _Answered:
    """TensorBoard answers at `url`, the address as a person can open it."""

    url: str


@dataclasses.dataclass(frozen=True)
class _Ended:
    """TensorBoard has ended, and how; `message` is one line for the user."""

    message: str


def serve(logdir: str, *, host: str, port: int | None, tell: Callable[[str], None] = _print_now) -> None:
    """Shows all runs in and under `logdir` until SIGINT (Ctrl-C) or SIGTERM comes. To be called in the main thread.

    `port` None: 6006, or a free one where that is taken. `tell` is given the lines for the user: the address, once it
    answers, and before it that there is nothing to see yet, where there is not.

    Raises:
      UserError: `logdir` cannot be read; TensorBoard cannot listen there, or ends by itself.
    """
    if not _holds_event_file(logdir):
        tell(f"No event files in {logdir} yet; what runs write there will be shown.")
    happened: queue.SimpleQueue[_Answered | _Ended | signal.Signals] = queue.SimpleQueue()
    with _signals_given_to(happened.put), _started(logdir, host=host, port=port, happened=happened.put):
        while isinstance(event := happened.get(), _Answered):
            tell(f"TensorBoard: {event.url}{FIRST_PAGE} shows {logdir}; Ctrl-C ends it")
    if isinstance(event, _Ended):
        raise UserError(event.message)


@contextlib.contextmanager
def running(logdir: str, *, host: str, port: int | None, tell: Callable[[str], None] = _print_now) -> Iterator[None]:
    """Shows all runs in and under `logdir`, which may be yet to come, while the block runs.

    The block does not wait for TensorBoard, and goes on without it. `port` is that of `serve`. `tell` is given one line
    when TensorBoard answers and one if it ends too early, from another thread.

    Raises:
      UserError: TensorBoard cannot listen there.
    """
    over = threading.Event()

    def happened(event: _Answered | _Ended) -> None:
        if isinstance(event, _Answered):
            tell(f"TensorBoard: {event.url}{FIRST_PAGE} shows {logdir}")
        elif not over.is_set():
            tell(f"{event.message}; training goes on")

    with _started(logdir, host=host, port=port, happened=happened):
        try:
            yield
        finally:
            over.set()


def _holds_event_file(logdir: str) -> bool:
    try:
        os.listdir(logdir)
    except OSError as error:
        raise UserError(
            f"cannot read --model_dir={logdir} ({error.strerror}); name a run's directory, or one with runs in it"
        ) from error
    return any("tfevents" in name for _, _, names in os.walk(logdir, followlinks=True) for name in names)


@contextlib.contextmanager
def _started(
    logdir: str, *, host: str, port: int | None, happened: Callable[[_Answered | _Ended], None]
) -> Iterator[None]:
    """TensorBoard for the length of a block. What becomes of it is given to `happened`, from another thread."""
    arguments = [
        f"--logdir={os.path.abspath(logdir)}",  # TensorBoard takes a leading ~ for a home.
        f"--host={host}",
        f"--port={_port_to_ask_for(host, port)}",
        f"--samples_per_plugin={','.join(f'{plugin}={count}' for plugin, count in _SAMPLES.items())}",
        *_LOADING,
    ]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _CHILD, str(GRACE_SECONDS), *arguments],  # -P: the user's folder adds no modules.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C on the terminal is for this process, which then ends the child.
    )
    by_itself = shlex.join([sys.executable, "-m", "tensorboard.main", *arguments])
    follower = threading.Thread(target=_follow, args=[process, by_itself, happened], daemon=True)
    follower.start()
    try:
        yield
    finally:
        _end(process)
        follower.join(GRACE_SECONDS)  # The output ends with the last process that holds it, the data server.


def _port_to_ask_for(host: str, port: int | None) -> str:
    """What TensorBoard's --port is to be; it listens seconds later, so the choice of a free one is left to it."""
    if not host:  # TensorBoard would listen on every address of the machine.
        raise UserError("--tensorboard_host is empty; give an address of this machine, or leave it out for localhost")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET  # TensorBoard, too, takes a name for one of IPv4.
    first = DEFAULT_PORT if port is None else port
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, first))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise UserError(
                f"TensorBoard cannot listen at --tensorboard_host={host}, port {first}"
                f" ({error.strerror}); give an address of this machine, and a port that you may use"
            ) from error
        if port is not None:
            raise UserError(
                f"--tensorboard_port={port} is taken; give another, or leave it out to have a free one found"
            ) from error
        return "0"
    # "default" tries 6006 and, where that has been taken meanwhile, the next ones.
    return "default" if port is None else str(port)


def _follow(process: subprocess.Popen[str], by_itself: str, happened: Callable[[_Answered | _Ended], None]) -> None:
    """Reads what TensorBoard says to its end, so that it never waits for a reader, and passes on what matters."""
    assert process.stdout
    last: collections.deque[str] = collections.deque(maxlen=_LINES_TOLD)
    for line in process.stdout:
        if match := _SAYS_ADDRESS.match(line):
            try:
                _await_answer(match["url"])
            except (OSError, http.client.HTTPException) as error:
                last.append(f"no answer from {match['url']} ({error})")
                process.kill()
            else:
                happened(_Answered(_openable(match["url"])))
        elif line.strip():
            last.append(line.strip())
    status = process.wait()
    how = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
    said = " | ".join(last) or "nothing"
    happened(_Ended(f"TensorBoard ended with {how} and said last: {said}; to see all it says: {by_itself}"))


def _await_answer(url: str) -> None:
    _request(url, timeout=_ANSWER_SECONDS)
    # TensorBoard looks for the projector's data once it is asked for its pages, and lists that page from then on.
    with contextlib.suppress(OSError, http.client.HTTPException):
        _request(urllib.parse.urljoin(url, "data/plugins_listing"), timeout=_LISTING_SECONDS)


def _request(url: str, *, timeout: float) -> None:
    # Not urllib, which would ask a proxy where the environment names one.
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request("GET", address.path)
        connection.getresponse()


def _openable(url: str) -> str:
    address = urllib.parse.urlsplit(url)
    if address.hostname in _WILDCARDS:
        return address._replace(netloc=f"{socket.gethostname()}:{address.port}").geturl()
    return url


def _end(process: subprocess.Popen[str]) -> None:
    """Lets the child end as it would if this process died, and kills it where it does not."""
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def _signals_given_to(happened: Callable[[signal.Signals], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `happened` while the block runs, and interrupt nothing."""

    def handle(number, frame):
        happened(signal.Signals(number))

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

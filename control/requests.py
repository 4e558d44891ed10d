"""The queue of requests to a running job: `learning_rate_requests/` in its model_dir, one file a request.

Anybody who may write there asks, on any host that shares the file system; one process, the chief, takes and answers.
"""

import contextlib
import dataclasses
import datetime
import json
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from control import request_format, state
from control.files import read_bytes, write_atomically
from settings import UserError

FOLDER = "learning_rate_requests"
POLL_SECONDS = 0.1
# How long an answer may take once the run has the request.
ANSWER_SECONDS = 30.0
LEFT_OVER_SECONDS = 3600.0
LONGEST_REQUEST = 4096
_REQUEST = ".json"
_ANSWER = ".answer.json"
# What someone who was killed leaves behind: an answer that nobody read, a file half written.
_LEFT_OVER = re.compile(r"[^.].*\.answer\.json|\..+\.json\.\d+", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the run said to a request, in one line."""

    accepted: bool
    message: str


@dataclasses.dataclass(frozen=True)
class Taken:
    """A request that the run now has, or why it is refused. `who` is "unknown" where the file cannot be read."""

    id: str
    who: str
    request: state.Request | None
    refusal: str | None


def ask(
    model_dir: str,
    request: state.Request,
    *,
    session: str,
    who: str,
    wait_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Asks the run in `model_dir` whose newest session began at `session`, and waits for its answer.

    A request that is not answered is withdrawn, also where the wait is interrupted.

    Raises:
      UserError: the request makes no sense; the folder cannot be used; nobody answered within `wait_seconds`.
    """
    try:
        state.check(request)
    except ValueError as error:
        raise UserError(str(error)) from error
    with _os_errors_told(model_dir):
        identity = put(model_dir, request, session=session, who=who)
        try:
            found = _wait(model_dir, identity, seconds=wait_seconds, clock=clock, sleep=sleep)
        except BaseException:
            _withdraw(model_dir, identity)
            raise
        withdrawn = found is None and _withdraw(model_dir, identity)
        if found is None and not withdrawn:
            found = _wait(model_dir, identity, seconds=ANSWER_SECONDS, clock=clock, sleep=sleep)
    if found is None:
        raise UserError(_unanswered(model_dir, wait_seconds, withdrawn=withdrawn))
    return found


def put(
    model_dir: str,
    request: state.Request,
    *,
    session: str,
    who: str,
    time_ns: Callable[[], int] = time.time_ns,
) -> str:
    """Puts a request into the queue and returns its id. Ids sort by time, as far as the clocks of the hosts agree.

    Raises:
      OSError: it cannot be written, say because there is no `model_dir`.
    """
    now = time_ns()
    made = datetime.datetime.fromtimestamp(now // 10**9, datetime.UTC).isoformat()
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:40]
    identity = f"{now:020d}-{host}-{os.getpid()}-{secrets.token_hex(4)}"
    folder = Path(model_dir) / FOLDER
    folder.mkdir(exist_ok=True)
    message = request_format.Message(request, session=session, who=who, made=made)
    write_atomically(folder / f"{identity}{_REQUEST}", request_format.encode(message))
    return identity


def take(model_dir: str, *, session: str, now: float) -> list[Taken]:
    """Takes all requests out of the queue, in order of their names, and sweeps out what is an hour old.

    It never raises for what it finds: what is no proper request to this `session` comes out as a refusal. What cannot
    be removed is passed over, because it would come out again each time. `now` is in seconds since the epoch.
    """
    try:
        with os.scandir(Path(model_dir) / FOLDER) as scan:
            entries = list(scan)
    except OSError:
        return []
    for entry in entries:
        if _LEFT_OVER.fullmatch(entry.name):
            with contextlib.suppress(OSError):
                if now - entry.stat(follow_symlinks=False).st_mtime > LEFT_OVER_SECONDS:
                    os.unlink(entry.path)
    names = sorted(entry.name for entry in entries if _is_request(entry.name))
    found = [_take(Path(model_dir) / FOLDER / name, session) for name in names]
    return [taken for taken in found if taken is not None]


def answer(model_dir: str, taken_id: str, answer: Answer) -> None:
    """Answers whoever waits. An answer that cannot be written is dropped: training goes on, and the asker is told."""
    with contextlib.suppress(OSError):
        write_atomically(Path(model_dir) / FOLDER / f"{taken_id}{_ANSWER}", json.dumps(dataclasses.asdict(answer)))


def _is_request(name: str) -> bool:
    return name.endswith(_REQUEST) and not name.endswith(_ANSWER) and not name.startswith(".")


def _take(path: Path, session: str) -> Taken | None:
    """None where the request was withdrawn, or cannot be removed."""
    who, request, refusal = "unknown", None, None
    try:
        message = request_format.decode(_read(path))
        who = message.who
        if message.session != session:
            raise ValueError(f"stale: it was made for the start of {message.session}, this one began {session}")
        request = message.request
    except FileNotFoundError:
        return None
    except ValueError as error:
        refusal = f"request {path.name!r} refused: {error}"
    return Taken(path.name.removesuffix(_REQUEST), who, request, refusal) if _claim(path) else None


def _read(path: Path) -> bytes:
    try:
        # Neither follows a link nor waits for the writer of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            content = os.read(descriptor, LONGEST_REQUEST + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"not a regular file that can be read ({error.strerror})") from error
    if not regular:
        raise ValueError("not a regular file")
    if len(content) > LONGEST_REQUEST:
        raise ValueError(f"longer than {LONGEST_REQUEST} bytes")
    return content


def _claim(path: Path) -> bool:
    """Removes a request, and says whether it was this call that did."""
    try:
        if path.is_dir():
            path.rename(path.with_name(f".refused-{path.name}"))
        else:
            path.unlink()
    except OSError:
        return False
    return True


def _withdraw(model_dir: str, identity: str) -> bool:
    """Says whether the request was still in the queue."""
    try:
        (Path(model_dir) / FOLDER / f"{identity}{_REQUEST}").unlink()
    except FileNotFoundError:
        return False
    return True


def _wait(
    model_dir: str, identity: str, *, seconds: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Answer | None:
    path = Path(model_dir) / FOLDER / f"{identity}{_ANSWER}"
    deadline = clock() + seconds
    while (found := _read_answer(path)) is None and clock() < deadline:
        sleep(POLL_SECONDS)
    return found


def _read_answer(path: Path) -> Answer | None:
    # Lists the folder: asked for one name alone, NFS goes on saying for half a minute that there is none.
    if path.name not in os.listdir(path.parent):
        return None
    try:
        fields = json.loads(read_bytes(path))
        answer = Answer(**fields)
        if type(answer.accepted) is not bool or not isinstance(answer.message, str) or not answer.message.isprintable():
            raise ValueError(f"{fields!r:.80}")
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(
            f"the answer {path} makes no sense ({error}); look at what the run prints before you ask again"
        ) from error
    path.unlink()
    return answer


def _unanswered(model_dir: str, wait_seconds: float, *, withdrawn: bool) -> str:
    if withdrawn:
        return (
            f"no training run answered from --model_dir={model_dir} within {wait_seconds:g} s, and the request is"
            " withdrawn; see that the run is there; during an evaluation it cannot answer: wait longer, or ask again"
        )
    return (
        f"the training run in --model_dir={model_dir} took the request and did not say what became of it; look at what"
        " it prints, or at its learning rate, before you ask again"
    )


@contextlib.contextmanager
def _os_errors_told(model_dir: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot ask in {Path(model_dir) / FOLDER} ({error.strerror}); give the --model_dir of a run, in which you"
            " may write"
        ) from error

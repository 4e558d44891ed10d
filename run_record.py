"""What a run was: `run.json` in its model_dir holds every flag, the commit and the package versions of each session.

It is also what keeps a model_dir to one run: another one does not start over it unasked.
"""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from control import evaluations, journal, requests, rollbacks
from control.files import read_bytes, write_atomically
from settings import UserError
from settings.run import EVALUATION_RUN

FILE_NAME = "run.json"
_PACKAGES = ("tensorflow", "tensorflow-estimator", "tensorflow-datasets", "tensorboard", "numpy", "absl-py")
# All that a run leaves in its model_dir, and so all that --overwrite removes.
_CHECKPOINTS = ("checkpoint", "model.ckpt-*", "set-aside-*", "best")
_FOR_TENSORBOARD = (
    "graph.pbtxt",
    "events.out.tfevents.*",
    EVALUATION_RUN,
    "plugins",
    "projector",
    "projector_config.pbtxt",
)
_WRITTEN = (
    *_CHECKPOINTS,
    *_FOR_TENSORBOARD,
    evaluations.FILE_NAME,
    journal.FILE_NAME,
    rollbacks.FILE_NAME,
    requests.FOLDER,
    "report*.png",
    "report.html",
    "evaluation.json",
    "evaluation.png",
    "schedule.png",
    "find_learning_rate.png",
    FILE_NAME,
)


@dataclasses.dataclass(frozen=True)
class Session:
    """One start of the run: when, by what command line, with what code."""

    started: str
    host: str
    pid: int
    flags: dict[str, Any]
    git_commit: str
    versions: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Classes:
    """What a run has learnt to tell apart, and the (height, width) in pixels that it decoded images to."""

    class_names: tuple[str, ...]
    stored_size: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """Flags that a run cannot change once it has begun, its sessions, oldest first, and, once known, its classes."""

    hyper_parameters: dict[str, Any]
    sessions: list[Session]
    classes: Classes | None = None


def open_run(
    model_dir: str,
    *,
    flags: Mapping[str, Any],
    hyper_parameters: Mapping[str, Any],
    defaults: Mapping[str, Any],
    overwrite: bool,
) -> RunRecord:
    """Starts a run in `model_dir`, or goes on with the one that stands there, and records this session.

    `defaults`: hyper-parameters of a run whose record does not name them.

    Raises:
      UserError: the run there has other hyper-parameters; `model_dir` cannot be written.
    """
    folder = Path(model_dir)
    try:
        if overwrite:
            _remove(folder, _WRITTEN)
        sessions, classes = [], None
        # A run that stopped before its first checkpoint, for want of data say, binds nobody.
        if (folder / "checkpoint").exists() or any(folder.glob("model.ckpt-*.index")):
            record = read(model_dir)
            _refuse_others({**defaults, **record.hyper_parameters}, hyper_parameters, model_dir)
            sessions, classes = record.sessions, record.classes
        record = RunRecord(dict(hyper_parameters), [*sessions, _this_session(flags)], classes)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, record)
    except OSError as error:
        raise UserError(
            f"cannot write the run to --model_dir={model_dir} ({error.strerror}); give a directory you may write to"
        ) from error
    return record


def keep_classes(model_dir: str, classes: Classes) -> None:
    """Adds to the record of a run, for whoever uses its checkpoints, what its classes are.

    Raises:
      UserError: the record cannot be read or written.
    """
    try:
        _write(Path(model_dir), dataclasses.replace(read(model_dir), classes=classes))
    except OSError as error:
        raise UserError(f"cannot write {Path(model_dir) / FILE_NAME} ({error.strerror}); make room") from error


def now() -> str:
    """The time, in UTC, as records have it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def environment(record: RunRecord) -> dict[str, Any]:
    """Where and with what the newest session runs, for people."""
    newest = record.sessions[-1]
    return {"started": newest.started, "host": newest.host, "git commit": newest.git_commit, **newest.versions}


def read(model_dir: str) -> RunRecord:
    """The record of the run in `model_dir`.

    Raises:
      UserError: there is none, or it cannot be read.
    """
    path = Path(model_dir) / FILE_NAME
    try:
        return _record(json.loads(read_bytes(path)))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"--model_dir={model_dir} holds no run ({FILE_NAME} is missing); name a run's directory"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"{error!s:.200}"
        raise UserError(f"{path} cannot be read ({reason}); restore it, or start a new run with --overwrite") from error


def _record(fields: dict[str, Any]) -> RunRecord:
    """What a file says. ValueError, KeyError or TypeError where that is no record."""
    sessions = [_session(**session) for session in fields["sessions"]]
    if not sessions:
        raise ValueError("it has no session")
    _check(isinstance(fields["hyper_parameters"], dict), "hyper_parameters", fields["hyper_parameters"])
    return RunRecord(fields["hyper_parameters"], sessions, _classes(fields.get("classes")))


def _session(**fields: Any) -> Session:
    for name in ("started", "host", "git_commit"):
        _check(_is_line(fields[name]), name, fields[name])
    _check(type(fields["pid"]) is int and 0 < fields["pid"] < 2**31, "pid", fields["pid"])
    _check(isinstance(fields["flags"], dict), "flags", fields["flags"])
    versions = fields["versions"]
    _check(isinstance(versions, dict) and all(map(_is_line, versions.values())), "versions", versions)
    return Session(**fields)


def _classes(fields: Mapping[str, Any] | None) -> Classes | None:
    if fields is None:
        return None
    names, (height, width) = fields["class_names"], fields["stored_size"]
    _check(isinstance(names, list) and all(isinstance(name, str) for name in names), "class_names", names)
    _check(type(height) is type(width) is int and min(height, width) > 0, "stored_size", fields["stored_size"])
    return Classes(tuple(names), (height, width))


def _is_line(value: Any) -> bool:
    """Whether `value` is text that is fit to be printed on a terminal."""
    return isinstance(value, str) and value.isprintable()


def _check(holds: bool, name: str, value: Any) -> None:
    if not holds:
        raise ValueError(f"{name} {value!r:.80}")


def _write(folder: Path, record: RunRecord) -> None:
    write_atomically(folder / FILE_NAME, json.dumps(dataclasses.asdict(record), indent=2) + "\n")


def runs_in(parent: str) -> dict[str, str]:
    """The runs in a directory of runs: name -> model_dir, by name. Empty where it is a run itself, or holds none."""
    if (Path(parent) / FILE_NAME).exists():
        return {}
    return {path.parent.name: str(path.parent) for path in sorted(Path(parent).glob(f"*/{FILE_NAME}"))}


def make_folder(path: str) -> str:
    """Makes `path` a folder, if it is not one yet, and returns it.

    Raises:
      UserError: it cannot be one.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {path} ({error.strerror}); give another --model_dir") from error
    return path


def remove_run(model_dir: str) -> None:
    """Removes the run that stands in `model_dir`, if any, and nothing else.

    Raises:
      UserError: it cannot be removed.
    """
    _remove_for_good(model_dir, _WRITTEN)


def remove_checkpoints(model_dir: str) -> None:
    """Leaves of a run what is to be looked at.

    Raises:
      UserError: they cannot be removed.
    """
    _remove_for_good(model_dir, _CHECKPOINTS)


def _remove_for_good(model_dir: str, patterns: Sequence[str]) -> None:
    try:
        _remove(Path(model_dir), patterns)
    except OSError as error:
        raise UserError(
            f"cannot remove what a run has left in {model_dir} ({error.strerror}); remove the folder, or give another"
            " --model_dir"
        ) from error


def _refuse_others(recorded: Mapping[str, Any], asked: Mapping[str, Any], model_dir: str) -> None:
    names = [name for name in {**recorded, **asked} if recorded.get(name) != asked.get(name)]
    if names:
        differences = ", ".join(f"{name} (there {recorded.get(name)}, asked {asked.get(name)})" for name in names)
        raise UserError(
            f"--model_dir={model_dir} holds a run with other hyper-parameters: {differences};"
            " give the same ones to go on with it, another --model_dir, or --overwrite to remove it"
        )


def _this_session(flags: Mapping[str, Any]) -> Session:
    versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
    return Session(
        started=now(),
        host=socket.gethostname(),
        pid=os.getpid(),
        flags=dict(flags),
        git_commit=_git_commit(),
        versions={"python": platform.python_version(), **versions},
    )


def _git_commit() -> str:
    """The commit that the code stands at, with a + where files differ from it; "unknown" outside of a git checkout."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return described.stdout.strip()


def _remove(folder: Path, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

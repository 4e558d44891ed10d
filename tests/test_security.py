"""What the program may not do: run what it reads, read without end, show itself to strangers.

What is left to trust, and why, is in BUILD.md, under "Security and old TensorFlow".
"""

import ast
import errno
import json
import os

import pytest

import flags
import run_record
from control import evaluations, files, journal, requests, rollbacks
from control.state import Action, Request
from modes import watch
from settings import UserError
from tests.common import ROOT
from tests.flags.wrong import SESSION

# Reading these can run what is in the file.
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
CALLS = {
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "tempfile.mktemp",
    "yaml.load",
    "yaml.full_load",
    "yaml.unsafe_load",
}
# A model's file is a program for TensorFlow, and Keras's one for Python.
LOADS_MODELS = {"load_model", "get_file", "import_meta_graph", "import_graph_def", "saved_model.load"}
NOT_FALSE = {"shell", "allow_pickle"}


def sources():
    for path in sorted(ROOT.rglob("*.py")):
        if path.relative_to(ROOT).parts[0] not in ("tests", ".venv", ".venv-uv", "runs", "data"):
            yield path


def dangers(code):
    """(line, what) of each way to run what was read."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from ((node.lineno, f"import {name}") for name in names if name.split(".")[0] in PICKLES)
            if isinstance(node, ast.ImportFrom):
                full = [f"{node.module}.{alias.name}" for alias in node.names]
                yield from ((node.lineno, name) for name in full if name in CALLS)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in RUNS_TEXT | CALLS or any(called.endswith(f".{name}") for name in LOADS_MODELS):
                yield node.lineno, called
            for keyword in node.keywords:
                given = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg in NOT_FALSE and not given:
                    yield node.lineno, f"{called}({keyword.arg}=...)"


def test_nothing_that_is_read_is_run():
    """Neither pickles nor text as Python or as a shell's command."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}" for path in sources() for line, what in dangers(path.read_text())
    ]
    assert len(list(sources())) > 50
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import os, joblib as j",
        "eval(text)",
        "if text:\n  exec(text)",
        "os.system(text)",
        "from subprocess import getoutput",
        "subprocess.run(text, shell=True)",
        "subprocess.run(text, shell=shell)",
        "yaml.load(file)",
        "np.load(path, allow_pickle=True)",
        "tf.keras.models.load_model(path)",
        "tf.saved_model.load(path)",
    ],
)
def test_what_would_run_it_is_seen(code):
    assert list(dangers(code))


def test_what_only_looks_like_it_is_not_seen():
    assert not list(
        dangers("import json\nsession.eval(x)\nnp.load(p, allow_pickle=False)\nyaml.safe_load(f)\nre.compile(x)")
    )


# TensorBoard has no password: that it listens there is in test_tensorboard_server.py.


@pytest.mark.parametrize(
    ("arguments", "host"), [([], "localhost"), (["--with_tensorboard"], "localhost"), (["--tensorboard_host=::"], "::")]
)
def test_tensorboard_is_for_this_machine_alone_unless_told_otherwise(arguments, host):
    command = flags.parse(["main.py", "--model_dir=run", *arguments])
    assert command is not None
    assert watch.listening(command) == {"host": host, "port": None}


# Files in a model_dir, which may be shared: others put there what they like.


def ask(model_dir):
    """Asks a run whose answer is already there."""
    waited = iter(range(100))

    def sleep(seconds):
        (asked,) = (model_dir / requests.FOLDER).glob("*[0-9a-f].json")
        huge(asked.with_name(asked.name.replace(".json", ".answer.json")))

    requests.ask(
        str(model_dir),
        Request(Action.RELEASE, None),
        session="s",
        who="w",
        wait_seconds=50,
        clock=lambda: float(next(waited)),
        sleep=sleep,
    )


def huge(path):
    with path.open("wb") as file:
        file.truncate(2**30)


CHANGE = {
    "step": 3,
    "state": {"rate": None, "factor": 1.0, "plateau": 1.0},
    "who": "a",
    "what": "b",
    "source": "person",
}
READERS = {
    run_record.FILE_NAME: lambda folder: run_record.read(str(folder)),
    evaluations.FILE_NAME: lambda folder: evaluations.read(str(folder)),
    rollbacks.FILE_NAME: lambda folder: rollbacks.read(str(folder)),
    journal.FILE_NAME: lambda folder: journal.read(str(folder)),
    "an answer": ask,
}


@pytest.mark.parametrize("name", READERS)
def test_a_gigabyte_is_not_read(tmp_path, name):
    huge(tmp_path / name)
    with pytest.raises(UserError, match="longer than 67,108,864 bytes"):
        READERS[name](tmp_path)


def test_a_long_request_is_refused_unread(tmp_path):
    (tmp_path / requests.FOLDER).mkdir()
    huge(tmp_path / requests.FOLDER / "1.json")
    (taken,) = requests.take(str(tmp_path), session="s", now=0.0)
    assert taken.request is None and "longer than 4096 bytes" in str(taken.refusal)


@pytest.mark.parametrize(
    "answer", ["", "[]", "{", "[" * 100_000, '{"accepted": true}', '{"accepted": 1, "message": "a"}', '{"message": 3}']
)
def test_an_answer_that_makes_no_sense_is_told_of(tmp_path, answer, monkeypatch):
    monkeypatch.setattr(f"{__name__}.huge", lambda path: path.write_text(answer))
    with pytest.raises(UserError, match="answer.json makes no sense"):
        ask(tmp_path)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (journal.FILE_NAME, lambda odd: [{**CHANGE, "who": odd}]),
        (journal.FILE_NAME, lambda odd: [{**CHANGE, "what": odd}]),
        (run_record.FILE_NAME, lambda odd: {"hyper_parameters": {}, "sessions": [{**SESSION, "host": odd}]}),
    ],
)
def test_what_steers_a_terminal_is_not_taken_from_a_file(tmp_path, name, fields):
    for text in ("\x1b[2J", "a\nb"):
        (tmp_path / name).write_text(json.dumps(fields(text)))
        with pytest.raises(UserError, match="cannot be read") as error:
            READERS[name](tmp_path)
        assert str(error.value).isprintable()
    (tmp_path / name).write_text(json.dumps(fields("text")))
    READERS[name](tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        files.read_bytes(tmp_path / "pipe")


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_atomically(tmp_path / "file", "text")
    assert not list(tmp_path.iterdir())


def test_the_umask_says_who_may_read(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_atomically(tmp_path / "file", "text")
        run_record.make_folder(str(tmp_path / "folder"))
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("file", "folder")] == [0o640, 0o750]

"""Wrong command lines, through main: each is one line that names what was wrong, and nothing slow begins.

`test_flags.py` has what each flag takes; here is what people get wrong, alone, together and in files.
"""

import os
import subprocess
import sys

import pytest

import flags
import main
from settings import UserError
from tests.common import ROOT
from tests.flags.wrong import FILES, WRONG

SLOW = ("tensorflow", "input_fn", "model_fn", "training", "hooks", "report", "serving", "checkpoints")
LONGEST = 1_000


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory):
    """A folder with FILES. No case may change it."""
    folder = tmp_path_factory.mktemp("odd")
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.fixture
def here(odd_files, monkeypatch):
    """The working directory, `odd_files`; nothing slow can be imported there."""
    monkeypatch.chdir(odd_files)
    for module in SLOW:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(main, "quiet_tensorflow", lambda verbosity: None)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    return odd_files


def everything_in(folder):
    return sorted(str(path) for path in folder.rglob("*"))


def in_words(arguments):
    text = " ".join(arguments).removeprefix("--model_dir=run ") or "nothing"
    return ascii(text[:60])


@pytest.mark.parametrize(("arguments", "phrases"), WRONG, ids=[in_words(arguments) for arguments, _ in WRONG])
def test_a_wrong_command_line_is_one_line_and_nothing_is_begun(here, capsys, arguments, phrases):
    before = everything_in(here)
    status = main.main(["main.py", *arguments])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith("error: ") and err.endswith("\n")
    line = err[:-1]
    assert line.isprintable(), "one line, without what steers a terminal"
    assert len(line) <= LONGEST
    for phrase in phrases:
        assert phrase in line
    made = set(everything_in(here)) - set(before)
    assert not {path for path in made if not path.endswith("/learning_rate_requests")}


def test_the_table_is_as_long_as_it_is_said_to_be():
    assert len({tuple(arguments) for arguments, _ in WRONG}) == len(WRONG) >= 80


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"cluster": {"chief": []}}', '{"cluster": {"worker": ["a:1"]}}'])
def test_a_wrong_tf_config_is_one_line(here, capsys, monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    assert main.main(["main.py", "--model_dir=run"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: TF_CONFIG={text}: ")
    assert err.count("\n") == 1
    assert not (here / "run").exists()


@pytest.mark.parametrize(
    ("kind", "reason"), [("pipe", "it is not a regular file"), ("huge", "longer than"), ("folder", "Is a directory")]
)
def test_a_record_that_is_no_ordinary_file_is_not_read(here, tmp_path, capsys, kind, reason):
    """A pipe would be waited for, and a gigabyte held in memory."""
    path = tmp_path / "run.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(2**30)
    assert main.main(["main.py", f"--model_dir={tmp_path}", "--mode=evaluate"]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model_dir", "--overwrite"],
        ["--norelease=1"],
        ["--flagfile=itself.flags"],
        ["--model_dir=sessionless", "--mode=set_learning_rate", "--release"],
        ["--model_dir=caf\udce9"],
    ],
    ids=in_words,
)
def test_a_wrong_command_line_ends_the_process_with_status_2(here, arguments):
    program = [sys.executable, str(ROOT / "main.py")]
    done = subprocess.run([*program, *arguments], cwd=here, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "Traceback" not in done.stderr


def test_a_flagfile_that_is_too_long_is_not_read(here, tmp_path):
    path = tmp_path / "long.flags"
    path.write_text("#\n" * 2**20)
    with pytest.raises(UserError, match="long.flags is no file of flags"):
        flags.parse(["main.py", f"--flagfile={path}"])


def test_spaces_around_numbers_a_byte_order_mark_and_windows_line_ends_are_no_mistakes(tmp_path):
    file = tmp_path / "windows.flags"
    file.write_bytes(b"\xef\xbb\xbf--model_dir=run\r\n\r\n  # comment\r\n--batch_size= 8 \r\n// more\r\n")
    command = flags.parse(["main.py", f"--flagfile={file}", "--values=1 , 2", "--train_steps", "30"])
    assert command is not None
    assert (command.values["batch_size"], command.values["values"]) == (8, [1.0, 2.0])
    assert str(command.values["train_steps"]) == "30"
    assert command.given == {"model_dir", "batch_size", "values", "train_steps"}


def test_a_flagfile_may_be_included_twice_and_stands_where_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "common.flags").write_text("--batch_size=8\n--model_dir=run")
    (tmp_path / "outer.flags").write_text("--flagfile=common.flags\n--batch_size=16\n--flagfile=common.flags\n")
    for arguments, batch_size in [
        (["--flagfile=outer.flags"], 8),
        (["--flagfile=outer.flags", "--batch_size=4"], 4),
        (["--batch_size=4", "--flagfile=outer.flags"], 8),
    ]:
        command = flags.parse(["main.py", *arguments])
        assert command is not None and command.values["batch_size"] == batch_size


@pytest.mark.parametrize(
    "name", ["cifar10", "cifar10:3.0.2", "imagenet_resized/32x32", "cifar10_1/v4:1.0.0", "a:1.*.*"]
)
def test_a_data_set_may_have_a_configuration_and_a_version(name):
    command = flags.parse(["main.py", "--model_dir=run", f"--dataset={name}"])
    assert command is not None and command.values["dataset"] == name

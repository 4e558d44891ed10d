import errno
import json

import pytest

import run_record
from cluster.membership import shared_token
from settings import UserError

HYPER = {"batch_size": 64, "values": [0.1, 0.01]}


def open_run(folder, *, hyper=HYPER, defaults=HYPER, overwrite=False, checkpoint=True):
    """Opens a run and, as training does, leaves a checkpoint in it."""
    record = run_record.open_run(
        str(folder), flags={**hyper, "seed": 1}, hyper_parameters=hyper, defaults=defaults, overwrite=overwrite
    )
    if checkpoint:
        (folder / "checkpoint").write_text("")
    return record


def test_a_new_run_is_recorded_with_flags_commit_and_versions(tmp_path):
    open_run(tmp_path / "runs" / "first")
    record = run_record.read(str(tmp_path / "runs" / "first"))
    assert record.hyper_parameters == HYPER
    (session,) = record.sessions
    assert session.flags == {**HYPER, "seed": 1}
    assert session.versions["tensorflow"] == "2.15.1"
    assert session.git_commit == "unknown" or len(session.git_commit.rstrip("+")) == 40
    assert session.started[:2] == "20"


def test_each_start_adds_a_session(tmp_path):
    open_run(tmp_path)
    assert len(open_run(tmp_path).sessions) == 2


def test_other_hyper_parameters_are_refused_by_name_and_value(tmp_path):
    open_run(tmp_path)
    with pytest.raises(UserError, match=r"batch_size \(there 64, asked 32\);.*--overwrite") as error:
        open_run(tmp_path, hyper={**HYPER, "batch_size": 32})
    assert "values" not in str(error.value)
    assert len(run_record.read(str(tmp_path)).sessions) == 1, "a refused start leaves no trace"


def test_a_run_that_is_older_than_a_flag_goes_on_at_its_default(tmp_path):
    open_run(tmp_path)
    defaults = {**HYPER, "cutout": 0.0}
    with pytest.raises(UserError, match=r"cutout \(there 0.0, asked 0.5\)"):
        open_run(tmp_path, hyper={**HYPER, "cutout": 0.5}, defaults=defaults)
    assert open_run(tmp_path, hyper=defaults, defaults=defaults).hyper_parameters == defaults


def test_a_run_without_a_checkpoint_binds_nobody(tmp_path):
    open_run(tmp_path, checkpoint=False)
    record = open_run(tmp_path, hyper={**HYPER, "batch_size": 32})
    assert (record.hyper_parameters["batch_size"], len(record.sessions)) == (32, 1)


def test_overwrite_removes_the_run_and_nothing_else(tmp_path):
    open_run(tmp_path)
    files = "checkpoint model.ckpt-5.index events.out.tfevents.1.host report.png projector_config.pbtxt"
    for name in files.split():
        (tmp_path / name).write_text("")
    for folder, name in (("eval", "events.out.tfevents.2.host"), ("projector", "tensors.tsv")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("")
    (tmp_path / "notes.txt").write_text("mine")
    record = open_run(tmp_path, hyper={**HYPER, "batch_size": 32}, overwrite=True, checkpoint=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "run.json"]
    assert (record.hyper_parameters["batch_size"], len(record.sessions)) == (32, 1)


def test_overwrite_leaves_what_the_tasks_of_a_cluster_look_for(tmp_path):
    """The chief puts it there before it begins the run, and those that come later must find it."""
    open_run(tmp_path)
    with shared_token.written(str(tmp_path)) as token:
        open_run(tmp_path, overwrite=True)
        assert shared_token.is_seen(str(tmp_path), token)


@pytest.mark.parametrize("remove", [run_record.remove_run, run_record.remove_checkpoints])
def test_a_run_that_cannot_be_removed_is_one_line(remove, tmp_path, monkeypatch):
    def refused(self):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    (tmp_path / "checkpoint").touch()
    monkeypatch.setattr(type(tmp_path), "unlink", refused)
    with pytest.raises(UserError, match=f"cannot remove what a run has left in {tmp_path} .Permission denied."):
        remove(str(tmp_path))


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"hyper_parameters": {}, "sessions": [{"x": 1}]})])
def test_a_damaged_record_is_named(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    (tmp_path / "checkpoint").write_text("")
    with pytest.raises(UserError, match="run.json cannot be read"):
        open_run(tmp_path)


def test_a_directory_without_a_run_is_said(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        run_record.read(str(tmp_path))


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write the run to --model_dir=.*file/run \(Not a directory\)"):
        open_run(tmp_path / "file" / "run")

import re

import pytest
import tensorflow as tf

import checkpoints
from settings import UserError
from tests.checkpoints.common import killed, prefix, save, snapshot, weight

DATA = ".data-00000-of-00002"


def use(folder):
    """What newest_readable returns, as a step, and the lines it tells. From then on TensorFlow must agree."""
    lines: list[str] = []
    found = checkpoints.newest_readable(str(folder), tell=lines.append)
    assert tf.train.latest_checkpoint(str(folder)) == found
    assert all("\n" not in line for line in lines)
    return None if found is None else checkpoints.global_step(found), lines


def spoil(folder, step):
    path = folder / f"model.ckpt-{step}{DATA}"
    path.write_bytes(b"?" + path.read_bytes()[1:])


def used(folder):
    return re.findall('"(.*)"', (folder / "checkpoint").read_text())


def contents(folder):
    """What must not be lost, by whatever name."""
    return sorted(content for name, content in snapshot(folder).items() if "model.ckpt" in name)


def test_nothing_is_touched_or_told_where_nothing_is_wrong(run):
    before = snapshot(run)
    assert use(run) == (3, [])
    assert snapshot(run) == before


def test_a_broken_checkpoint_is_set_aside_and_told_in_a_line(run):
    spoil(run, 3)
    before = contents(run)
    files = sorted(path.name for path in run.glob("model.ckpt-3.*"))
    step, lines = use(run)
    assert step == 2
    assert lines == [
        f"checkpoint {prefix(run, 3)} cannot be read: model.ckpt-3{DATA} is damaged; it is set aside as"
        " set-aside-model.ckpt-3; model.ckpt-2 is used"
    ]
    assert not list(run.glob("model.ckpt-3*"))
    assert sorted(path.name for path in run.glob("set-aside-*")) == [f"set-aside-{name}" for name in files]
    assert contents(run) == before
    assert use(run) == (2, []), "told once"


def test_the_state_is_as_the_saver_would_have_left_it(run, tmp_path):
    spoil(run, 3)
    use(run)
    (tmp_path / "other").mkdir()
    save(tmp_path / "other", {1: 1.0, 2: 2.0})
    assert (run / "checkpoint").read_bytes() == (tmp_path / "other" / "checkpoint").read_bytes()


def test_the_older_ones_are_still_counted_by_a_saver(run):
    """It removes the oldest in time; one that it did not know of would stay for ever."""
    save(run, {4: 4.0})
    tf.compat.v1.train.update_checkpoint_state(str(run), "model.ckpt-4", [f"model.ckpt-{step}" for step in (2, 3, 4)])
    spoil(run, 4)
    use(run)
    assert used(run) == ["model.ckpt-3", "model.ckpt-2", "model.ckpt-3"], "and 1 was kept apart from that"
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("weight", initializer=tf.zeros([2]))
        saver = tf.compat.v1.train.Saver(max_to_keep=2)
        saver.restore(session, tf.train.latest_checkpoint(str(run)))
        saver.recover_last_checkpoints(tf.train.get_checkpoint_state(str(run)).all_model_checkpoint_paths)
        saver.save(session, str(run / "model.ckpt"), global_step=4)
    assert sorted(path.name for path in run.glob("model*.index")) == [f"model.ckpt-{step}.index" for step in (1, 3, 4)]


def test_several_broken_ones_are_told_in_a_line_each(run):
    spoil(run, 3)
    (run / "model.ckpt-2.index").unlink()
    before = contents(run)
    step, lines = use(run)
    assert step == 1
    assert len(lines) == 2 and all(line.endswith("; model.ckpt-1 is used") for line in lines)
    assert "model.ckpt-2.index is missing" in lines[1]
    assert contents(run) == before


def test_where_all_are_broken_nothing_is_removed_and_tensorflow_finds_none(run):
    for step in (1, 2, 3):
        spoil(run, step)
    before = contents(run)
    step, lines = use(run)
    assert step is None
    assert len(lines) == 3 and all(line.endswith("; no other is left that could be read") for line in lines)
    assert contents(run) == before
    assert tf.train.get_checkpoint_state(str(run)) is None
    assert use(run) == (None, [])


def test_what_was_set_aside_before_is_not_overwritten(run):
    for number in (1, 2, 3):
        save(run, {3: float(number)})
        spoil(run, 3)
        before = contents(run)
        assert use(run)[0] == 2
        assert contents(run) == before
    names = sorted(path.name for path in run.glob("*.index"))
    assert [name for name in names if name.endswith("-3.index")] == [
        "set-aside-2-model.ckpt-3.index",
        "set-aside-3-model.ckpt-3.index",
        "set-aside-model.ckpt-3.index",
    ]


@pytest.mark.parametrize(
    "state",
    [
        None,
        b"",
        b"\xff\xfe\0",
        b"garbage",
        b'model_checkpoint_path: "model.ck',
        b'all_model_checkpoint_paths: "model.ckpt-1"',
        b'model_checkpoint_path: "model.ckpt-E"',
    ],
)
def test_a_state_that_makes_no_sense_is_written_anew(run, state):
    (run / "checkpoint").unlink()
    if state is not None:
        (run / "checkpoint").write_bytes(state)
    assert use(run) == (3, [f"{run}/checkpoint is missing or damaged; model.ckpt-3 is used"])
    assert used(run) == ["model.ckpt-3", "model.ckpt-1", "model.ckpt-2", "model.ckpt-3"]


def test_a_state_that_makes_no_sense_may_come_with_a_broken_checkpoint(run):
    (run / "checkpoint").write_bytes(b"")
    spoil(run, 3)
    step, lines = use(run)
    assert step == 2 and len(lines) == 1
    assert used(run) == ["model.ckpt-2", "model.ckpt-1", "model.ckpt-2"]


def test_a_state_without_any_checkpoint_is_set_aside(tmp_path):
    """TensorFlow would fail to read it."""
    (tmp_path / "checkpoint").write_bytes(b"")
    step, lines = use(tmp_path)
    assert step is None and len(lines) == 1
    assert snapshot(tmp_path) == {"set-aside-checkpoint": b""}


@pytest.mark.parametrize("places", [("model.ckpt-3.*",), ("model.ckpt-3.*", "model.ckpt-1.*")])
def test_a_state_that_names_a_vanished_checkpoint_is_put_right(run, places):
    for place in places:
        for path in run.glob(place):
            path.unlink()
    step, lines = use(run)
    assert step == 2
    assert lines == [f"checkpoint {prefix(run, 3)} cannot be read: all its files are gone; model.ckpt-2 is used"]
    assert used(run) == ["model.ckpt-2", *(["model.ckpt-1"] if len(places) == 1 else []), "model.ckpt-2"]


def test_a_moved_run_is_found_by_a_state_of_whole_paths(run):
    tf.compat.v1.train.update_checkpoint_state(str(run), prefix(run, 2), [prefix(run, 1), prefix(run, 2)])
    moved = run.rename(run.with_name("moved"))
    assert tf.train.latest_checkpoint(str(moved)) is None
    assert use(moved)[0] == 3, "what it said of its old place is worth nothing"


def test_a_run_that_has_not_begun_is_left_alone(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    assert use(tmp_path) == (None, [])
    assert use(tmp_path / "nowhere") == (None, [])
    assert snapshot(tmp_path) == {"run.json": b"{}"}


def test_a_relative_folder_is_put_right(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    spoil(run, 3)
    assert checkpoints.newest_readable("run", tell=lambda line: None) == "run/model.ckpt-2"
    assert used(run) == ["model.ckpt-2", "model.ckpt-1", "model.ckpt-2"]


def test_what_a_killed_save_has_left_is_removed(run):
    before = snapshot(run)
    (run / "model.ckpt-4_temp").mkdir()
    (run / "model.ckpt-4_temp" / "part-00000-of-00001.data-00000-of-00001.tempstate123").write_text("half")
    drawn = "0123456789abcdef" * 2
    for name in (f"model.ckpt-4.meta.tmp{drawn}", f"checkpoint.tmp{drawn}", "model.ckpt-4.index.tempstate1"):
        (run / name).write_text("half")
    assert use(run) == (3, [])
    assert snapshot(run) == before
    assert not (run / "model.ckpt-4_temp").exists()


def test_a_diverged_run_sets_aside_what_it_goes_back_behind(run):
    (run / "model.ckpt-3.index").unlink()
    later = checkpoints.later_than(prefix(run, 1))
    assert later == [prefix(run, 3), prefix(run, 2)], "also one that cannot be read"
    save(run, {3: 3.0})
    moved = checkpoints.set_aside(str(run), later)
    assert moved == {prefix(run, step): str(run / f"set-aside-model.ckpt-{step}") for step in (2, 3)}
    assert {weight(aside) for aside in moved.values()} == {2.0, 3.0}
    assert tf.train.latest_checkpoint(str(run)) == prefix(run, 1)
    assert used(run) == ["model.ckpt-1", "model.ckpt-1"]
    assert checkpoints.all_of(str(run)) == [prefix(run, 1)]


def test_a_folder_that_cannot_be_changed_is_told(run, monkeypatch):
    """Not even the superuser may replace a folder by a file."""
    spoil(run, 3)
    (run / "checkpoint").unlink()
    (run / "checkpoint").mkdir()
    with pytest.raises(UserError, match=rf"cannot set a checkpoint aside in {run} \(Is a directory\)"):
        checkpoints.newest_readable(str(run))


def test_a_kill_at_any_instant_loses_nothing(run, tmp_path):
    spoil(run, 3)
    spoil(run, 2)
    before = contents(run)
    for place in killed(run, tmp_path / "places", checkpoints.newest_readable):
        newest = tf.train.latest_checkpoint(str(place))
        assert newest in (prefix(place, 1), prefix(place, 3)), (
            "whoever trusts TensorFlow alone finds the same as before"
        )
        assert contents(place) == before
        assert use(place)[0] == 1
        assert contents(place) == before

import os
import random

import numpy as np
import pytest
import tensorflow as tf

import checkpoints
from settings import UserError
from tests.checkpoints.common import prefix, save, snapshot

DATA = ".data-00000-of-00002"
OTHER_DATA = ".data-00001-of-00002"


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


def remove(path, _):
    path.unlink()


def test_the_newest_is_good_where_nothing_is_wrong(run):
    before = snapshot(run)
    assert checkpoints.examine(str(run)) == checkpoints.Examination(prefix(run, 3), ())
    assert snapshot(run) == before


@pytest.mark.parametrize(
    ("damage", "file", "argument", "told"),
    [
        (cut, DATA, -1, "cut short"),
        (cut, OTHER_DATA, 5, "cut short"),
        (cut, DATA, 0, "cut short"),
        (cut, ".index", -1, "damaged"),
        (cut, ".index", 100, "damaged"),
        (cut, ".index", 0, "damaged"),
        (flip, DATA, 0, "damaged"),
        (flip, DATA, -1, "damaged"),
        (flip, OTHER_DATA, 7, "damaged"),
        (flip, ".index", 0, "damaged"),
        (flip, ".index", -1, "damaged"),
        (remove, DATA, None, "missing"),
        (remove, OTHER_DATA, None, "missing"),
        (remove, ".index", None, "missing"),
    ],
)
def test_a_damaged_checkpoint_is_told_by_its_file(run, damage, file, argument, told):
    path = run / f"model.ckpt-3{file}"
    damage(path, argument)
    before = snapshot(run)
    found = checkpoints.examine(str(run))
    (broken,) = found.broken
    assert (found.good, broken.prefix) == (prefix(run, 2), prefix(run, 3))
    assert path.name in broken.why and told in broken.why
    assert snapshot(run) == before


def test_a_checkpoint_that_has_vanished_is_told(run):
    for path in run.glob("model.ckpt-3.*"):
        path.unlink()
    gone = checkpoints.Broken(prefix(run, 3), "all its files are gone")
    assert checkpoints.examine(str(run)) == checkpoints.Examination(prefix(run, 2), (gone,))


@pytest.mark.parametrize("file", [DATA, OTHER_DATA])
def test_every_flipped_bit_of_the_data_is_noticed(run, file):
    path = run / f"model.ckpt-3{file}"
    content = path.read_bytes()
    places = [(byte, 1 << bit) for byte in range(len(content)) for bit in range(8)]
    assert [place for place in places if read_flipped(path, *place) is not None] == []


def test_a_flipped_byte_of_the_index_is_noticed_or_changes_nothing(run):
    """Some bytes nobody reads: an empty block, where it stands, and what fills up the end."""
    path = run / "model.ckpt-3.index"
    right = values(prefix(run, 3))
    read = [read_flipped(path, byte, 1 << (byte % 8)) for byte in range(path.stat().st_size)]
    assert all(found == right for found in read if found is not None)
    unnoticed = [byte for byte, found in enumerate(read) if found is not None]
    assert unnoticed and len(unnoticed) < 60 and min(unnoticed) > len(read) - 90


def read_flipped(path, byte, mask):
    """What the newest checkpoint holds with these bits flipped; None where it is not the newest any more."""
    content = path.read_bytes()
    path.write_bytes(content[:byte] + bytes([content[byte] ^ mask]) + content[byte + 1 :])
    good = checkpoints.examine(str(path.parent)).good
    assert good in (prefix(path.parent, 2), prefix(path.parent, 3))
    found = values(good) if good == prefix(path.parent, 3) else None
    path.write_bytes(content)
    return found


def values(checkpoint):
    reader = tf.train.load_checkpoint(checkpoint)
    return {name: np.asarray(reader.get_tensor(name)).tolist() for name in reader.get_variable_to_shape_map()}


def test_damage_in_one_part_of_a_large_index_is_noticed(tmp_path):
    """The reader leaves such a part out and says nothing: some variables would not be there."""
    drawn = random.Random(0)
    names = ["".join(drawn.choices("abcdefghijklmnop", k=200)) for _ in range(3000)]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        numbers = [tf.constant(0.5)] * len(names)
        path = prefix(tmp_path, 1)
        session.run(tf.raw_ops.SaveV2(prefix=path, tensor_names=names, shape_and_slices=[""] * 3000, tensors=numbers))
    assert checkpoints.examine(str(tmp_path)).good == path
    index = tmp_path / "model.ckpt-1.index"
    flip(index, index.stat().st_size // 2)
    assert 0 < len(tf.train.load_checkpoint(path).get_variable_to_shape_map()) < 3000
    found = checkpoints.examine(str(tmp_path))
    assert found.good is None and found.broken[0].why.startswith("model.ckpt-1.index is damaged: it is of ")


def test_data_of_an_earlier_division_does_no_harm(run):
    """A run that goes on with other devices saves its step anew, in another number of files."""
    (run / "model.ckpt-3.data-00000-of-00001").write_bytes(b"x" * 1000)
    assert checkpoints.examine(str(run)).good == prefix(run, 3)


@pytest.mark.parametrize("strings", ["", b"x", [], ["", "x" * 127, "x" * 128, "x" * 16384], ["a\0", "\0"]])
def test_strings_are_read_as_well(tmp_path, strings):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tensor, path = tf.constant(strings, tf.string), prefix(tmp_path, 1)
        session.run(tf.raw_ops.SaveV2(prefix=path, tensor_names=["s"], shape_and_slices=[""], tensors=[tensor]))
    assert checkpoints.examine(str(tmp_path)).good == path


@pytest.mark.parametrize("file", [DATA, OTHER_DATA, ".index"])
def test_what_may_not_be_read_is_no_damage(run, file):
    """A link to itself: a refusal that also the superuser gets."""
    path = run / f"model.ckpt-3{file}"
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(UserError, match=rf"cannot read .*{path.name} \(Too many levels of symbolic links\)"):
        checkpoints.examine(str(run))


def test_a_checkpoint_that_was_not_finished_is_the_last_resort(run):
    """A save was killed before the state was written, or is going on while an evaluation looks."""
    tf.compat.v1.train.update_checkpoint_state(str(run), prefix(run, 2), [prefix(run, 1), prefix(run, 2)])
    assert checkpoints.examine(str(run)).good == prefix(run, 2)
    for step in (1, 2):
        flip(run / f"model.ckpt-{step}{DATA}", 0)
    assert checkpoints.examine(str(run)).good == prefix(run, 3)


@pytest.mark.parametrize("older", [9, 100])
def test_newer_is_by_number(run, older):
    save(run, {older: 1.0, 1000: 2.0})
    (run / "checkpoint").unlink()
    assert checkpoints.examine(str(run)).good == prefix(run, 1000)


@pytest.mark.parametrize("folder", ["", "empty", "nowhere", "file"])
def test_there_may_be_no_checkpoint(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert checkpoints.examine(str(tmp_path / folder)) == checkpoints.Examination(None, ())


def test_a_relative_folder_is_read(run, monkeypatch):
    monkeypatch.chdir(run.parent)
    assert checkpoints.examine("run").good == os.path.join("run", "model.ckpt-3")
    monkeypatch.chdir(run)
    assert checkpoints.examine(".").good == "./model.ckpt-3"


@pytest.mark.parametrize("name", ["rate[0.1]", "a\\b"])
def test_a_folder_in_which_tensorflow_finds_nothing_is_refused(run, name):
    """It takes the name for a pattern; every checkpoint would seem to be broken."""
    folder = run.rename(run.with_name(name))
    assert tf.train.latest_checkpoint(str(folder)) is None
    with pytest.raises(UserError, match="give a --model_dir without"):
        checkpoints.examine(str(folder))


def test_the_global_step_is_read(run):
    assert [checkpoints.global_step(prefix(run, step)) for step in (1, 2, 3)] == [1, 2, 3]


def test_a_global_step_that_cannot_be_read_is_told(run, tmp_path):
    (run / f"model.ckpt-3{DATA}").unlink()
    with pytest.raises(UserError, match=r"cannot use .*model\.ckpt-3: model\.ckpt-3\.data-00000-of-00002 is missing"):
        checkpoints.global_step(prefix(run, 3))
    with pytest.raises(UserError, match=r"cannot use .*nowhere: all its files are gone"):
        checkpoints.global_step(str(tmp_path / "nowhere"))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        path = str(tmp_path / "foreign")
        session.run(
            tf.raw_ops.SaveV2(prefix=path, tensor_names=["x"], shape_and_slices=[""], tensors=[tf.constant(1.0)])
        )
    with pytest.raises(UserError, match=r"cannot use .*foreign: it holds no global step"):
        checkpoints.global_step(path)


def test_the_newest_checkpoint_is_good_where_all_is_finite(tmp_path):
    save(tmp_path, {1: 1.0, 2: 2.0})
    assert checkpoints.newest_finite(str(tmp_path)) == prefix(tmp_path, 2)


def test_checkpoints_of_a_diverged_model_are_passed_over(tmp_path):
    """An update made the weight infinite while the loss of its step was still a number."""
    save(tmp_path, {1: 1.0, 2: 2.0, 3: float("inf"), 4: float("nan")})
    assert checkpoints.newest_finite(str(tmp_path)) == prefix(tmp_path, 2)


def test_broken_checkpoints_are_not_what_a_diverged_run_goes_back_to(run):
    flip(run / f"model.ckpt-3{DATA}", 0)
    assert checkpoints.newest_finite(str(run)) == prefix(run, 2)


def test_there_may_be_no_good_checkpoint(tmp_path):
    assert checkpoints.newest_finite(str(tmp_path)) is None
    save(tmp_path, {1: float("nan")})
    assert checkpoints.newest_finite(str(tmp_path)) is None

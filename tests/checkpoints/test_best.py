import json
import math

import pytest
import tensorflow as tf

import checkpoints
from settings import UserError
from tests.checkpoints.common import killed, prefix, save, snapshot, weight
from tests.file_sizes import limited


def keep(folder, step, loss, **changes):
    arguments = {"metrics": {"loss": loss, "accuracy": 0.5}, "metric": "loss", "lower_is_better": True}
    return checkpoints.keep_best(str(folder), prefix(folder, step), step=step, **{**arguments, **changes})


def best_weight(folder):
    """As whoever uses TensorFlow alone reads it."""
    return weight(tf.train.latest_checkpoint(str(folder / "best")))


def best(folder):
    found = checkpoints.read_best(str(folder))
    assert found is not None
    return found


def names(folder):
    return sorted(path.name for path in (folder / "best").iterdir())


def test_the_first_is_the_best_so_far(run):
    assert keep(run, 1, 0.5)
    files = [path.name for path in run.glob("model.ckpt-1.*")]
    assert len(files) == 4
    assert names(run) == sorted([*files, "checkpoint", "best.json"])
    assert all((run / "best" / name).read_bytes() == (run / name).read_bytes() for name in files)
    assert json.loads((run / "best" / "best.json").read_text()) == {
        "step": 1,
        "metric": "loss",
        "value": 0.5,
        "metrics": {"loss": 0.5, "accuracy": 0.5},
        "checkpoint": "model.ckpt-1",
    }
    assert best_weight(run) == 1


def test_only_a_better_one_takes_its_place(run):
    said = [keep(run, step, loss) for step, loss in [(1, 0.5), (2, 0.5), (2, 0.75), (3, 0.25), (2, 0.25)]]
    assert said == [True, False, False, True, False]
    assert best_weight(run) == 3
    assert not list((run / "best").glob("model.ckpt-1.*")), "of the one before, nothing is left"
    assert best(run).step == 3


def test_more_may_be_better(run):
    values = [(1, 0.5), (2, 0.25), (3, 0.75)]
    said = [
        keep(run, step, 1.0, metrics={"accuracy": value}, metric="accuracy", lower_is_better=False)
        for step, value in values
    ]
    assert said == [True, False, True]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_never_better(run, bad):
    assert not keep(run, 1, bad)
    assert not (run / "best").exists()
    assert keep(run, 1, 0.5)
    assert not keep(run, 2, bad)
    assert not keep(run, 2, bad, lower_is_better=False)


def test_another_metric_is_compared_with_that_of_the_best(run):
    keep(run, 1, 0.5)
    more = {"metric": "accuracy", "lower_is_better": False}
    assert not keep(run, 2, 0.25, metrics={"accuracy": 0.5}, **more)
    assert keep(run, 2, 0.75, metrics={"accuracy": 0.625}, **more)
    assert keep(run, 3, 0.75, metrics={"other": 0.1}, metric="other", lower_is_better=True)


def test_a_run_that_comes_by_a_step_again_may_do_better_there(run):
    """Its files have the names of those in place, and cannot be replaced all at once."""
    keep(run, 2, 0.5)
    for again, loss in enumerate([0.25, 0.125], start=2):
        save(run, {2: 2.0 * again})
        assert keep(run, 2, loss)
        assert best_weight(run) == 2.0 * again
        assert best(run).value == loss
        assert len(list((run / "best").glob("model.ckpt-*.index"))) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"step": 1}',
        b'{"step": 1, "metric": "loss", "value": NaN, "metrics": {"loss": NaN}, "checkpoint": "model.ckpt-1"}',
        b'{"step": 1, "metric": "loss", "value": 0.1, "metrics": {"loss": 0.2}, "checkpoint": "model.ckpt-1"}',
        b'{"step": 1, "metric": "loss", "value": 0.1, "metrics": {}, "checkpoint": "model.ckpt-1"}',
        b'{"step": 1, "metric": "loss", "value": 0.1, "metrics": [], "checkpoint": "model.ckpt-1"}',
        b'{"step": 1, "metric": [], "value": 0.1, "metrics": {"loss": 0.1}, "checkpoint": "model.ckpt-1"}',
        b'{"step": 1.5, "metric": "loss", "value": 0.1, "metrics": {"loss": 0.1}, "checkpoint": "model.ckpt-1"}',
        b'{"step": 1, "metric": "loss", "value": 0.1, "metrics": {"loss": 0.1}, "checkpoint": "../model.ckpt-1"}',
        b'{"step": 1, "metric": "loss", "value": 0.1, "metrics": {"loss": 0.1}, "checkpoint": 3}',
        b'{"step": 1, "metric": "loss", "value": 0.1, "metrics": {"loss": 0.1}, "checkpoint": "model.ckpt-9"}',
        b'{"step": 1, "metric": "loss", "value": 0.1, "metrics": {"loss": 0.1}, "checkpoint": "model.ckpt-1"}'
        + b" " * 65536,
    ],
)
def test_a_damaged_record_counts_as_none(run, content):
    keep(run, 1, 0.125)
    (run / "best" / "best.json").write_bytes(content)
    assert checkpoints.read_best(str(run)) is None
    assert keep(run, 2, 0.5)
    assert best(run).step == 2


def test_what_is_not_the_programs_stays(run):
    keep(run, 1, 0.5)
    (run / "best" / "notes.txt").write_text("mine")
    keep(run, 2, 0.25)
    assert (run / "best" / "notes.txt").exists()


@pytest.mark.parametrize("file", ["model.ckpt-2.index", "model.ckpt-2.data-00001-of-00002", "model.ckpt-2.*"])
def test_a_checkpoint_that_is_gone_is_not_kept_in_part(run, file):
    """An evaluator of its own may be slower than the run that removes old checkpoints."""
    keep(run, 1, 0.5)
    before = snapshot(run / "best")
    for path in list(run.glob(file)):
        path.unlink()
    with pytest.raises(UserError, match=r"cannot copy the best checkpoint, .*model\.ckpt-2: .*--keep_checkpoints"):
        keep(run, 2, 0.25)
    assert snapshot(run / "best") == before


def test_a_folder_that_cannot_be_written_is_told(run):
    (run / "best").write_text("")
    with pytest.raises(UserError, match=r"cannot copy the best checkpoint.*Not a directory|File exists"):
        keep(run, 1, 0.5)


def test_a_copy_that_has_no_room_is_told_and_the_best_before_stays(run):
    keep(run, 1, 0.5)
    before = snapshot(run / "best")
    told = r"cannot copy the best checkpoint, .*model\.ckpt-2, to .*File too large"
    with limited(1000), pytest.raises(UserError, match=told):
        keep(run, 2, 0.25)
    assert snapshot(run / "best") == before


@pytest.mark.parametrize("same_step", [False, True])
def test_a_kill_at_any_instant_leaves_the_old_best_or_the_new_one(run, tmp_path, same_step):
    if same_step:
        save(run, {3: 2.0})
    keep(run, 3 if same_step else 2, 0.5)
    save(run, {3: 3.0})
    found = []
    for place in killed(run, tmp_path / "places", lambda place: keep(place, 3, 0.25)):
        found.append(best_weight(place))
        assert best(place).value in (0.25, 0.5)
        # Whoever comes next finds all of it, and what was half done is no more.
        assert keep(place, 1, 0.125)
        assert best_weight(place) == 1
        assert names(place) == sorted([*(path.name for path in run.glob("model.ckpt-1.*")), "best.json", "checkpoint"])
    assert set(found) == {2, 3} and found == sorted(found)

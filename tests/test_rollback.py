"""What a rollback leaves for the run that goes on."""

import pytest
import tensorflow as tf

import checkpoints
import hooks
from control import journal, rollbacks
from settings import OnNan, UserError
from tests.common import make_settings
from training import rollback

FINITE, INFINITE = 1.0, float("inf")


def save(folder, weights):
    """Checkpoints of these weights at these steps, none of which a person or a plateau has changed the rate of."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.train.create_global_step()
        weight = tf.compat.v1.get_variable("weight", initializer=0.0)
        state = tf.compat.v1.get_variable("live_rate/state", initializer=[0.0, 1.0, 1.0])
        saver = tf.compat.v1.train.Saver([step, weight, state], max_to_keep=None, save_relative_paths=True)
        session.run(tf.compat.v1.global_variables_initializer())
        for number, value in weights.items():
            step.load(number, session)
            weight.load(value, session)
            saver.save(session, str(folder / "model.ckpt"), global_step=number)


def go_back(folder, *, diverged_at, on_nan=OnNan.ROLLBACK, limit=3):
    diverged = hooks.Diverged(diverged_at, float("nan"), checkpoints.newest_finite(str(folder)))
    rollback.go_back(make_settings(model_dir=str(folder), on_nan=on_nan, max_rollbacks=limit), diverged)


def test_the_run_goes_on_from_the_last_good_checkpoint_at_half_the_rate(tmp_path, capsys):
    save(tmp_path, {2: FINITE, 4: FINITE, 6: INFINITE})
    go_back(tmp_path, diverged_at=7)
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-4")
    assert list(tmp_path.glob("set-aside-model.ckpt-6.*")), "set aside, not removed"
    (change,) = journal.read(str(tmp_path))
    assert (change.step, change.state.factor, change.who) == (5, 0.5, "rollback")
    assert journal.pending([change], step=4) == [change], "the run makes it when it goes on"
    assert "step 7: the loss is no number; back to step 4" in capsys.readouterr().out


def test_each_rollback_halves_what_was_in_force_and_goes_back_further(tmp_path):
    """Also where it has saved again, meanwhile, what it went back from."""
    for count, step in enumerate((6, 4, 2), start=1):
        save(tmp_path, {2: FINITE, 4: FINITE, 6: FINITE})
        go_back(tmp_path, diverged_at=7)
        change = journal.read(str(tmp_path))[-1]
        assert (change.step, change.state.factor) == (step + 1, 0.5**count)
    assert [each.back_to for each in rollbacks.read(str(tmp_path))] == [6, 4, 2]
    with pytest.raises(UserError, match="there is no earlier checkpoint to roll back to"):
        go_back(tmp_path, diverged_at=7, limit=4)


def test_a_run_that_came_further_goes_back_to_its_newest_checkpoint(tmp_path):
    save(tmp_path, {2: FINITE, 4: FINITE})
    go_back(tmp_path, diverged_at=5)
    save(tmp_path, {2: FINITE, 4: FINITE, 6: FINITE})
    go_back(tmp_path, diverged_at=7)
    assert [each.back_to for each in rollbacks.read(str(tmp_path))] == [4, 6]


def test_rollbacks_come_to_an_end(tmp_path):
    save(tmp_path, {2: FINITE, 4: FINITE})
    go_back(tmp_path, diverged_at=5, limit=1)
    with pytest.raises(UserError, match="rolled back 1 times, as --max_rollbacks=1 allows"):
        go_back(tmp_path, diverged_at=5, limit=1)


def test_without_a_good_checkpoint_there_is_nothing_to_go_back_to(tmp_path):
    save(tmp_path, {0: INFINITE})
    with pytest.raises(UserError, match="not there: .*; there is no earlier checkpoint to roll back to"):
        go_back(tmp_path, diverged_at=1)


def test_a_run_that_shall_stop_stops(tmp_path):
    save(tmp_path, {2: FINITE})
    with pytest.raises(UserError, match="and --on_nan=rollback goes back"):
        go_back(tmp_path, diverged_at=5, on_nan=OnNan.STOP)
    assert journal.read(str(tmp_path)) == []

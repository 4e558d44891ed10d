"""The task that evaluates while others train: which checkpoints, in which order, and when it ends."""

import dataclasses
import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import checkpoints
import input_fn
from checkpoints import files
from cluster.membership import Announcement, Ending, Membership
from cluster.topology import ALONE
from control import evaluations
from control.preemption import Preemption
from settings import Preempted, UserError
from tests.common import make_settings
from training import evaluating
from training import run as training_run
from training.evaluator_task import evaluate_to_the_end
from training.pages import Recorded


@pytest.fixture
def run(tmp_path):
    """Settings of a run that saves every 8 steps, and evaluates them."""
    whole = make_settings(model_dir=str(tmp_path))
    return dataclasses.replace(whole, training=dataclasses.replace(whole.training, evaluation_interval=8))


def save(run, *steps):
    """Checkpoints of these steps are those in use, and there are no others."""
    for prefix in checkpoints.all_of(run.model_dir):
        if int(prefix.rpartition("-")[2]) not in steps:
            checkpoints.remove(checkpoints.files_of(prefix))
    for step in steps:
        if not os.path.exists(f"{checkpoints.prefix_of(run.model_dir, step)}.index"):
            write(run, step)
    files.use(run.model_dir, [f"model.ckpt-{step}" for step in steps])


def write(run, step):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("global_step", initializer=np.int64(step))
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(
            session, checkpoints.prefix_of(run.model_dir, step), write_meta_graph=False, write_state=False
        )


class Members(Membership):
    """Does what the other tasks do at each look of the evaluator; the last thing that happens is an announcement."""

    def __init__(self, *looks):
        self._looks = list(looks)
        self._announced = None

    @property
    def announced(self):
        return self._announced

    def wait_for_announcement(self, seconds):
        self._announced = self._looks.pop(0)()
        return self._announced


def evaluate_all(run, *looks):
    """Steps that were evaluated while this happened, each found in the copy that was evaluated."""
    done = []

    def evaluate(step, copy):
        assert os.path.dirname(copy) != run.model_dir
        assert tf.train.load_variable(copy, "global_step") == step
        done.append(step)
        evaluations.append(run.model_dir, step, {"accuracy": 0.5})

    scratch = Path(run.model_dir, "scratch")
    scratch.mkdir()
    evaluate_to_the_end(evaluate, run, Members(*looks), scratch=str(scratch))
    assert not list(scratch.iterdir()), "copies are removed"
    return done


def complete(step):
    return lambda: Announcement(Ending.COMPLETE, step)


def test_every_checkpoint_is_evaluated_once_and_the_last_one_before_the_end(run):
    def save_and_end():
        save(run, 16, 24, 29)
        return Announcement(Ending.COMPLETE, 29)

    done = evaluate_all(
        run, lambda: None, lambda: save(run, 0, 8), lambda: save(run, 0, 8, 16), lambda: None, save_and_end
    )
    assert done == [8, 16, 24, 29]


def test_what_was_evaluated_before_a_restart_is_not_evaluated_again(run):
    save(run, 8, 16)
    evaluations.append(run.model_dir, 8, {"accuracy": 0.5})
    assert evaluate_all(run, complete(16)) == [16]


def test_a_checkpoint_that_is_saved_anew_is_evaluated_anew(run):
    """The chief goes back when a run has diverged."""

    def again():
        write(run, 8)
        os.utime(f"{checkpoints.prefix_of(run.model_dir, 8)}.index", ns=(1, 1))

    save(run, 8)
    assert evaluate_all(run, lambda: None, again, complete(8)) == [8, 8]


def test_checkpoints_that_were_removed_before_their_turn_are_told_of(run, capsys):
    assert evaluate_all(run, lambda: save(run, 8), lambda: save(run, 32), complete(32)) == [8, 32]
    (line,) = capsys.readouterr().out.splitlines()
    assert "2 of steps 16 to 24;" in line


def test_a_checkpoint_that_vanishes_while_it_is_copied_is_passed_over(monkeypatch, run):
    save(run, 8, 16)
    original = shutil.copy

    def copy(source, folder):
        if source.name.startswith("model.ckpt-8."):
            checkpoints.remove(checkpoints.files_of(checkpoints.prefix_of(run.model_dir, 8)))
        return original(source, folder)

    monkeypatch.setattr(shutil, "copy", copy)
    assert evaluate_all(run, complete(16)) == [16]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ESTALE])
def test_a_copy_that_fails_is_told_unless_the_checkpoint_is_gone(monkeypatch, run, number):
    """ESTALE is what a network file system says of a file that another host has removed."""
    save(run, 8)
    calls = []

    def copy(source, folder):
        calls.append(source)
        if len(calls) == 1:
            raise OSError(number, os.strerror(number))
        return original(source, folder)

    original = shutil.copy
    monkeypatch.setattr(shutil, "copy", copy)
    if number == errno.ESTALE:
        assert evaluate_all(run, lambda: None, complete(8)) == [8], "at the next look"
        return
    with pytest.raises(UserError, match="cannot copy .*model.ckpt-8 to .*No space left.*TMPDIR"):
        evaluate_all(run, complete(8))


def test_a_last_checkpoint_that_cannot_be_read_is_an_error(run):
    save(run, 8)
    data = Path(f"{checkpoints.prefix_of(run.model_dir, 8)}.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(UserError, match="the last checkpoint, .*model.ckpt-8, cannot be read"):
        evaluate_all(run, complete(8))


def test_a_run_is_not_complete_where_the_evaluator_leaves_before_the_last_evaluation(run):
    """It was told to stop. The run is started again, and goes on with that evaluation."""
    save(run, 8)
    info = input_fn.DatasetInfo(("cat", "dog"), (32, 32), num_train_examples=20, num_validation_examples=5)
    recorded = Recorded({}, {}, environment={}, session="")
    chief = training_run._Run(run, info, ALONE, recorded, Preemption(), Membership(), scratch="")
    with pytest.raises(Preempted, match="the evaluator, which had not evaluated step 8 yet"):
        training_run._complete(chief, None)
    evaluations.append(run.model_dir, 8, {"accuracy": 0.5})
    training_run._complete(chief, None)


def test_it_stops_with_a_job_that_stops_and_evaluates_no_more(run):
    save(run, 8)
    with pytest.raises(Preempted, match="at step 8"):
        evaluate_all(run, lambda: Announcement(Ending.PREEMPTED, 8))
    assert evaluations.read(run.model_dir) == {}


def test_the_chief_looks_out_for_evaluations_that_end_the_run_once_a_second(run):
    stopping = dataclasses.replace(run.stopping, stop_at_accuracy=0.9)
    now = 100.0
    look = evaluating.Lookout(dataclasses.replace(run, stopping=stopping), clock=lambda: now)
    assert look() is None
    evaluations.append(run.model_dir, 8, {"accuracy": 0.95})
    now += 0.9
    assert look() is None, "too early to look again"
    now += 0.2
    found = look()
    assert found
    assert found.step == 8
    Path(run.model_dir, evaluations.FILE_NAME).unlink()
    now += 10
    assert look() == found, "what ends a run ends it"

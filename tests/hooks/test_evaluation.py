import signal

import pytest

import hooks
from control import evaluations
from control.preemption import Preemption
from settings import Preempted
from summaries import tags


@pytest.fixture
def evaluated():
    """The steps that were evaluated."""
    return []


def listener(folder, evaluated, preemption=None):
    """Due at multiples of 4, and at 10."""
    due = hooks.Due(interval=4, last_step=10)
    made = hooks.EvaluateListener(str(folder), evaluated.append, due=due, preemption=preemption or Preemption())
    made.begin()
    return made


def save(made, *steps):
    for step in steps:
        made.after_save(None, step)


def test_a_new_run_is_evaluated_where_due(tmp_path, evaluated):
    save(listener(tmp_path, evaluated), 0, 4, 8, 10)
    assert evaluated == [4, 8, 10]


def test_a_checkpoint_of_a_run_that_was_told_to_stop_is_not_due(tmp_path, evaluated):
    save(listener(tmp_path, evaluated), 5, 8)
    assert evaluated == [8]


def test_an_evaluation_that_its_process_did_not_reach_is_made_up_for(tmp_path, evaluated):
    save(listener(tmp_path, evaluated), 4, 8)
    assert evaluated == [4, 8]


def test_the_evaluation_that_is_there_is_not_made_again(tmp_path, evaluated):
    evaluations.append(str(tmp_path), 4, {tags.LOSS: 1.0})
    save(listener(tmp_path, evaluated), 4, 8)
    assert evaluated == [8]


def test_a_run_that_went_back_is_evaluated_anew(tmp_path, evaluated):
    """What stands there of step 8 is of a checkpoint that is no more."""
    evaluations.append(str(tmp_path), 4, {tags.LOSS: 1.0})
    evaluations.append(str(tmp_path), 8, {tags.LOSS: 1.0})
    save(listener(tmp_path, evaluated), 4, 8)
    assert evaluated == [8]


def test_no_evaluation_is_begun_after_a_signal(tmp_path, evaluated):
    preemption = Preemption()
    preemption.deferred = True
    preemption.handle(signal.SIGTERM)
    save(listener(tmp_path, evaluated, preemption), 0, 4)
    assert evaluated == []


def test_a_signal_ends_an_evaluation(tmp_path, evaluated):
    preemption = Preemption()
    preemption.deferred = True
    made = hooks.EvaluateListener(
        str(tmp_path),
        lambda step: preemption.handle(signal.SIGTERM),
        due=hooks.Due(interval=4, last_step=10),
        preemption=preemption,
    )
    made.begin()
    with pytest.raises(Preempted):
        made.after_save(None, 4)

"""Two workers that train together end together."""

import re
import signal

import pytest
import tensorflow as tf

from control import evaluations
from tests.processes import start_cluster
from tests.test_end_to_end import TINY, scalars

pytestmark = pytest.mark.cluster


def arguments(folder, data_dir, *others):
    return [f"--model_dir={folder}", f"--data_dir={data_dir}", *TINY, "--train_steps=2000", *others]


def test_a_signal_to_one_stops_both_after_the_same_step_and_evaluations_end_both(start, shapes10_dir, tmp_path):
    """First the worker is told to stop; then both go on, until the chief's evaluations say that it is enough."""
    folder, scratch = tmp_path / "run", tmp_path / "scratch"
    scratch.mkdir()
    # Long enough that no evaluation is under way when the signal comes.
    interval = "--evaluation_interval=100"
    chief, worker = start_cluster(start, arguments(folder, shapes10_dir, interval), scratch)
    chief.wait_for(r"^step 4/")
    worker.signal(signal.SIGTERM)
    assert (chief.finish(), worker.finish()) == (75, 75), "".join(chief.said + worker.said)
    stopped = [re.search(r"^stopped at step (\d+);", "".join(task.said), re.M) for task in (chief, worker)]
    assert all(stopped), "".join(chief.said + worker.said)
    first, second = (int(found[1]) for found in stopped if found)
    assert first == second == step_of(folder)

    begun = max(evaluations.read(str(folder)), default=0)
    stop = "--stop_after_evaluations_without_improvement=1"
    chief, worker = start_cluster(start, arguments(folder, shapes10_dir, interval, stop), scratch)
    assert (chief.finish(), worker.finish()) == (0, 0), "".join(chief.said + worker.said)
    assert re.search(r"^Stopped early after step \d+: the accuracy was not better", "".join(chief.said), re.M)
    assert begun < step_of(folder) == max(evaluations.read(str(folder))) < 2000
    assert not list(scratch.glob("stepdown-*")), "the worker's checkpoints are gone"


def test_a_run_goes_on_with_another_number_of_workers_as_if_nothing_had_changed(start, shapes10_dir, tmp_path):
    """Alone, then two workers, then alone again: the loss curve is that of a run that was alone all the time."""

    def flags(folder, train_steps):
        # Statistics of a share of the batch would differ with the number of shares.
        return arguments(folder, shapes10_dir, "--sync_batch_norm", f"--train_steps={train_steps}")

    folder, whole = tmp_path / "run", tmp_path / "whole"
    for train_steps in (16, 32, 48):
        if train_steps == 32:
            tasks = start_cluster(start, flags(folder, train_steps), tmp_path)
        else:
            tasks = [start(*flags(folder, train_steps))]
        assert [task.finish() for task in tasks] == [0] * len(tasks), "".join(
            line for task in tasks for line in task.said
        )
    assert start(*flags(whole, 48)).finish() == 0
    written = [path.parent.relative_to(folder).as_posix() for path in folder.rglob("events.out.tfevents.*")]
    assert sorted(written) == [*3 * ["."], *3 * ["eval"]], "of two workers one writes"
    found, expected = dict(scalars(folder, "loss")), dict(scalars(whole, "loss"))
    assert found.keys() == expected.keys() == {*range(4, 49, 4)}
    assert [found[step] for step in expected] == pytest.approx(list(expected.values()), rel=1e-3)


def step_of(folder):
    return int(tf.train.load_variable(tf.train.latest_checkpoint(str(folder)), "global_step"))

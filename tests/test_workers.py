"""Two workers that train together end together."""

import re
import signal

import pytest
import tensorflow as tf

from control import evaluations
from tests.processes import start_cluster
from tests.test_end_to_end import TINY


def arguments(folder, data_dir, *others):
    return [f"--model_dir={folder}", f"--data_dir={data_dir}", *TINY, "--train_steps=2000", *others]


@pytest.mark.slow
def test_a_signal_to_one_stops_both_after_the_same_step_and_evaluations_end_both(start, shapes10_dir, tmp_path):
    """First the worker is told to stop; then both go on, until the chief's evaluations say that it is enough."""
    folder, scratch = tmp_path / "run", tmp_path / "scratch"
    scratch.mkdir()
    chief, worker = start_cluster(start, arguments(folder, shapes10_dir), scratch)
    chief.wait_for(r"^step 4/")
    worker.signal(signal.SIGTERM)
    assert (chief.finish(), worker.finish()) == (75, 75), "".join(chief.said + worker.said)
    stopped = [re.search(r"^stopped at step (\d+);", "".join(task.said), re.M) for task in (chief, worker)]
    assert all(stopped), "".join(chief.said + worker.said)
    first, second = (int(found[1]) for found in stopped if found)
    assert first == second == step_of(folder)

    begun = max(evaluations.read(str(folder)), default=0)
    stop = "--stop_after_evaluations_without_improvement=1"
    chief, worker = start_cluster(start, arguments(folder, shapes10_dir, stop), scratch)
    assert (chief.finish(), worker.finish()) == (0, 0), "".join(chief.said + worker.said)
    assert re.search(r"^Stopped early after step \d+: the accuracy was not better", "".join(chief.said), re.M)
    assert begun < step_of(folder) == max(evaluations.read(str(folder))) < 2000
    assert not list(scratch.glob("stepdown-*")), "the worker's checkpoints are gone"


def step_of(folder):
    return int(tf.train.load_variable(tf.train.latest_checkpoint(str(folder)), "global_step"))

"""The profiler itself, over updates that put their step into the trace."""

import re

import numpy as np
import pytest
import tensorflow as tf

import hooks
from tests.hooks.common import train

FIRST, END = 3, 6


def run(folder, *, steps, first_step=0, failing=None):
    """Trains with a trace of the updates from `FIRST` to `END`. The update `failing` raises."""

    def mark(step):
        with tf.profiler.experimental.Trace(f"update.{step}."):
            assert step != failing
            return np.int64(step)

    hook = hooks.ProfileHook(str(folder), first=FIRST, end=END)
    train(hook, lambda step: tf.numpy_function(mark, [step], tf.int64), steps=steps, first_step=first_step)


def traced(folder):
    """The updates in each trace file."""
    files = folder.glob("plugins/profile/*/*.xplane.pb")
    return [sorted({int(step) for step in re.findall(rb"update\.(\d+)\.", file.read_bytes())}) for file in files]


def left_running():
    """Whether a trace is under way. It is not, afterwards: there can be one a process."""
    try:
        tf.profiler.experimental.stop(save=False)
    except tf.errors.UnavailableError:
        return False
    return True


@pytest.mark.parametrize(
    ("first_step", "steps", "expected"),
    [
        pytest.param(0, 9, [3, 4, 5], id="whole"),
        pytest.param(0, 5, [3, 4], id="ends early"),
        pytest.param(5, 4, [5], id="resumed inside"),
    ],
)
def test_updates_from_the_first_up_to_not_including_the_last_are_traced(tmp_path, first_step, steps, expected):
    run(tmp_path, first_step=first_step, steps=steps)
    assert not left_running(), "the trace must end with the run at the latest"
    assert traced(tmp_path) == [expected]


@pytest.mark.parametrize(
    ("first_step", "steps"), [pytest.param(6, 3, id="resumed past the last"), pytest.param(0, 3, id="not reached")]
)
def test_a_run_without_any_of_the_steps_traces_nothing(tmp_path, first_step, steps):
    run(tmp_path, first_step=first_step, steps=steps)
    assert not left_running()
    assert not list(tmp_path.iterdir())


def test_the_trace_is_over_while_the_run_goes_on(tmp_path, monkeypatch):
    """Nothing but the last step ends it here."""
    monkeypatch.setattr(hooks.ProfileHook, "end", lambda self, session: None)
    run(tmp_path, steps=END)
    assert not left_running()
    assert traced(tmp_path) == [[3, 4, 5]]


def test_a_trace_that_a_failed_update_left_is_not_in_the_way_of_the_next(tmp_path):
    """As after a rollback, which trains again in the same process."""
    with pytest.raises(tf.errors.UnknownError, match="AssertionError"):
        run(tmp_path, steps=9, failing=4)
    assert not traced(tmp_path)
    run(tmp_path, steps=9, first_step=2)
    assert not left_running()
    assert traced(tmp_path) == [[3, 4, 5]]

"""Workers that train in step on variables that ps tasks hold, as a user starts them."""

import os
import re
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from control import evaluations
from summaries import tags
from tests.common import run_main
from tests.processes import cluster_of, start_cluster, tf_config
from tests.test_cluster_failures import SOON
from tests.test_end_to_end import TINY, scalars

pytestmark = pytest.mark.cluster


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def arguments(folder, data_dir, *others):
    return [f"--model_dir={folder}", f"--data_dir={data_dir}", *TINY, *others]


def statuses(tasks):
    """How each task ended, and what they said."""
    return [task.finish() for task in tasks], "\n".join("".join(task.said) for task in tasks)


def newest(folder):
    """What the newest checkpoint holds, by name."""
    checkpoint = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder)))
    return {name: checkpoint.get_tensor(name) for name in checkpoint.get_variable_to_shape_map()}


@pytest.mark.parametrize(
    ("workers", "ps", "others"), [(2, 2, []), (0, 1, ["--accumulate_steps=2", "--precision=float16"])]
)
def test_with_statistics_over_all_workers_they_train_the_model_of_one_process(
    start, shapes10_dir, tmp_path, scratch, workers, ps, others
):
    options = ["--train_steps=12", "--sync_batch_norm", "--batch_size=12", "--deterministic", "--ema_decay=0.5"]
    options += others
    tasks = start_cluster(start, arguments(tmp_path / "many", shapes10_dir, *options), scratch, workers=workers, ps=ps)
    found, said = statuses(tasks)
    assert found == [0] * (1 + workers + ps), said
    assert said.count(f"parameter_server over {1 + workers} replica") == 1 + workers, said
    run_main(*arguments(tmp_path / "one", shapes10_dir, *options))
    one, many = tmp_path / "one", tmp_path / "many"
    assert dict(scalars(many, tags.LOSS)) == pytest.approx(dict(scalars(one, tags.LOSS)), rel=1e-3)
    assert list(evaluations.read(str(many))) == list(evaluations.read(str(one))) == [8, 12]
    values, values_of_one = newest(many), newest(one)
    assert values.keys() == values_of_one.keys()
    assert values["global_step"] == 12
    assert len(list(many.glob("model.ckpt-12.data-*"))) == 1, "the chief writes all of it"
    for name, value in values.items():
        # Sums over replicas, how many there are among them.
        divisor = 1 + workers if name == "interval_means/sums" else 1
        np.testing.assert_allclose(value / divisor, values_of_one[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_a_signal_to_one_stops_all_after_the_same_step_and_evaluations_end_all(start, shapes10_dir, tmp_path, scratch):
    """First a worker is told to stop, then a ps; then all go on until the evaluator finds that it is enough."""
    folder = tmp_path / "run"
    # No signal is to come in the middle of an evaluation, which ends the chief at once.
    before, long = 0, ["--train_steps=2000", "--evaluation_interval=500"]
    for told in (1, 2):
        tasks = start_cluster(start, arguments(folder, shapes10_dir, *long), scratch, ps=1)
        tasks[0].wait_for(rf"^step {before // 4 * 4 + 8}/")
        tasks[told].signal(signal.SIGTERM)
        found, said = statuses(tasks)
        assert found == [75, 75, 75], said
        # The chief, told to stop by the task that was, may say only that.
        stopped = {int(step) for step in re.findall(r"^stopped at step (\d+);", said, re.M)}
        assert stopped == {newest(folder)["global_step"]}, said
        assert max(stopped) > before
        before = max(stopped)

    enough = ["--train_steps=2000", "--stop_after_evaluations_without_improvement=1", "--evaluator_task"]
    tasks = start_cluster(start, arguments(folder, shapes10_dir, *enough), scratch, ps=1, evaluator=True)
    found, said = statuses(tasks)
    assert found == [0, 0, 0, 0], said
    assert "Stopped early after step" in said, said
    last = max(evaluations.read(str(folder)))
    # Where the others start slowly, the evaluator has found so before the next step: there are two checkpoints already.
    assert before <= last < 2000
    assert newest(folder)["global_step"] == last
    assert not list(scratch.glob("stepdown-*"))


@pytest.mark.parametrize(("lost", "name"), [(0, "the chief"), (1, "worker 0"), (2, "ps 0")])
def test_a_task_that_is_killed_ends_all_others(start, shapes10_dir, tmp_path, scratch, lost, name):
    options = arguments(tmp_path / "run", shapes10_dir, "--train_steps=2000")
    tasks = start_cluster(start, options, scratch, ps=1)
    tasks[0].wait_for(r"^step 8/")
    tasks[lost].kill()
    others = [task for task in tasks if task is not tasks[lost]]
    begun = time.monotonic()
    found, said = statuses(others)
    assert found == [76, 76], said
    assert time.monotonic() - begun < SOON
    assert said.count(f"lost {name}") == 2, said


def test_a_comparison_does_not_begin(tmp_path):
    config = tf_config(cluster_of(workers=0, ps=1), "chief")
    options = ["--mode=compare", f"--model_dir={tmp_path}", "--run=cosine --learning_rate_schedule=cosine"]
    done = run_main(*options, check=False, env={**os.environ, "TF_CONFIG": config})
    assert (done.returncode, "start it without ps tasks" in done.stderr) == (2, True), done.stderr

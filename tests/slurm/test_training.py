"""Real training under a real Slurm: jobs that complete, and jobs that first lose a process, their time, a node."""

import contextlib
import json
import re
import shlex
import sys

import psutil
import pytest
import tensorflow as tf

from control import evaluations
from tests.interrupted import differences
from tests.slurm.cluster import NODES
from tests.slurm.jobs import Job, submit
from tests.test_end_to_end import TINY

pytestmark = pytest.mark.cluster

STEPS = 1000  # long enough to be met in their middle
INTERVAL = 100  # from checkpoint to checkpoint
SECONDS = 1000  # for whatever a job does next, on a slow machine that is busy


@pytest.fixture(scope="module")
def train(slurm, shapes10_dir, tmp_path_factory):
    """Submits a run of STEPS steps into a new folder. Returns the job and the run's model_dir."""
    jobs: list[Job] = []

    def started(*arguments, options=("--nodes=2",), **environment):
        folder = tmp_path_factory.mktemp("job")
        flags = [*TINY, f"--evaluation_interval={INTERVAL}", "--keep_checkpoints=20", "--deterministic"]
        where = [f"--model_dir={folder}/run", f"--data_dir={shapes10_dir}", f"--train_steps={STEPS}"]
        environment = {"PYTHON": sys.executable, **environment}
        jobs.append(submit(slurm, folder, *where, *flags, *arguments, options=options, **environment))
        return jobs[-1], folder / "run"

    yield started
    for job in jobs:
        job.cancel()


@pytest.fixture(scope="module")
def whole(train):
    """A run on two nodes with an evaluator that nothing has happened to."""
    job, folder = train()
    assert job.finish(seconds=SECONDS) == ("COMPLETED", 0, 0), job.said()
    return job, folder


def test_two_nodes_and_an_evaluator_train_one_run(whole):
    job, folder = whole
    assert step_of(folder) == STEPS
    assert max(evaluations.read(str(folder))) == STEPS
    assert [path.parent for path in folder.rglob("events.out.tfevents.*")] == [folder, folder / "eval"]
    chief, worker, evaluator = (job.log_of(rank).read_text() for rank in range(3))
    assert re.search(rf"^step {STEPS}/{STEPS}: loss", chief, re.M), job.said()
    assert "loss" not in worker
    assert re.search(rf"^step {STEPS}: validation loss", evaluator, re.M), job.said()


def test_a_job_that_loses_a_worker_and_then_the_chiefs_node_ends_as_one_that_was_left_alone(slurm, train, whole):
    """Bit for bit, in weights and curves: each step after a restart has seen the examples that are its own."""
    job, folder = train()
    job.wait_for(f"^step {2 * INTERVAL}/", task=0, seconds=SECONDS)
    (worker,) = processes_of(job, rank=1)
    worker.kill()
    job.wait_for("status 137; back into the queue", seconds=SECONDS)
    begun = step_of(folder)
    assert INTERVAL <= begun < STEPS, job.said()

    job.wait_for(rf"^Going on from step {begun} [\s\S]*^step {begun + 2 * INTERVAL}/", task=0, seconds=SECONDS)
    slurm.kill_node(NODES[0])
    try:
        assert job.finish(seconds=SECONDS) == ("COMPLETED", 0, 2), job.said()
    finally:
        slurm.start_node(NODES[0])
    assert re.findall(r"3 tasks on (\S+),", job.log.read_text()) == ["127.0.0.[1-2]", "127.0.0.[1-2]", "127.0.0.[2-3]"]
    # Each worker has moving averages of its own, and a start gives all the mean of them: rounding differs for a while.
    assert not [each for each in differences(whole[1], folder) if "eval" not in each], job.said()
    ours, theirs = (evaluations.read(str(each)) for each in (folder, whole[1]))
    assert ours == {step: pytest.approx(values, rel=1e-4) for step, values in theirs.items()}, job.said()


def test_a_job_whose_time_is_up_writes_a_checkpoint_and_goes_on_in_another_time(slurm, train, tmp_path):
    """Without an evaluator. How long the run is, its interpreter decides anew at each start."""
    length, interpreter = tmp_path / "steps", tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" --train_steps=$(cat {shlex.quote(str(length))})\n')
    interpreter.chmod(0o755)
    length.write_text("1000000")
    job, folder = train(EVALUATOR="0", PYTHON=str(interpreter))
    job.wait_for("^step ", task=0, seconds=SECONDS)
    hours, minutes, _ = map(int, job.fields()["RunTime"].split(":"))
    # Less is left than the two minutes for which train.sbatch wants to be told.
    job.limit(60 * hours + minutes + 2)
    job.wait_for("told to stop", seconds=SECONDS)
    job.limit("UNLIMITED")
    job.wait_for("status 75; back into the queue", seconds=SECONDS)
    stopped = step_of(folder)
    told = [int(step) for step in re.findall(r"^step (\d+)/", job.log_of(0).read_text(), re.M)]
    assert told[-1] <= stopped < told[-1] + 4, "the checkpoint is of the step at which it stopped"
    length.write_text(f"{stopped + 8}")
    assert job.finish(seconds=SECONDS) == ("COMPLETED", 0, 1), job.said()
    assert f"Going on from step {stopped:,} " in job.log_of(0).read_text(), job.said()
    assert step_of(folder) == max(evaluations.read(str(folder))) == stopped + 8


def test_an_array_trains_a_run_for_each_seed(slurm, train):
    array, folder = train("--train_steps=16", options=["--array=0-2"], EVALUATOR="0")
    jobs = array.tasks(0, 1, 2)
    for job in jobs:
        assert job.finish(seconds=SECONDS) == ("COMPLETED", 0, 0), job.said()
    for seed in range(3):
        run = folder / f"seed-{seed}"
        assert json.loads((run / "run.json").read_text())["hyper_parameters"]["seed"] == seed
        assert step_of(run) == 16


def step_of(folder):
    return int(tf.train.load_variable(tf.train.latest_checkpoint(str(folder)), "global_step"))


def processes_of(job, rank=None):
    """Those of all of its tasks, or of one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            its = process.environ()
            names = {"SLURM_JOB_ID": job.name, "SLURM_CONF": job.configuration, "SLURM_STEP_ID": "0"}
            names |= {} if rank is None else {"SLURM_PROCID": str(rank)}
            if "main.py" in process.cmdline() and names.items() <= its.items():
                found.append(process)
    return found

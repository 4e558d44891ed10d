"""What train.sbatch asks of Slurm, and when it puts its job back into the queue. A stand-in trains nothing."""

import json
import os
import shlex
import shutil
import sys

import pytest

from cluster import topology
from tests.common import ROOT
from tests.slurm.cluster import NODES
from tests.slurm.jobs import Job, submit

pytestmark = pytest.mark.cluster


@pytest.fixture
def start(slurm, tmp_path):
    """Submits a job whose interpreter is the stand-in; `plan` says how its tasks end, by start and rank."""
    interpreter = tmp_path / "stand-in"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} {shlex.quote(str(ROOT))}/tests/slurm/stand_in.py "$@"\n')
    interpreter.chmod(0o755)

    def started(plan, *arguments, options=(), **environment):
        (tmp_path / "notes").mkdir(exist_ok=True)
        environment = {"STAND_IN": plan, "PYTHON": str(interpreter), "NOTES": str(tmp_path / "notes"), **environment}
        job = submit(slurm, tmp_path, *arguments, options=options, **environment)
        jobs.append(job)
        return job

    jobs: list[Job] = []
    yield started
    for job in jobs:
        job.cancel()


def notes(folder):
    """What each task was called with, by name of the note: start and rank."""
    return {path.name: json.loads(path.read_text()) for path in sorted((folder / "notes").iterdir())}


def test_ranks_fill_the_nodes_and_the_evaluator_shares_the_last(start, tmp_path):
    job = start("0,0,0,0", "--model_dir=with a space", "--verbosity=info", options=["--nodes=3", "--gpus-per-node=2"])
    assert job.finish() == ("COMPLETED", 0, 0), job.said()
    tasks = [notes(tmp_path)[f"0-{rank}"] for rank in range(4)]
    assert [task["environment"]["SLURMD_NODENAME"] for task in tasks] == [*NODES, NODES[-1]]
    called = ["main.py", "--model_dir=with a space", "--verbosity=info", "--evaluator_task"]
    assert all(task["arguments"] == called for task in tasks)
    assert {task["environment"]["CUDA_VISIBLE_DEVICES"] for task in tasks} == {"0,1"}
    read = [topology.read_task(task["environment"], evaluator_task=True) for task in tasks]
    assert [task.name for task in read] == ["chief", "worker 0", "worker 1", "evaluator"]
    assert [(task.address or "").rpartition(":")[0] for task in read] == [*NODES, NODES[-1]]
    for rank in range(4):
        assert job.log_of(rank).read_text() == f"start 0, rank {rank}\n"


def test_what_was_asked_for_a_training_task_does_not_keep_the_evaluator_out(start):
    """Also with all of the processors of each node, and on nodes that are no neighbours."""
    nodes = f"--nodelist={NODES[0]},{NODES[2]}"
    job = start("0,0,0", options=[nodes, "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=2"])
    assert job.finish() == ("COMPLETED", 0, 0), job.said()
    assert "3 tasks on 127.0.0.[1,3]" in job.log.read_text()


def test_without_an_evaluator_there_is_a_task_a_node(start, tmp_path):
    job = start("0,0", options=["--nodes=2"], EVALUATOR="0")
    assert job.finish() == ("COMPLETED", 0, 0), job.said()
    assert {name: note["arguments"] for name, note in notes(tmp_path).items()} == {
        "0-0": ["main.py"],
        "0-1": ["main.py"],
    }


def test_lost_and_preempted_and_killed_tasks_start_the_job_again(start):
    """Where all have been preempted, one has lost the other, one was killed by SIGKILL, by SIGSEGV."""
    plans = ("75,75;0,0", "76,76;0,0", "kill,76;0,0", "76,139;0,0")
    jobs = {plan: start(plan) for plan in plans}
    for plan, job in jobs.items():
        assert job.finish() == ("COMPLETED", 0, 1), f"{plan}\n{job.said()}"
        assert "start 0, rank 1\nstart 1, rank 1" in job.log_of(1).read_text(), "the log goes on"


def test_what_would_only_happen_again_ends_the_job(start):
    """A wrong flag, a bug, also where it has left the other task alone; and Ctrl-C."""
    plans = {"2,2": 2, "1,0": 1, "2,76": 2, "76,1": 1, "130,130": 130}
    jobs = {plan: start(plan) for plan in plans}
    for plan, job in jobs.items():
        assert job.finish() == ("FAILED", plans[plan], 0), f"{plan}\n{job.said()}"


def test_a_later_start_does_not_overwrite_what_the_first_has_made(start, tmp_path):
    job = start("75;0", "--overwrite", EVALUATOR="0")
    assert job.finish() == ("COMPLETED", 0, 1), job.said()
    assert [notes(tmp_path)[f"{run}-0"]["arguments"][1:] for run in range(2)] == [
        ["--overwrite"],
        ["--overwrite", "--nooverwrite"],
    ]


def test_restarts_have_an_end(start):
    job = start("76,76", MAX_RESTARTS="1")
    assert job.finish() == ("FAILED", 76, 1), job.said()
    assert "after 1 restarts no more of them, MAX_RESTARTS=1" in job.log.read_text()


@pytest.mark.parametrize(("program", "first"), [("squeue", "--noheader"), ("scontrol", "requeue")])
def test_a_controller_that_is_too_busy_to_answer_is_asked_again(start, tmp_path, program, first):
    """The program fails once where this is its first argument."""
    stand_in, failed = tmp_path / "bin" / program, tmp_path / "failed"
    stand_in.parent.mkdir()
    stand_in.write_text(
        f'#!/bin/sh\nif [ "$1" = {first} ] && mkdir {shlex.quote(str(failed))} 2>/dev/null; then exit 1; fi\n'
        f'exec {shutil.which(program)} "$@"\n'
    )
    stand_in.chmod(0o755)
    job = start("75;0", EVALUATOR="0", PATH=f"{stand_in.parent}:{os.environ['PATH']}")
    assert job.finish() == ("COMPLETED", 0, 1), job.said()
    assert failed.exists()


def test_a_task_that_has_stopped_leaves_the_others_the_time_for_their_checkpoint(start):
    """Rank 0 ends at once, the others a few seconds later, each with its own status."""
    job = start("wait,wait,wait;0,0,0", options=["--nodes=2"])
    for rank in range(3):
        job.wait_for("start 0", task=rank)
    job.stop()
    assert job.finish() == ("COMPLETED", 0, 1), job.said()
    for rank in range(3):
        lines = [f"start 0, rank {rank}", "SIGUSR1", "a checkpoint is written", f"start 1, rank {rank}"]
        assert job.log_of(rank).read_text().splitlines() == lines, job.said()
    assert "status 75; back into the queue" in job.log.read_text()


def test_a_cancelled_job_stays_cancelled(start):
    """Though its tasks say, while they have time, that they could go on."""
    job = start("wait,wait")
    for rank in range(2):
        job.wait_for("start 0", task=rank)
    job.cancel()
    assert job.finish()[0] == "CANCELLED", job.said()
    job.wait_for("status 75; Slurm has ended the job")
    state, _, restarts = job.finish()
    assert (state, restarts) == ("CANCELLED", 0), job.said()


def test_an_array_trains_a_run_for_each_seed_and_requeues_one_alone(start, tmp_path):
    """The last one, which has the number of the whole array, is preempted."""
    job = start("0", "--seed=7", "--model_dir=runs/", options=["--array=3-5"], EVALUATOR="0", STAND_IN_5="75;0")
    *others, last = job.tasks(3, 4, 5)
    assert last.finish() == ("COMPLETED", 0, 1), last.said()
    assert [each.finish() for each in others] == 2 * [("COMPLETED", 0, 0)]
    called = [note["arguments"][3:] for note in notes(tmp_path).values()]
    first = [[f"--seed={seed}", f"--model_dir=runs/seed-{seed}"] for seed in (3, 4, 5)]
    assert called == [*first, [*first[-1], "--nooverwrite"]]


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--array=0"], {}, "an array of jobs needs --model_dir=DIR"),
        ([], {"PYTHON": "no/python"}, "PYTHON=no/python: no such program on"),
        ([], {"MAX_RESTARTS": "many"}, "MAX_RESTARTS=many: give a whole number"),
        (["--chdir=/"], {}, "no main.py in /; submit from the project's folder"),
    ],
)
def test_wrong_use_is_said_in_a_line(start, options, environment, message):
    job = start("0,0", options=options, **environment)
    job = job.tasks(0)[0] if options == ["--array=0"] else job
    assert job.finish() == ("FAILED", 2, 0), job.said()
    assert f"error: {message}" in job.log.read_text()

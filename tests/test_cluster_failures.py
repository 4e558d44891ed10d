"""What becomes of a cluster job when something in it fails: every task ends by itself, and soon, with a status."""

import re
import shutil
import signal
import subprocess
import time

import pytest
import tensorflow as tf

from control import evaluations
from tests.processes import cluster_of, start_cluster, tf_config
from tests.test_end_to_end import TINY

pytestmark = pytest.mark.cluster

COMPLETE, USAGE, PREEMPTED, PEER_LOST = 0, 2, 75, 76
# Within which every task must have noticed. On an idle machine it is the --peer_timeout that these runs are given.
SOON = 60
LONG = "--train_steps=100000"


def arguments(folder, data_dir, *others):
    return [
        f"--model_dir={folder}",
        f"--data_dir={data_dir}",
        *TINY,
        "--evaluation_interval=100",
        "--peer_timeout=20",
        *others,
    ]


def step_of(folder):
    return int(tf.train.load_variable(tf.train.latest_checkpoint(str(folder)), "global_step"))


def said(tasks):
    return "\n".join(f"--- {number}\n{''.join(task.said)}" for number, task in enumerate(tasks))


def finish(tasks):
    """The statuses of all of them, and how many seconds they took to end."""
    begun = time.monotonic()
    return [task.finish() for task in tasks], time.monotonic() - begun


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("victim", [0, 1], ids=["chief", "worker"])
def test_a_killed_task_ends_the_others_and_the_job_goes_on_when_it_is_started_again(
    start, shapes10_dir, tmp_path, scratch, victim
):
    folder = tmp_path / "run"
    tasks = start_cluster(start, arguments(folder, shapes10_dir, LONG), scratch, evaluator=True)
    tasks[-1].wait_for(r"^step \d+: validation loss")
    tasks.pop(victim).kill()
    statuses, seconds = finish(tasks)
    assert statuses == [PEER_LOST] * 2, said(tasks)
    assert seconds < SOON
    lost = "the chief" if victim == 0 else "worker 0"
    assert any(re.search(rf"^error: lost {lost}\b", "".join(task.said), re.M) for task in tasks), said(tasks)
    assert len(list(scratch.glob("stepdown-*"))) == 1, "only what is killed leaves its scratch folder"

    begun = step_of(folder)
    again = arguments(folder, shapes10_dir, f"--train_steps={begun + 20}")
    tasks = start_cluster(start, again, scratch, evaluator=True)
    assert finish(tasks)[0] == [COMPLETE] * 3, said(tasks)
    assert f"Going on from step {begun:,}" in said(tasks)
    assert step_of(folder) == max(evaluations.read(str(folder))) == begun + 20


def test_a_stopped_task_counts_as_lost_and_ends_too_when_it_goes_on(start, shapes10_dir, tmp_path, scratch):
    chief, worker = start_cluster(start, arguments(tmp_path / "run", shapes10_dir, LONG), scratch)
    chief.wait_for(r"^step 4/")
    worker.signal(signal.SIGSTOP)
    begun = time.monotonic()
    assert chief.finish() == PEER_LOST, said([chief])
    assert time.monotonic() - begun < SOON
    assert re.search(r"^error: lost worker 0 .*silent", "".join(chief.said), re.M), said([chief])
    worker.signal(signal.SIGCONT)
    assert worker.finish() == PEER_LOST, said([worker])


def test_a_late_task_is_waited_for_and_one_that_never_comes_is_named(start, shapes10_dir, tmp_path, scratch):
    cluster = cluster_of()
    options = arguments(tmp_path / "run", shapes10_dir, "--train_steps=12")
    chief = start(*options, TF_CONFIG=tf_config(cluster, "chief"), TMPDIR=str(scratch))
    chief.wait_for(r"^Waiting for worker 0 ")
    worker = start(*options, TF_CONFIG=tf_config(cluster, "worker"), TMPDIR=str(scratch))
    assert finish([chief, worker])[0] == [COMPLETE] * 2, said([chief, worker])

    lonely = start(*options, "--startup_timeout=1", TF_CONFIG=tf_config(cluster_of(), "worker"), TMPDIR=str(scratch))
    assert lonely.finish() == PEER_LOST
    assert re.search(r"^error: .*chief", "".join(lonely.said), re.M), said([lonely])


def test_a_mistake_of_one_task_ends_all_with_a_line_and_status_2(start, shapes10_dir, tmp_path, scratch):
    """First the tasks have different flags, then model_dirs that are not the same directory."""
    cluster = cluster_of()

    def both(folder, *of_worker):
        chief = start(*arguments(tmp_path / "run", shapes10_dir, LONG), TF_CONFIG=tf_config(cluster, "chief"))
        others = arguments(folder, shapes10_dir, LONG, *of_worker)
        return chief, start(*others, TF_CONFIG=tf_config(cluster, "worker"))

    tasks = both(tmp_path / "run", "--seed=3")
    assert finish(tasks)[0] == [USAGE] * 2, said(tasks)
    assert all(re.search(r"^error: .*--seed", "".join(task.said), re.M) for task in tasks), said(tasks)

    tasks = both(tmp_path / "elsewhere")
    assert finish(tasks)[0] == [USAGE] * 2, said(tasks)
    assert all(re.search(r"^error: .*--model_dir", "".join(task.said), re.M) for task in tasks), said(tasks)


@pytest.mark.parametrize("asked", [0, 1, 2], ids=["chief", "worker", "evaluator"])
def test_a_signal_to_any_task_stops_all_at_one_checkpoint(start, shapes10_dir, tmp_path, scratch, asked):
    folder = tmp_path / "run"
    tasks = start_cluster(start, arguments(folder, shapes10_dir, LONG), scratch, evaluator=True)
    tasks[-1].wait_for(r"^step \d+: validation loss")
    tasks[asked].signal(signal.SIGUSR1 if asked else signal.SIGTERM)
    statuses, seconds = finish(tasks)
    assert statuses == [PREEMPTED] * 3, said(tasks)
    assert seconds < SOON
    stopped = {step for task in tasks[:2] for step in re.findall(r"^stopped at step (\d+);", "".join(task.said), re.M)}
    assert stopped == {str(step_of(folder))}, said(tasks)
    assert not list(scratch.glob("stepdown-*")), "what workers wrote for nobody is gone"


def test_a_signal_during_the_chiefs_evaluation_stops_all(start, shapes10_dir, tmp_path, scratch):
    """The other tasks wait for the chief in the middle of a step, where they cannot take a signal."""
    folder = tmp_path / "run"
    long_evaluation = ["--validation_split=train[:6000]", "--train_split=train[:256]"]
    tasks = start_cluster(start, arguments(folder, shapes10_dir, LONG, *long_evaluation), scratch)
    tasks[0].wait_for(r"^step 100/")
    tasks[1].signal(signal.SIGTERM)
    statuses, seconds = finish(tasks)
    assert statuses == [PREEMPTED] * 2, said(tasks)
    assert seconds < SOON
    assert step_of(folder) >= 100


def test_an_early_stop_ends_every_task_and_the_last_checkpoint_is_evaluated(start, shapes10_dir, tmp_path, scratch):
    folder = tmp_path / "run"
    stop = "--stop_at_accuracy=0.05"
    tasks = start_cluster(start, arguments(folder, shapes10_dir, LONG, stop), scratch, evaluator=True)
    assert finish(tasks)[0] == [COMPLETE] * 3, said(tasks)
    assert "Stopped early after step" in said(tasks)
    assert step_of(folder) == max(evaluations.read(str(folder)))
    assert [
        path.name for path in folder.glob("**/events.out.tfevents.*") if path.parent.name not in ("run", "eval")
    ] == []


def partition(near, far):
    """Two namespaces, each an end of one cable. Returns (how to begin a command in each, what pulls the cable)."""
    for name, end, address in ((near, "a", "10.77.0.1/24"), (far, "b", "10.77.0.2/24")):
        subprocess.run(["ip", "netns", "add", name], check=True)
        if end == "a":
            subprocess.run(["ip", "link", "add", "sd-a", "type", "veth", "peer", "name", "sd-b"], check=True)
        subprocess.run(["ip", "link", "set", f"sd-{end}", "netns", name], check=True)
        inside = ["ip", "-n", name]
        subprocess.run([*inside, "addr", "add", address, "dev", f"sd-{end}"], check=True)
        subprocess.run([*inside, "link", "set", f"sd-{end}", "up"], check=True)
        subprocess.run([*inside, "link", "set", "lo", "up"], check=True)


@pytest.fixture
def namespaces():
    near, far = "stepdown-near", "stepdown-far"
    if not shutil.which("ip"):
        pytest.skip("needs the command ip (Debian's iproute2)")
    try:
        partition(near, far)
        yield near, far
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces cannot be made here: {error}")
    finally:
        for name in (near, far):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def test_a_partition_without_resets_ends_both_sides(start, shapes10_dir, tmp_path, scratch, namespaces):
    cluster = {"chief": ["10.77.0.1:2222"], "worker": ["10.77.0.2:2222"]}
    options = arguments(tmp_path / "run", shapes10_dir, LONG)
    tasks = [
        start(*options, inside=["ip", "netns", "exec", name], TF_CONFIG=tf_config(cluster, role), TMPDIR=str(scratch))
        for name, role in zip(namespaces, ("chief", "worker"), strict=True)
    ]
    tasks[0].wait_for(r"^step 4/")
    subprocess.run(["ip", "-n", namespaces[1], "link", "set", "sd-b", "down"], check=True)
    statuses, seconds = finish(tasks)
    assert statuses == [PEER_LOST] * 2, said(tasks)
    assert seconds < SOON
    assert all("silent" in "".join(task.said) for task in tasks), said(tasks)

"""The learning rate of real training processes, changed from other processes, through a SIGKILL and a resume."""

import re
import socket

import numpy as np
import pytest
import tensorflow as tf

import report
import run_record
import settings
from control import requests
from summaries import tags
from tests.common import run_main
from tests.processes import start_cluster
from tests.test_end_to_end import TINY

SCHEDULED = np.float32(0.1)


def training(folder, data_dir, *, train_steps):
    # A boundary that is never reached: the schedule's rate is 0.1 all along.
    constant = ["--learning_rate_schedule=constant", f"--train_steps={train_steps}"]
    return [f"--model_dir={folder}", f"--data_dir={data_dir}", *TINY, *constant, "--evaluation_interval=100"]


def change(folder, *arguments):
    """Asks for a change and returns the step from which on it is in force, as the run answers."""
    done = run_main("--mode=set_learning_rate", f"--model_dir={folder}", *arguments)
    answer = re.fullmatch(r"step (\d+): learning rate (\S+) -> (\S+)\n", done.stdout)
    assert answer, done.stdout
    return int(answer[1])


def assert_rates(folder, changes):
    """The curve of the event file: `changes` as (first step in force, rate), the schedule's rate before the first."""
    curve = report.read_curves(str(folder)).train[tags.LEARNING_RATE]
    assert (np.diff(curve.steps) > 0).all()
    for step, value in zip(curve.steps, curve.values, strict=True):
        # The point at step x is the rate of the update that made it x.
        expected = [SCHEDULED, *(rate for first, rate in changes if first < step)][-1]
        assert value == pytest.approx(expected, rel=1e-6), f"at step {step}, changes {changes}"
    for first, _ in changes:
        assert {first, first + 1} <= set(curve.steps.tolist()), f"the change at step {first} has a point on each side"


def text_notes(folder):
    texts = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if value.tag == tags.LEARNING_RATE_CHANGES:
                    texts[event.step] = tf.make_ndarray(value.tensor).item().decode()
    return texts


@pytest.mark.slow
def test_three_changes_a_kill_and_a_resume(start, shapes10_dir, tmp_path):
    folder = tmp_path / "run"
    run = start(*training(folder, shapes10_dir, train_steps=100_000))
    run.wait_for(r"^step 20/")

    changes = [(change(folder, "--learning_rate=0.003"), 0.003)]
    run.wait_for(r"learning rate 0.003,")
    changes.append((change(folder, "--learning_rate_factor=0.5"), 0.0015))
    run.wait_for(r"learning rate 0.0015,")
    refused = run_main("--mode=set_learning_rate", f"--model_dir={folder}", "--learning_rate_factor=1e-37", check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "the run refuses: the learning rate would be 1.5e-40" in refused.stderr
    (folder / requests.FOLDER / "0.json").write_text("{")
    run.wait_for(r"learning rate unchanged: request '0.json' refused: not JSON")
    changes.append((change(folder, "--learning_rate=0.05"), 0.05))
    # At once: most likely before a checkpoint has the third change.
    run.kill()
    assert_rates(folder, changes)

    checkpoint = int(tf.train.latest_checkpoint(str(folder)).rsplit("-", 1)[1])
    last = run_record.read(str(folder)).sessions[-1].started
    requests.put(str(folder), settings.Request(settings.Action.SET, 5.0), session=last, who="late@host")
    end = max(checkpoint, changes[-1][0]) + 60
    run = start(*training(folder, shapes10_dir, train_steps=end))
    assert run.finish() == 0, "".join(run.said)
    assert any(f"stale: it was made for the start of {last}" in line for line in run.said)
    assert_rates(folder, changes)
    assert report.read_curves(str(folder)).last_step == end
    notes = text_notes(folder)
    for (step, rate), asked in zip(changes, ["set 0.003", "scale 0.5", "set 0.05"], strict=True):
        assert f"-> {rate:g} ({asked}, " in notes[step]
        assert f"@{socket.gethostname()}" in notes[step]

    over = run_main("--mode=set_learning_rate", f"--model_dir={folder}", "--release", check=False)
    assert over.returncode == 2
    assert "is not running" in over.stderr


@pytest.mark.slow
def test_two_workers_change_together_and_resume(start, shapes10_dir, tmp_path):
    folder, scratch = tmp_path / "run", tmp_path / "scratch"
    scratch.mkdir()
    chief, worker = start_cluster(start, training(folder, shapes10_dir, train_steps=100_000), scratch)
    chief.wait_for(r"over 2 replicas")
    chief.wait_for(r"^step 20/")
    changes = [(change(folder, "--learning_rate=0.003"), 0.003)]
    changes.append((change(folder, "--learning_rate_factor=2"), 0.006))
    changes.append((change(folder, "--release"), 0.1))
    chief.wait_for(r"learning rate 0.1,")
    assert_rates(folder, changes)
    changes.append((change(folder, "--learning_rate=0.02"), 0.02))
    chief.wait_for(rf"^step {100 * (changes[-1][0] // 100 + 2)}/")
    worker.kill()
    chief.kill()
    assert_same_in_both(folder, scratch)

    end = report.read_curves(str(folder)).last_step + 40
    chief, worker = start_cluster(start, training(folder, shapes10_dir, train_steps=end), scratch)
    assert (chief.finish(), worker.finish()) == (0, 0), "".join(chief.said + worker.said)
    assert_rates(folder, changes)
    assert run_main("--mode=report", f"--model_dir={folder}").returncode == 0
    assert not list(folder.glob("tmp_worker*"))


def assert_same_in_both(folder, scratch):
    """The killed worker has left its own copies: every kernel, and the rate in force, are those of the chief."""
    (copies,) = {path.parent for path in scratch.glob("stepdown-*/model.ckpt-*.index")}
    ours = {path.name for path in folder.glob("model.ckpt-*.index")}
    common = sorted(ours & {path.name for path in copies.glob("model.ckpt-*.index")})
    assert common, "no checkpoint of the same step"
    name = common[-1].removesuffix(".index")
    chief, worker = (tf.train.load_checkpoint(str(where / name)) for where in (folder, copies))
    np.testing.assert_allclose(chief.get_tensor("live_rate/state"), [0.02, 1, 1], rtol=1e-6)
    for variable in chief.get_variable_to_shape_map():
        if variable.endswith("kernel") or variable.startswith("live_rate"):
            np.testing.assert_array_equal(chief.get_tensor(variable), worker.get_tensor(variable), err_msg=variable)

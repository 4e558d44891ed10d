"""What befalls runs: damaged checkpoints, divergence, a second run in the same place. In this process, to be fast."""

import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

import main
from control import evaluations, journal, rollbacks
from hooks import divergence
from model_fn import layers
from report import read_curves
from summaries import tags
from tests.common import ROOT
from tests.input_fn.common import rename_to_one_without_code, set_num_classes
from tests.test_end_to_end import TINY
from training import evaluating


def run(folder, data_dir, *arguments):
    shared = [f"--data_dir={data_dir}", *TINY, "--summaries=minimal"]
    return main.main(["main.py", f"--model_dir={folder}", *shared, *arguments])


def step_of(folder):
    return int(tf.train.load_variable(tf.train.latest_checkpoint(str(folder)), "global_step"))


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(shapes10_dir, tmp_path, capsys):
    assert run(tmp_path, shapes10_dir, "--train_steps=16") == 0
    (data,) = tmp_path.glob("model.ckpt-16.data*")
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    capsys.readouterr()
    assert run(tmp_path, shapes10_dir, "--train_steps=20") == 0
    said = capsys.readouterr().out
    assert re.search(r"checkpoint \S*model.ckpt-16 cannot be read: .*set aside as .*model.ckpt-8 is used", said)
    assert "Going on from step 8 of" in said
    assert step_of(tmp_path) == 20
    assert list(tmp_path.glob("set-aside-model.ckpt-16.*")), "the damaged one is kept"
    assert list(read_curves(str(tmp_path)).validation[tags.LOSS].steps) == [8, 16, 20]


class TestEarlyStop:
    @pytest.mark.parametrize("interval", [8, 1])
    def test_a_run_stops_at_an_accuracy_and_stays_stopped(self, interval, shapes10_dir, tmp_path, capsys):
        """Also where a checkpoint is due at the very next step."""
        flags = ["--train_steps=40", "--stop_at_accuracy=0.0001", f"--evaluation_interval={interval}"]
        assert run(tmp_path, shapes10_dir, *flags) == 0
        said = capsys.readouterr().out
        found = evaluations.read(str(tmp_path))
        stopped = min(step for step, metrics in found.items() if metrics[tags.ACCURACY] > 0)
        assert f"Stopped early after step {stopped}: the accuracy of " in said
        assert step_of(tmp_path) == stopped == max(found), "the checkpoint that was evaluated is the last"
        assert run(tmp_path, shapes10_dir, *flags) == 0
        assert f"is complete at step {stopped}: the accuracy of " in capsys.readouterr().out
        assert evaluations.read(str(tmp_path)) == found

    def test_a_run_that_stops_before_its_curves_begin_is_complete(self, shapes10_dir, tmp_path, capsys):
        assert run(tmp_path, shapes10_dir, "--stop_at_accuracy=0.0001", "--summary_interval=100") == 0
        out, err = capsys.readouterr()
        assert "Stopped early after step" in out and err.startswith("No report: no training loss in event files")

    def test_a_run_stops_without_improvement(self, shapes10_dir, tmp_path, capsys):
        frozen = ["--learning_rate_schedule=constant", "--learning_rate=1e-30", "--best_metric=accuracy"]
        stop = "--stop_after_evaluations_without_improvement=1"
        assert run(tmp_path, shapes10_dir, *frozen, stop, "--train_steps=80", "--validation_split=test[:10]") == 0
        assert "--stop_after_evaluations_without_improvement=1" in capsys.readouterr().out
        assert step_of(tmp_path) < 80


def test_the_last_evaluation_is_left_at_once_and_made_up_for(shapes10_dir, tmp_path, monkeypatch, capsys):
    def told_to_stop(self, step, checkpoint=None):
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("it went on")

    flags = ["--train_steps=8", "--boundaries=4"]
    with monkeypatch.context() as patch:
        patch.setattr(evaluating.Evaluator, "__call__", told_to_stop)
        assert run(tmp_path, shapes10_dir, *flags) == 75
    assert capsys.readouterr().err == "stopped by SIGTERM; the same command goes on from there\n"
    assert (step_of(tmp_path), evaluations.read(str(tmp_path))) == (8, {})
    assert run(tmp_path, shapes10_dir, *flags) == 0
    assert list(evaluations.read(str(tmp_path))) == [8]


def test_the_best_checkpoint_is_kept_apart(shapes10_dir, tmp_path):
    assert run(tmp_path, shapes10_dir, "--train_steps=32", "--keep_checkpoints=1", "--best_metric=loss") == 0
    found = evaluations.read(str(tmp_path))
    best = min(found, key=lambda step: found[step][tags.LOSS])
    assert json.loads((tmp_path / "best" / "best.json").read_text())["step"] == best
    assert step_of(tmp_path / "best") == best
    assert [path.name for path in tmp_path.glob("model.ckpt-*.index")] == ["model.ckpt-32.index"]


class TestDivergence:
    """A network that multiplies its activations at every layer, instead of normalising them, diverges at the second
    step."""

    @pytest.fixture
    def amplifying(self, monkeypatch):
        monkeypatch.setattr(layers.Layers, "batch_norm", lambda self, x, **options: 10.0 * x)

    FLAGS = ("--train_steps=60", "--evaluation_interval=1", "--validation_split=test[:10]", "--keep_checkpoints=60")

    def test_rollback_halves_the_rate_from_the_last_good_checkpoint_on(
        self, amplifying, shapes10_dir, tmp_path, capsys
    ):
        status = run(tmp_path, shapes10_dir, *self.FLAGS, "--on_nan=rollback", "--max_rollbacks=2")
        said = capsys.readouterr()
        count = len(rollbacks.read(str(tmp_path)))
        assert status == 2 and count == 2, "this network diverges at any such rate"
        assert "it has been rolled back 2 times, as --max_rollbacks=2 allows" in said.err
        assert len(said.err.splitlines()) == 1
        assert re.search(r"^step \d+: the loss is no number; back to step (\d+) and on at half the", said.out, re.M)
        changes = journal.read(str(tmp_path))
        assert changes[-1].who == "rollback"
        assert changes[-1].state.factor in (0.5, 0.25)

    def test_a_run_that_is_rolled_back_once_comes_to_its_end(self, shapes10_dir, tmp_path, monkeypatch, capsys):
        """Its tenth step is taken for one without a number, once."""
        losses: list[float] = []

        def finite_but_once(loss):
            losses.append(loss)
            return math.isfinite(loss) and len(losses) != 10

        monkeypatch.setattr(divergence, "math", types.SimpleNamespace(isfinite=finite_but_once))
        constant = ["--learning_rate_schedule=constant", "--learning_rate=0.1", "--train_steps=16"]
        assert run(tmp_path, shapes10_dir, *constant, "--on_nan=rollback") == 0
        assert "step 10: the loss is no number; back to step 8 and on at half" in capsys.readouterr().out
        curve = read_curves(str(tmp_path)).train[tags.LEARNING_RATE]
        rates = dict(zip(curve.steps.tolist(), curve.values.round(6).tolist(), strict=True))
        assert (rates[8], rates[12], rates[16]) == (0.1, 0.05, 0.05)
        assert step_of(tmp_path) == 16
        assert list(read_curves(str(tmp_path)).validation[tags.LOSS].steps) == [8, 16]

    def test_stop_is_the_default(self, amplifying, shapes10_dir, tmp_path, capsys):
        """Checkpoints at every step: none of the step at which the loss was no number any more."""
        assert run(tmp_path, shapes10_dir, *self.FLAGS) == 2
        out, err = capsys.readouterr()
        said = re.fullmatch(
            r"error: loss is (?:nan|inf) at step (\d): training has diverged; the last good checkpoint is"
            r" (\S+/model.ckpt-(\d)); try smaller rates .*--learning_rate or --values.*--warmup.*--momentum"
            r".*--mode=find_learning_rate .*--on_nan=rollback goes back .*\n",
            err,
        )
        assert said, err
        step, checkpoint = int(said[1]), said[2]
        assert 1 <= int(said[3]) < step
        reader = tf.train.load_checkpoint(checkpoint)
        assert all(np.isfinite(reader.get_tensor(name)).all() for name in reader.get_variable_to_shape_map())
        assert f"step {step}:" not in out, "nothing of the diverged step is evaluated"
        assert not (tmp_path / f"model.ckpt-{step}.index").exists()
        assert rollbacks.read(str(tmp_path)) == []


class TestFineTuning:
    @pytest.fixture(scope="class")
    def source(self, shapes10_dir, tmp_path_factory):
        folder = tmp_path_factory.mktemp("source")
        assert run(folder, shapes10_dir, "--train_steps=8", "--boundaries=4") == 0
        return folder

    @pytest.fixture
    def data_dir(self, shapes10_dir, tmp_path):
        """With a data set of thirteen classes, "strange"."""
        folder = tmp_path / "data" / "shapes10" / "1.0.0"
        shutil.copytree(shapes10_dir / "shapes10" / "1.0.0", folder)
        strange = rename_to_one_without_code(folder)
        set_num_classes(strange, 13)
        with (strange / "label.labels.txt").open("a") as file:
            file.write("\ncube\nball\ncone\n")
        return tmp_path / "data"

    def test_fitting_weights_are_taken_and_the_others_named(self, source, data_dir, tmp_path, capsys):
        folder = tmp_path / "run"
        flags = ["--dataset=strange", f"--initialize_from={source}", "--train_steps=1", "--boundaries="]
        flags.append("--values=1e-30")
        assert run(folder, data_dir, *flags) == 0
        said = capsys.readouterr().out
        assert "begun anew: network/logits/kernel (64x10 there, 64x13 here), network/logits/bias (10 there" in said
        ours, theirs = (tf.train.load_checkpoint(str(each)) for each in (folder, source))
        name = "network/stage1/block1/conv1/kernel"
        assert (ours.get_tensor(name) == theirs.get_tensor(name)).all()
        assert run(folder, data_dir, *flags, "--train_steps=2") == 0
        assert "variables of the network" not in capsys.readouterr().out, "a resumed run has its own weights"

    def test_of_a_run_with_averages_those_are_taken_and_averages_begin_with_what_is_taken(
        self, source, shapes10_dir, tmp_path, capsys
    ):
        flags = ["--boundaries=", "--values=0.1", "--ema_decay=0.5", "--train_steps=3"]
        assert run(tmp_path / "averaged", shapes10_dir, *flags, f"--initialize_from={source}") == 0
        assert run(tmp_path / "again", shapes10_dir, *flags, f"--initialize_from={tmp_path}/averaged") == 0
        assert "variables of the network (their averages)" in capsys.readouterr().out
        name = "network/stage1/block1/conv1/kernel"

        def kernel(folder, name, step):
            return tf.train.load_variable(f"{folder}/model.ckpt-{step}", name)

        first = kernel(tmp_path / "averaged", name, 0)
        assert (first == kernel(tmp_path / "averaged", f"averages/{name}", 0)).all()
        assert (first == kernel(source, name, 8)).all()
        average = kernel(tmp_path / "averaged", f"averages/{name}", 3)
        assert (average != kernel(tmp_path / "averaged", name, 3)).any()
        assert (kernel(tmp_path / "again", name, 0) == average).all()
        assert (kernel(tmp_path / "again", f"averages/{name}", 0) == average).all()

    def test_a_strategy_that_the_weights_do_not_reach_is_refused(self, source, shapes10_dir, tmp_path, capsys):
        strategy = ("--distribution_strategy=parameter_server", "--cpu_replicas=2")
        assert run(tmp_path, shapes10_dir, *strategy, f"--initialize_from={source}") == 2
        assert "give --distribution_strategy=mirrored" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("place", "message"), [("nowhere", "no checkpoint there"), (".", "holds no readable checkpoint")]
    )
    def test_a_source_without_checkpoint_is_one_line(self, shapes10_dir, tmp_path, capsys, place, message):
        source = tmp_path / place
        assert run(tmp_path / "run", shapes10_dir, f"--initialize_from={source}", "--train_steps=20") == 2
        said = capsys.readouterr().err
        assert f"--initialize_from={source}" in said and message in said
        assert len(said.splitlines()) == 1

    def test_a_damaged_source_is_one_line(self, source, shapes10_dir, tmp_path, capsys):
        for file in source.glob("model.ckpt-8.*"):
            shutil.copy(file, tmp_path)
        (tmp_path / "model.ckpt-8.index").write_bytes(b"damaged")
        flags = [f"--initialize_from={tmp_path}/model.ckpt-8", "--train_steps=20"]
        assert run(tmp_path / "run", shapes10_dir, *flags) == 2
        said = capsys.readouterr().err
        assert f"--initialize_from={tmp_path}/model.ckpt-8 cannot be read (" in said and len(said.splitlines()) == 1

    def test_a_checkpoint_without_any_fitting_variable_is_refused(self, shapes10_dir, tmp_path, capsys):
        other = tmp_path / "other"
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            variable = tf.compat.v1.get_variable("of_another_program", initializer=1.0)
            session.run(variable.initializer)
            tf.compat.v1.train.Saver([variable]).save(session, str(other / "model.ckpt"), global_step=1)
        assert run(tmp_path / "run", shapes10_dir, f"--initialize_from={other}/model.ckpt-1", "--train_steps=20") == 2
        said = capsys.readouterr().err
        assert f"{other}/model.ckpt-1 has none of the variables of resnet8" in said and len(said.splitlines()) == 1


def test_a_second_run_in_the_same_place_is_refused_by_name(shapes10_dir, tmp_path, capsys):
    hold = (
        "import sys, time; from control import lock\n"
        "with lock.held(sys.argv[1], now='2024-05-06'): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        assert run(tmp_path, shapes10_dir, "--train_steps=20") == 2
        said = capsys.readouterr().err
        assert str(holder.pid) in said and socket.gethostname() in said and "2024-05-06" in said
        assert not (tmp_path / "run.json").exists(), "it is refused before anything is written"
    finally:
        holder.kill()
        holder.wait()
    assert run(tmp_path, shapes10_dir, "--train_steps=8", "--boundaries=4") == 0, "a dead process holds nothing"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_full_disk_is_one_line_and_the_checkpoint_before_stays(shapes10_dir, tmp_path, capsys):
    """A file system with room for two checkpoints."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        assert run(tmp_path, shapes10_dir, "--train_steps=64", "--keep_checkpoints=60") == 2
        said = capsys.readouterr().err
        assert "model.ckpt" in said and len(said.splitlines()) == 1, said
        newest = tf.train.latest_checkpoint(str(tmp_path))
        assert newest is not None
        reader = tf.train.load_checkpoint(newest)
        assert all(reader.get_tensor(name) is not None for name in reader.get_variable_to_shape_map())
        assert not list(tmp_path.glob("*temp*"))
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)

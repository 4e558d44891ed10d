"""Runs through main.py as a user starts them, on a tiny network: a process where that can matter."""

import json
import re
import shutil

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from input_fn.shapes10 import SHAPES
from summaries import tags
from tests.common import call_main, run_main

TINY = [
    "--dataset=shapes10",
    "--train_split=train[:256]",
    "--validation_split=test[:50]",
    "--network=resnet8",
    "--image_size=16",
    "--batch_size=16",
    "--boundaries=10",
    "--values=0.1,0.01",
    "--summary_interval=4",
    "--evaluation_interval=8",
]


@pytest.fixture(scope="module")
def finished(shapes10_dir, tmp_path_factory):
    """A run of 20 steps, and what it printed."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    done = run_main(*tiny(folder, shapes10_dir))
    return folder, done


def tiny(folder, data_dir, *, train_steps=20):
    return [f"--model_dir={folder}", f"--data_dir={data_dir}", f"--train_steps={train_steps}", *TINY]


def summaries_of(path):
    return tf.compat.v1.train.summary_iterator(str(path))


def scalars(folder, tag):
    return [(e.step, e.value) for e in event_accumulator.EventAccumulator(str(folder)).Reload().Scalars(tag)]


def test_a_run_prints_progress_evaluations_table_and_what_to_do_next(finished):
    folder, done = finished
    assert "resnet8 on shapes10 at 16 px: 256 examples to train on, 50 to validate on" in done.stdout
    assert "20 steps of 16 examples, learning rate 0.1, 0.01 from step 10\n" in done.stdout
    assert "Distribution strategy: one_device: /cpu:0\n" in done.stdout
    assert re.search(r"^step 20/20: loss [\d.]+, learning rate 0.01, \d+ images/s, 0:00:00 left$", done.stdout, re.M)
    assert re.findall(r"^step (\d+): validation loss [\d.]+, accuracy [\d.]+%$", done.stdout, re.M) == ["8", "16", "20"]
    for row in ("before step 10 ", "after step 10 ", "end, step 20 ", "Step 10: train loss "):
        assert f"\n{row}" in done.stdout
    assert f"{folder}/report.png" in done.stdout
    assert re.search(rf"tensorboard --logdir {folder}$", done.stdout, re.M)


def test_a_run_is_quiet(finished):
    """Nothing of TensorFlow's own on either stream."""
    _, done = finished
    assert done.stderr == ""
    assert not re.search("WARNING|deprecated|tensorflow:", done.stdout)


def test_train_and_validation_share_their_tags(finished):
    folder, _ = finished
    for tag in (tags.LOSS, tags.ACCURACY):
        assert [step for step, _ in scalars(folder, tag)] == [4, 8, 12, 16, 20]
        assert [step for step, _ in scalars(folder / "eval", tag)] == [8, 16, 20]


def test_the_learning_rate_steps_down_after_ten_updates(finished):
    folder, _ = finished
    rates = {step: round(value, 6) for step, value in scalars(folder, tags.LEARNING_RATE)}
    assert rates == {4: 0.1, 8: 0.1, 12: 0.01, 16: 0.01, 20: 0.01}


def test_tensorboard_gets_all_it_is_promised(finished):
    folder, _ = finished
    found = event_accumulator.EventAccumulator(str(folder)).Reload().Tags()
    parts = ("stem", "stage1", "stage2", "stage3", "logits")
    assert set(found["scalars"]) == {
        tags.LOSS,
        tags.CROSS_ENTROPY,
        tags.WEIGHT_DECAY,
        tags.ACCURACY,
        tags.TOP_5_ACCURACY,
        tags.LEARNING_RATE,
        tags.EPOCH,
        tags.GRADIENT_NORM,
        tags.UPDATE_RATIO,
        tags.IMAGES_PER_SECOND,
        tags.STEP_MILLISECONDS,
        tags.INPUT_WAIT,
        tags.MEMORY,
        *(tags.of(tags.STAGE_GRADIENT_NORM, part) for part in parts),
        *(tags.of(tags.STAGE_UPDATE_RATIO, part) for part in parts),
    }
    assert set(found["images"]) == {tags.INPUT_IMAGES, tags.FILTERS}
    assert {tags.FLAGS, tags.ENVIRONMENT, tags.MODEL_SUMMARY, tags.SCHEDULE} < set(found["tensors"])
    assert found["graph"]


def test_the_validation_pages_are_written(finished):
    folder, _ = finished
    found = event_accumulator.EventAccumulator(str(folder / "eval")).Reload().Tags()
    classes = {tags.of(tags.CLASS_ACCURACY, form) for form in SHAPES}
    assert {tags.LOSS, tags.ACCURACY, tags.TOP_5_ACCURACY, tags.CROSS_ENTROPY} < set(found["scalars"])
    assert classes & set(found["scalars"])
    assert set(found["images"]) == {tags.CONFUSION_MATRIX, tags.MISTAKES}
    assert {tags.of(tags.PRECISION_RECALL, form) for form in SHAPES} <= set(found["tensors"])
    assert "validation, step 20" in (folder / "projector_config.pbtxt").read_text()


def test_the_graph_holds_no_data(finished):
    """Not one constant of more than a few kilobytes: the graph stands in every event file."""
    folder, _ = finished
    for graph in (graph_in(folder), graph_in(folder / "eval")):
        constants = {node.name: node.ByteSize() for node in graph.node if node.op == "Const"}
        assert constants
        assert max(constants.values()) < 4096, max(constants, key=lambda name: constants[name])


def test_the_graphs_are_of_training_and_of_evaluation_scoped_by_room(finished):
    """Each stands once in its event file, and what has no room of its own are the few nodes that others made."""
    folder, _ = finished
    training, evaluation = ({node.name.split("/")[0] for node in graph_in(folder / at).node} for at in (".", "eval"))
    iterator = {"IteratorV2", "IteratorGetNext", "IteratorToStringHandle", "MakeIterator"}
    assert training - iterator == {
        "input",
        "network",
        "objective",
        "schedule",
        "live_rate",
        "replicas",
        "interval_means",
        "gradients",
        "optimizer",
        "observed",
        "input_wait",
        "first_layer_filters",
        "global_step",
        "step_before_update",
        "loss",
    }
    assert {"input", "network", "objective", "metrics", "probabilities"} <= evaluation
    assert not {"optimizer", "schedule", "save"} & evaluation


def graph_in(folder):
    (path,) = folder.glob("events*")
    (graph,) = [event.graph_def for event in summaries_of(path) if event.graph_def]
    return tf.compat.v1.GraphDef.FromString(graph)


@pytest.fixture(scope="module")
def resumed(shapes10_dir, tmp_path_factory):
    """A run of twelve steps and then of eight more, with minimal summaries, and what the second part printed."""
    folder = tmp_path_factory.mktemp("resumed")
    for train_steps in (12, 20):
        done = call_main(
            *tiny(folder, shapes10_dir, train_steps=train_steps), "--summaries=minimal", "--profile_steps=2:3"
        )
    return folder, done


def test_minimal_summaries_are_the_notebooks(resumed):
    folder, _ = resumed
    found = event_accumulator.EventAccumulator(str(folder)).Reload().Tags()
    assert set(found["scalars"]) == {tags.LOSS, tags.ACCURACY, tags.LEARNING_RATE, tags.IMAGES_PER_SECOND}
    assert not found["images"]
    assert list(folder.glob("plugins/profile/*/*.xplane.pb")), "a trace is had for the asking"
    assert not event_accumulator.EventAccumulator(str(folder / "eval")).Reload().Tags()["images"]


def test_the_model_dir_says_what_the_run_was(finished):
    folder, _ = finished
    record = json.loads((folder / "run.json").read_text())
    (session,) = record["sessions"]
    assert session["flags"]["network"] == record["hyper_parameters"]["network"] == "resnet8"
    assert session["versions"]["tensorflow"] == "2.15.1"


def test_a_complete_run_says_so_and_how_to_start_a_new_one(finished, shapes10_dir):
    folder, done = finished
    again = call_main(*tiny(folder, shapes10_dir))
    assert "is complete at step 20. To start a new one, give another --model_dir, or --overwrite" in again.stdout
    table = done.stdout[done.stdout.index("before step 10") :]
    assert table in again.stdout
    assert "step 20/20" not in again.stdout


def test_a_run_goes_on_from_its_checkpoint_as_if_never_stopped(finished, resumed):
    """The curve of twenty steps, and no point twice."""
    (whole, _), (parts, done) = finished, resumed
    assert f"Going on from step 12 of {parts}" in done.stdout
    whole, parts = scalars(whole, tags.LOSS), scalars(parts, tags.LOSS)
    assert [step for step, _ in parts] == [step for step, _ in whole]
    assert [value for _, value in parts] == pytest.approx([value for _, value in whole], rel=1e-2)


def test_other_hyper_parameters_are_refused(finished, shapes10_dir):
    folder, _ = finished
    done = call_main(*tiny(folder, shapes10_dir), "--momentum=0.5", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --model_dir={folder} holds a run with other hyper-parameters: momentum")
    assert done.stderr.count("\n") == 1


def test_report_mode_reads_event_files_alone(finished, tmp_path):
    folder, done = finished
    moved = shutil.copytree(folder, tmp_path / "moved")
    for checkpoint in moved.glob("model.ckpt*"):
        checkpoint.unlink()
    (moved / "report.png").unlink()
    text = call_main("--mode=report", f"--model_dir={moved}").stdout
    assert text.startswith(done.stdout[done.stdout.index("                ") :].split("\nFigure")[0])
    assert (moved / "report.png").stat().st_size > 10_000


def test_report_mode_without_a_run_is_one_line(tmp_path):
    done = call_main("--mode=report", f"--model_dir={tmp_path}", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "holds no run" in done.stderr


def test_two_replicas_train_the_model_of_one(finished, shapes10_dir, tmp_path):
    """Same examples and nearly the same losses: batch normalisation sees half a batch, so they are close, not equal."""
    folder, _ = finished
    run_main(*tiny(tmp_path, shapes10_dir, train_steps=8), "--boundaries=6", "--cpu_replicas=2")
    one, two = (dict(scalars(each, tags.LOSS)) for each in (folder, tmp_path))
    assert list(two) == [4, 8]
    assert two[4] == pytest.approx(one[4], rel=0.1)
    norms = [dict(scalars(each, tags.GRADIENT_NORM))[4] for each in (folder, tmp_path)]
    assert norms[1] == pytest.approx(norms[0], rel=0.25), "of the whole gradient, not of one replica's share"


def test_data_that_is_not_there_is_one_line_that_names_the_ways_out(tmp_path):
    done = call_main(f"--model_dir={tmp_path}/run", "--dataset=cifar11", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: --dataset=cifar11")
    assert done.stderr.count("\n") == 1

"""A run with every flag of the recipe, through main.py as a user starts it: resumed, and put to use."""

import json
import shutil

import pytest
import tensorflow as tf

from summaries import tags
from tests import interrupted
from tests.common import run_main
from tests.test_end_to_end import TINY, scalars

pytestmark = pytest.mark.slow
RECIPE = [
    "--nesterov",
    "--weight_decay=5e-4",
    "--weight_decay_of=all_trained",
    "--label_smoothing=0.1",
    "--ema_decay=0.9",
    "--color_jitter=0.1",
    "--cutout=0.25",
    "--evaluation_crop=0.8",
    "--mixup=0.2",
]


def train(folder, data_dir, *, train_steps):
    run_main(
        *[f"--model_dir={folder}", f"--data_dir={data_dir}", f"--train_steps={train_steps}"],
        *[*TINY, *RECIPE, "--deterministic", "--summaries=full", "--histogram_interval=8"],
    )


@pytest.fixture(scope="module")
def whole(shapes10_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(folder, shapes10_dir, train_steps=24)
    return folder


def test_a_run_that_was_stopped_ends_bit_for_bit_as_one_that_was_not(whole, shapes10_dir, tmp_path):
    """Its averages, too: they stand in the checkpoint like all else."""
    for train_steps in (16, 24):
        train(tmp_path, shapes10_dir, train_steps=train_steps)
    assert any(name.startswith("averages/") for name, _ in tf.train.list_variables(str(whole)))
    assert interrupted.differences(tmp_path, whole) == []


def test_another_crop_can_be_tried_on_a_run_that_has_ended(whole, tmp_path):
    found: list[float] = []
    for crop in ([], ["--evaluation_crop=0.8"], ["--evaluation_crop=1"]):
        output = tmp_path / f"{len(found)}.json"
        run_main("--mode=evaluate", f"--model_dir={whole}", f"--output={output}", *crop)
        found.append(json.loads(output.read_text())["cross_entropy"])
    recorded, same, whole_image = found
    assert recorded == same != whole_image


def test_whatever_uses_the_run_uses_its_averages(whole, tmp_path):
    """Evaluation by a checkpoint alone finds what the run's own found, and other things without its averages."""
    accuracy, cross_entropy = (dict(scalars(whole / "eval", tag))[24] for tag in (tags.ACCURACY, tags.CROSS_ENTROPY))
    found = {}
    for name in ("averaged", "plain"):
        folder = shutil.copytree(whole, tmp_path / name)
        if name == "plain":
            without_averages(folder)
        run_main("--mode=evaluate", f"--model_dir={folder}")
        found[name] = json.loads((folder / "evaluation.json").read_text())
    assert found["averaged"]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert found["averaged"]["cross_entropy"] == pytest.approx(cross_entropy, rel=1e-4)
    assert abs(found["plain"]["cross_entropy"] - found["averaged"]["cross_entropy"]) > 0.01


def without_averages(folder):
    """Writes the newest checkpoint anew, without them."""
    checkpoint = tf.train.latest_checkpoint(str(folder))
    reader = tf.train.load_checkpoint(checkpoint)
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in values.items():
            if not name.startswith("averages/"):
                tf.compat.v1.get_variable(name, initializer=tf.constant(value))
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, checkpoint, write_meta_graph=False)

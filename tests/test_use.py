"""The modes that put a trained run to use, through main.py, on a run that was trained here."""

import csv
import io
import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import input_fn
import main
from control import evaluations
from input_fn.shapes10 import SHAPES
from summaries import tags
from tests.common import make_data, run_main
from tests.test_end_to_end import TINY


def call(mode, folder, *arguments):
    return main.main(["main.py", f"--mode={mode}", f"--model_dir={folder}", *arguments])


@pytest.fixture(scope="module")
def trained(shapes10_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    flags = [f"--data_dir={shapes10_dir}", *TINY, "--summaries=minimal", "--train_steps=24"]
    assert call("train_and_evaluate", folder, *flags) == 0
    return folder


@pytest.fixture(scope="module")
def examples(shapes10_dir):
    return input_fn.load(make_data(data_dir=str(shapes10_dir)), "test[:6]")


@pytest.fixture(scope="module")
def files(examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number, image in enumerate(examples.images):
        Image.fromarray(image).save(folder / f"{number}.png")
    return folder


class TestEvaluate:
    def test_it_finds_what_the_runs_own_evaluation_found(self, trained, capsys):
        assert call("evaluate", trained) == 0
        said = capsys.readouterr().out
        found = json.loads((trained / "evaluation.json").read_text())
        expected = evaluations.read(str(trained))[24]
        assert found["accuracy"] == pytest.approx(expected[tags.ACCURACY], abs=1e-6)
        assert (found["checkpoint"], found["dataset"], found["split"]) == ("model.ckpt-24", "shapes10", "test[:50]")
        assert found["examples"] == 50
        assert said.startswith("model.ckpt-24 on test[:50] of shapes10\n")
        assert all(name in said for name in SHAPES)
        assert (trained / "evaluation.png").stat().st_size > 10_000

    def test_another_split_checkpoint_and_place(self, trained, tmp_path, capsys):
        output = tmp_path / "train.json"
        flags = [f"--checkpoint={trained}/model.ckpt-8", "--validation_split=train[:30]", f"--output={output}"]
        assert call("evaluate", trained, *flags) == 0
        found = json.loads(output.read_text())
        assert (found["checkpoint"], found["split"], found["examples"]) == ("model.ckpt-8", "train[:30]", 30)
        assert output.with_suffix(".png").exists()

    def test_another_crop_is_told_with_what_it_found(self, trained, tmp_path, capsys):
        output = tmp_path / "middle.json"
        assert call("evaluate", trained, "--evaluation_crop=0.5", f"--output={output}") == 0
        assert json.loads(output.read_text())["evaluation_crop"] == 0.5
        title = "model.ckpt-24 on test[:50] of shapes10 (the middle, 0.5 of each side)\n"
        assert capsys.readouterr().out.startswith(title)

    def test_numbers_are_not_written_where_the_figure_goes(self, trained, tmp_path, capsys):
        assert call("evaluate", trained, f"--output={tmp_path}/found.png") == 2
        assert f"--output={tmp_path}/found.png is where the figure goes" in capsys.readouterr().err

    def test_the_best_checkpoint_goes_by_name(self, trained, tmp_path, capsys):
        assert call("evaluate", trained, "--checkpoint=best", f"--output={tmp_path}/best.json") == 0
        step = json.loads((trained / "best" / "best.json").read_text())["step"]
        assert json.loads((tmp_path / "best.json").read_text())["checkpoint"] == f"model.ckpt-{step}"


class TestPredict:
    def test_json_lines_are_what_evaluation_computes(self, trained, files, examples, tmp_path, capsys):
        assert call("predict", trained, f"--images={files}", "--output_format=json_lines", "--batch_size=4") == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        output = tmp_path / "evaluation.json"
        assert call("evaluate", trained, "--validation_split=test[:6]", f"--output={output}") == 0
        of_label = [
            line["probabilities"][list(SHAPES)[label]] for line, label in zip(found, examples.labels, strict=True)
        ]
        assert -np.log(of_label).mean() == pytest.approx(json.loads(output.read_text())["cross_entropy"], abs=1e-4)
        assert [line["path"] for line in found] == [str(files / f"{number}.png") for number in range(6)]
        for line in found:
            assert list(line["probabilities"]) == list(SHAPES)
            assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5)
            assert line["class"] == max(line["probabilities"], key=line["probabilities"].get)

    def test_a_table_as_a_person_asks_for_it(self, trained, files):
        """In a process of its own: this one has switched eager execution off."""
        said = run_main("--mode=predict", f"--model_dir={trained}", f"--images={files}/2.png").stdout
        (line,) = said.splitlines()
        assert line.startswith(f"{files}/2.png") and line.count("%") == 3 and any(name in line for name in SHAPES)

    def test_csv_into_a_file(self, trained, files, tmp_path):
        output = tmp_path / "found.csv"
        flags = [f"--images={files}/0.png,{files}/3.png", "--output_format=csv", f"--output={output}"]
        assert call("predict", trained, *flags) == 0
        rows = list(csv.DictReader(io.StringIO(output.read_text())))
        assert [row["path"] for row in rows] == [f"{files}/0.png", f"{files}/3.png"]
        assert {f"probability_{name}" for name in SHAPES} < set(rows[0])

    def test_a_file_that_is_no_image_does_not_end_it(self, trained, files, tmp_path, capsys):
        (tmp_path / "torn.png").write_bytes((files / "0.png").read_bytes()[:60])
        assert call("predict", trained, f"--images={tmp_path}/torn.png,{files}/1.png") == 2
        said = capsys.readouterr()
        assert f"{files}/1.png" in said.out
        assert said.err == "error: 1 of 2 files have no prediction; their lines say why\n"


class TestExport:
    def test_its_probabilities_are_those_of_predict(self, trained, files, tmp_path, capsys):
        """That it loads where there is only TensorFlow is shown in `serving/test_saved_model.py`."""
        exported = tmp_path / "model"
        said = run_main("--mode=export", f"--model_dir={trained}", f"--output={exported}").stdout
        assert said == f"Export: {exported}\n"
        card = (exported / "MODEL_CARD.md").read_text()
        assert "shapes10" in card and "model.ckpt-24" in card
        paths = sorted(files.iterdir())
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            model = tf.compat.v1.saved_model.load(session, ["serve"], str(exported)).signature_def["serving_default"]
            feed = {model.inputs["image_bytes"].name: [path.read_bytes() for path in paths]}
            served = session.run(model.outputs["probabilities"].name, feed)
        assert call("predict", trained, f"--images={files}", "--output_format=json_lines") == 0
        predicted = [list(json.loads(line)["probabilities"].values()) for line in capsys.readouterr().out.splitlines()]
        np.testing.assert_allclose(served, predicted, atol=1e-5)

    def test_another_crop_is_the_cards_and_the_runs_metrics_are_not(self, trained, tmp_path):
        own, other = (self.card(trained, tmp_path / crop, f"--evaluation_crop={crop}") for crop in ("1", "0.5"))
        assert "| metric |" in own and "of the middle" not in own and own.count(r"| evaluation\_crop | 1 |") == 2
        assert "| metric |" not in other and "of the middle, 0.5" in other
        # Of the model, and how it was trained.
        assert re.findall(r"\| evaluation\\_crop \| ([\d.]+) \|", other) == ["0.5", "1"]

    def test_metrics_are_not_those_of_another_run(self, trained, tmp_path):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        for file in trained.glob("model.ckpt-24.*"):
            shutil.copy(file, elsewhere)
        assert "| metric |" not in self.card(trained, tmp_path / "export", f"--checkpoint={elsewhere}/model.ckpt-24")

    def card(self, trained, folder, *flags):
        assert call("export", trained, f"--output={folder}", *flags) == 0
        return (folder / "MODEL_CARD.md").read_text()

    def test_an_export_is_not_written_over(self, trained, tmp_path, capsys):
        assert call("export", trained, f"--output={tmp_path}") == 2
        assert str(tmp_path) in capsys.readouterr().err

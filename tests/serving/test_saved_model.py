"""An export, loaded by programs that know nothing of this one."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from serving import Facts, export, lite, model_card, predict
from settings import UserError
from tests.common import ROOT
from tests.serving.makers import CLASS_NAMES, encoded, probabilities_of, some_pixels, write_images

FACTS = Facts(data={"name": "none"}, metrics={"accuracy": 0.5}, flags={}, versions={}, commit="unknown")


@pytest.fixture(scope="module")
def exported(trained_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "with tflite"
    assert export(trained_model, str(folder), facts=FACTS, tflite=True) == str(folder)
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Files of several sizes and kinds, and of one size."""
    folder = tmp_path_factory.mktemp("images")
    paths = write_images(folder, ["1.png", "2.png"])
    others = {
        "3.png": encoded(some_pixels(20, 24)),
        "4.jpg": encoded(some_pixels(50, 31), "JPEG"),
        "5.bmp": encoded(some_pixels(1, 1), "BMP"),
        "6.gif": encoded(some_pixels(1, 40)[..., 0], "GIF"),
        "7.png": encoded(np.dstack([some_pixels(), some_pixels()[..., 0]])),
        "8.png": encoded(some_pixels()[..., 0].astype(np.uint16) * 257),
        "9.jpg": encoded(some_pixels()[..., 0], "JPEG"),
    }
    for name, content in others.items():
        (folder / name).write_bytes(content)
    return paths + [str(folder / name) for name in others]


@pytest.fixture(scope="module")
def predicted(trained_model, images):
    return probabilities_of(predict(trained_model, images, batch_size=4))


LOADER = """
import contextlib, io, re, sys
import numpy as np
import tensorflow as tf

folder, results, *paths = sys.argv[1:]
model = tf.saved_model.load(folder)
files = [open(path, "rb").read() for path in paths]
default = model.signatures["serving_default"](image_bytes=tf.constant(files))
pixels = np.stack([tf.io.decode_image(file, channels=3).numpy() for file in files[:2]])
raw = model.signatures["pixels"](images=tf.constant(pixels))
printed = []
for block in re.findall(r"^```python\\n(.*?)^```", open(folder + "/MODEL_CARD.md").read(), re.M | re.S):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(block)
    printed.append(said.getvalue())
np.savez(
    results,
    printed=printed,
    modules=[name for name in sys.modules if name.split(".")[0] in ("serving", "model_fn", "input_fn", "settings")],
    variables=[variable.name for variable in model.variables],
    **{"default_" + name: value for name, value in default.items()},
    **{"raw_" + name: value for name, value in raw.items()},
)
"""


@pytest.fixture(scope="module")
def loaded(exported, images, tmp_path_factory):
    """What a program that imports TensorFlow alone gets from a moved export: see LOADER."""
    folder = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(exported, folder / exported.name)
    shutil.copy(images[0], folder / "photo.png")
    (folder / "loader.py").write_text(LOADER)
    command = [sys.executable, "loader.py", exported.name, "results.npz", *images]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return np.load(folder / "results.npz", allow_pickle=True)


def test_the_default_signature_takes_files_and_predicts_as_this_program(loaded, predicted):
    assert predicted.std(axis=0).max() > 0.02, "the images must tell one preprocessing from another"
    np.testing.assert_allclose(loaded["default_probabilities"], predicted, atol=1e-5)


def test_the_pixels_signature_takes_pixels_and_predicts_as_this_program(loaded, predicted):
    np.testing.assert_allclose(loaded["raw_probabilities"], predicted[:2], atol=1e-5)


@pytest.mark.parametrize("signature", ["default", "raw"])
def test_signatures_name_the_likeliest_class(signature, loaded):
    best = loaded[f"{signature}_probabilities"].argmax(axis=1)
    np.testing.assert_array_equal(loaded[f"{signature}_class_index"], best)
    assert [name.decode() for name in loaded[f"{signature}_class_name"]] == [CLASS_NAMES[index] for index in best]


def test_an_export_needs_nothing_of_this_program(loaded):
    assert not loaded["modules"].size


def test_an_export_holds_the_networks_variables_and_no_others(loaded, trained_model):
    stored = [name for name, _ in tf.train.list_variables(trained_model.checkpoint)]
    assert {"global_step", "network/logits/kernel/Momentum"} < set(stored)
    expected = {f"{name}:0" for name in stored if name != "global_step" and not name.endswith("Momentum")}
    assert set(loaded["variables"]) == expected


def test_the_cards_code_runs_as_it_stands(loaded, predicted):
    assert len(loaded["printed"]) == 2, "of the SavedModel and of TensorFlow Lite"
    for printed in loaded["printed"]:
        (row,) = re.findall(r"\[\[([^\]]+)\]\]", printed)
        np.testing.assert_allclose(np.array(row.replace(",", " ").split(), float), predicted[0], atol=1e-4)


def test_saved_model_cli_runs_it(exported, images, predicted, tmp_path):
    np.save(tmp_path / "files.npy", np.array([Path(path).read_bytes() for path in images[:3]], object))
    command = [Path(sys.executable).with_name("saved_model_cli"), "run", "--dir", exported]
    command += ["--tag_set", "serve", "--signature_def", "serving_default", "--outdir", tmp_path]
    command += ["--inputs", f"image_bytes={tmp_path}/files.npy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    np.testing.assert_allclose(np.load(tmp_path / "probabilities.npy"), predicted[:3], atol=1e-5)


def test_tensorflow_lite_predicts_as_this_program(exported, trained_model, tmp_path):
    pixels = [some_pixels(*trained_model.stored_size, seed=seed) for seed in range(8)]
    paths = [str(tmp_path / f"{i}.png") for i in range(len(pixels))]
    for path, image in zip(paths, pixels, strict=True):
        Path(path).write_bytes(encoded(image))
    expected = probabilities_of(predict(trained_model, paths, batch_size=8))
    assert expected.std(axis=0).max() > 0.02
    outputs = lite.run((exported / "model.tflite").read_bytes(), np.stack(pixels)[:, None])
    np.testing.assert_allclose(outputs[:, 0], expected, atol=1e-4)


def test_a_tensorflow_lite_model_that_predicts_otherwise_is_refused(trained_model, tmp_path, monkeypatch):
    run = lite.run
    monkeypatch.setattr(lite, "run", lambda content, batches: run(content, batches) + 2e-4)
    with pytest.raises(UserError, match="differ from TensorFlow's by 0.0002"):
        export(trained_model, str(tmp_path / "export"), facts=FACTS, tflite=True)
    assert not list(tmp_path.iterdir())


def test_an_export_is_complete_and_names_its_classes(exported):
    files = {str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()}
    assert files - {"fingerprint.pb"} == {
        "MODEL_CARD.md",
        "class_names.json",
        "model.tflite",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    }
    assert json.loads((exported / "class_names.json").read_text()) == list(CLASS_NAMES)


def test_an_export_tells_nothing_of_this_machine(exported, trained_model):
    for path in filter(Path.is_file, exported.rglob("*")):
        content = path.read_bytes()
        for place in (ROOT, exported.parent, Path(trained_model.checkpoint).parent, Path(sys.prefix)):
            assert str(place).encode() not in content, f"{path.name} holds {place}"
        if len(socket.gethostname()) > 6:  # Shorter names occur by chance.
            assert socket.gethostname().encode() not in content, path.name


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_exists_is_refused_and_stays(kind, trained_model, tmp_path):
    path = tmp_path / "export"
    {"folder": path.mkdir, "file": path.touch, "link": lambda: path.symlink_to("nowhere")}[kind]()
    with pytest.raises(UserError, match="exists already; give the name of a new one, or remove it first"):
        export(trained_model, str(path), facts=FACTS, tflite=False)
    assert [entry.name for entry in tmp_path.iterdir()] == ["export"]


@pytest.mark.parametrize("error", [RuntimeError("any"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failure_leaves_no_half_export(error, trained_model, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        assert len(list(tmp_path.iterdir())) == 1, "all but the card is written"
        raise error

    monkeypatch.setattr(model_card, "text", fail)
    with pytest.raises(UserError if isinstance(error, OSError) else type(error)):
        export(trained_model, str(tmp_path / "export"), facts=FACTS, tflite=False)
    assert not list(tmp_path.iterdir())


def test_an_export_is_not_there_before_it_is_whole_and_makes_its_folders(trained_model, tmp_path, monkeypatch):
    target = tmp_path / "new" / "export"
    text = model_card.text
    seen = []

    def watched(*arguments, **options):
        seen.append(os.path.exists(target))
        return text(*arguments, **options)

    monkeypatch.setattr(model_card, "text", watched)
    export(trained_model, f"{target}/", facts=FACTS, tflite=False)
    assert seen == [False]
    assert [entry.name for entry in target.parent.iterdir()] == ["export"]
    assert not (target / "model.tflite").exists()


def test_a_folder_that_cannot_be_written_is_told(trained_model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write the folder '.*file/export': Not a directory"):
        export(trained_model, str(tmp_path / "file" / "export"), facts=FACTS, tflite=False)

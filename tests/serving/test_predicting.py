import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import input_fn
from serving import Failure, Prediction, decoding, predict, predicting
from settings import Network, UserError
from tests.common import ROOT, make_data
from tests.serving.makers import (
    encoded,
    evaluation_probabilities,
    make_trained_model,
    probabilities_of,
    some_pixels,
    write_images,
)


@pytest.mark.parametrize(("image_size", "stored_size", "crop"), [(40, (32, 32), 1.0), (16, (20, 20), 0.8)])
def test_a_data_sets_images_are_predicted_as_evaluation_sees_them(
    image_size, stored_size, crop, shapes10_dir, tmp_path
):
    """Shapes10 has 32 by 32 pixels: to be stored as they are in one case, made smaller in the other."""
    model = make_trained_model(tmp_path, image_size=image_size, evaluation_crop=crop, stored_size=stored_size)
    data = make_data(data_dir=str(shapes10_dir), image_size=image_size)
    examples = input_fn.load(data, "test[:5]")
    assert examples.images.shape[1:3] == stored_size
    originals = input_fn.load(dataclasses.replace(data, image_size=96), "test[:5]").images
    paths = [str(tmp_path / f"{i}.png") for i in range(len(originals))]
    for path, original in zip(paths, originals, strict=True):
        Image.fromarray(original).save(path)

    with predicting.opened(model) as network:
        for path, expected in zip(paths, examples.images, strict=True):
            stored = predicting.stored_image(path, network)
            assert isinstance(stored, np.ndarray), stored
            np.testing.assert_array_equal(stored, expected)

    evaluation = input_fn.evaluation_input_fn(examples, image_size=image_size, crop=crop, batch_size=5)
    _, expected = evaluation_probabilities(evaluation, model)
    assert expected.std(axis=0).max() > 0.02, "the images must tell one preprocessing from another"
    np.testing.assert_allclose(probabilities_of(predict(model, paths, batch_size=5)), expected, atol=1e-6)


@pytest.mark.parametrize("averages", [False, True])
def test_a_checkpoint_with_averages_is_used_with_those(averages, shapes10_dir, tmp_path):
    model = make_trained_model(tmp_path, averages=True, image_size=16, stored_size=(20, 20))
    examples = input_fn.load(make_data(data_dir=str(shapes10_dir), image_size=16), "test[:5]")
    for i, image in enumerate(examples.images):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    evaluation = input_fn.evaluation_input_fn(examples, image_size=16, crop=1.0, batch_size=5)
    _, expected = evaluation_probabilities(evaluation, model, averages=averages)
    found = probabilities_of(predict(model, [str(tmp_path / f"{i}.png") for i in range(5)], batch_size=5))
    difference = np.abs(found - expected).max()
    assert difference < 1e-6 if averages else difference > 0.02


def test_images_of_the_stored_size_stay_as_they_are(trained_model):
    pixels = some_pixels(*trained_model.stored_size)
    with predicting.opened(trained_model) as network:
        np.testing.assert_array_equal(network.stored(pixels), pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (19, 25), (200, 300)])
def test_images_of_any_size_are_stored_as_training_does(size, trained_model):
    pixels = some_pixels(*size)
    with predicting.opened(trained_model) as network:
        stored = network.stored(pixels)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        resized = session.run(tf.image.resize(tf.constant(pixels), trained_model.stored_size, antialias=True))
    np.testing.assert_array_equal(stored, np.clip(np.round(resized), 0, 255).astype(np.uint8))


def test_predictions_do_not_depend_on_the_batch_size(trained_model, tmp_path):
    paths = write_images(tmp_path, [f"{i}.png" for i in range(5)])
    by_batch_size = {size: list(predict(trained_model, paths, batch_size=size)) for size in (1, 2, 64)}
    for predictions in by_batch_size.values():
        assert [prediction.path for prediction in predictions] == paths
        probabilities = probabilities_of(predictions)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(probabilities, probabilities_of(by_batch_size[1]), atol=1e-6)


def test_what_is_no_image_is_told_and_the_others_are_predicted(trained_model, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9 * 14)
    good = write_images(tmp_path, ["a.png", "g.png"])
    whole_jpeg = encoded(some_pixels(9, 13), "JPEG")
    bad = {
        "b.png": (b"", "it is no PNG, JPEG, GIF, BMP, WebP or TIFF image"),
        "c.png": (encoded(some_pixels())[:-40], "it cannot be read as an image ("),
        "d.jpg": (whole_jpeg[:-30], "it cannot be read as an image (jpeg::Uncompress failed. Invalid JPEG data"),
        "e.gif": (encoded(some_pixels(18, 15)), "it cannot be read as an image (Image size (270 pixels) exceeds"),
    }
    for name, (content, _) in bad.items():
        (tmp_path / name).write_bytes(content)
    results = list(predict(trained_model, [str(tmp_path)], batch_size=4))
    assert [os.path.basename(result.path) for result in results] == ["a.png", *bad, "g.png"]
    for result, (_, error) in zip(results[1:-1], bad.values(), strict=True):
        assert isinstance(result, Failure) and result.error.startswith(error), result
        assert "\n" not in result.error and str(tmp_path) not in result.error
    alone = probabilities_of(predict(trained_model, good, batch_size=4))
    np.testing.assert_allclose(probabilities_of([results[0], results[-1]]), alone, atol=1e-6)


def test_a_batch_without_any_image_is_told_too(trained_model, tmp_path):
    (tmp_path / "a.png").touch()
    assert [type(result) for result in predict(trained_model, [str(tmp_path)], batch_size=1)] == [Failure]


def test_a_file_that_vanishes_is_told(trained_model, tmp_path):
    write_images(tmp_path, ["a.png", "b.png"])
    results = predict(trained_model, [str(tmp_path)], batch_size=1)
    assert isinstance(next(results), Prediction)
    (tmp_path / "b.png").unlink()
    assert list(results) == [Failure(f"{tmp_path}/b.png", "it cannot be read as an image (No such file or directory)")]


def test_a_batch_is_read_when_the_one_before_is_out(trained_model, tmp_path, monkeypatch):
    paths = write_images(tmp_path, [f"{i}.png" for i in range(5)])
    read = []
    decode = decoding.decode

    def watched(path, **options):
        read.append(path)
        return decode(path, **options)

    monkeypatch.setattr(decoding, "decode", watched)
    before = [len(read) for _ in predict(trained_model, paths, batch_size=2)]
    assert before == [2, 2, 4, 4, 5]


def test_predicting_leaves_the_readers_graph_alone(trained_model, tmp_path):
    paths = write_images(tmp_path, ["a.png", "b.png"])
    graph, session = tf.compat.v1.get_default_graph(), tf.compat.v1.get_default_session()
    for _ in predict(trained_model, paths, batch_size=1):
        assert tf.compat.v1.get_default_graph() is graph
        assert tf.compat.v1.get_default_session() is session


def test_a_missing_path_is_refused_before_tensorflow_is_imported(trained_model):
    program = f"""
import sys, serving, settings
try:
    serving.predict(None, ["missing.png"], batch_size=1)
except settings.UserError as error:
    print(error, "tensorflow" in sys.modules)
try:
    serving.export(None, {str(ROOT)!r}, facts=None, tflite=False)
except settings.UserError as error:
    print(error, "tensorflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first.startswith("there is no file or folder 'missing.png'") and first.endswith("False")
    assert "exists already" in second and second.endswith("False")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"checkpoint": "nowhere/model.ckpt-7"}, "^cannot read checkpoint nowhere/model.ckpt-7 "),
        ({"class_names": ("one", "too few")}, r"2 classes: .*/kernel is \[64, 3\] in the checkpoint and \[64, 2\] in"),
        ({"network": Network.RESNET20}, "resnet20 .*network/stage1/block2/conv1/kernel is missing in the checkpoint"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(changes, reason, trained_model, tmp_path):
    (path,) = write_images(tmp_path, ["a.png"])
    model = dataclasses.replace(trained_model, **changes)
    with pytest.raises(UserError, match=reason) as error:
        next(predict(model, [path], batch_size=1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("averages", [False, True])
def test_a_checkpoint_of_a_larger_network_is_refused(averages, tmp_path):
    """It has every variable of the smaller one, in the same shapes."""
    larger = make_trained_model(tmp_path, network=Network.RESNET20, averages=averages)
    (path,) = write_images(tmp_path, ["a.png"])
    with pytest.raises(UserError, match="network/stage1/block2/.* and missing in the network"):
        next(predict(dataclasses.replace(larger, network=Network.RESNET8), [path], batch_size=1))


def test_what_is_no_number_is_told(tmp_path, monkeypatch):
    paths = write_images(tmp_path, ["a.png"])
    model = make_trained_model(tmp_path)
    opened = predicting.opened

    @predicting.contextlib.contextmanager
    def diverged(model):
        with opened(model) as network:
            yield network._replace(probabilities=lambda images: np.full([len(images), 3], np.nan, np.float32))

    monkeypatch.setattr(predicting, "opened", diverged)
    (result,) = predict(model, paths, batch_size=1)
    assert isinstance(result, Failure) and "NaN" in result.error

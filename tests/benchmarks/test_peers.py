"""The programs that this one is compared with do the same work. Those in PyTorch skip where it is not set up."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import settings
from benchmarks import programs
from benchmarks.commands import PEERS
from benchmarks.peers import keras_fit
from benchmarks.run import PEERS_PYTHON
from model_fn import network
from tests.common import ROOT

SIZE = 32


@pytest.fixture(scope="module")
def pytorch_python():
    if importlib.util.find_spec("torch"):
        return sys.executable
    if not (ROOT / PEERS_PYTHON).exists():
        pytest.skip("PyTorch is not set up; make benchmark does it")
    return str(ROOT / PEERS_PYTHON)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("peers") / "examples.npz"
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, 32, 32, 3), np.uint8)
    np.savez(path, images=images, labels=random.integers(0, 10, 40).astype(np.int32))
    return path


@pytest.fixture(scope="module")
def parameters():
    with tf.Graph().as_default():
        images = tf.compat.v1.placeholder(tf.float32, [1, SIZE, SIZE, 3])
        architecture = network.ARCHITECTURES[settings.Network.RESNET18]
        return sum(row.parameters for row in network.build(images, architecture, num_classes=10, training=True).layers)


def trained(python, program, data, *options):
    command = [python, str(PEERS / program), f"--data={data}", "--steps=10", "--batch_size=4", f"--image_size={SIZE}"]
    return programs.run([*command, *options])


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_keras_trains_the_same_network(data, parameters, precision):
    said = trained(sys.executable, "keras_fit.py", data, f"--precision={precision}")
    assert said.facts()["parameters"] == parameters
    assert list(said.steps()) == [10]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_pytorch_trains_the_same_network(pytorch_python, data, parameters, precision):
    # One thread: several wait for each other in a loop, which a busy machine makes very slow.
    said = trained(pytorch_python, "pytorch.py", data, f"--precision={precision}", "--threads=1")
    assert said.facts()["parameters"] == parameters
    assert 10 in said.steps()


def every_crop(images, size):
    """Each crop that the augmentation may make of each image, as it is and flipped: [crops, n, size, size, 3]."""
    upsampled = size * 5 // 4
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        pixels = session.run(tf.image.resize(images, [upsampled, upsampled])) / 127.5 - 1
    places = range(upsampled - size + 1)
    found = [pixels[:, top : top + size, left : left + size] for top in places for left in places]
    return np.stack([*found, *(crop[:, :, ::-1] for crop in found)])


def check_crops(augmented, images):
    distance = np.abs(every_crop(images, SIZE) - augmented).max(axis=(2, 3, 4))
    assert distance.min(axis=0).max() < 1e-4  # Each image is one of its crops,
    assert len(set(distance.argmin(axis=0))) > 10  # and not all are the same one.


def test_keras_augments_as_this_program_does(data):
    images = np.load(data)["images"]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        check_crops(session.run(keras_fit.augmented(tf.constant(images), SIZE)), images)


def test_pytorch_augments_as_this_program_does(pytorch_python, data, tmp_path):
    code = f"""
import sys; sys.path.insert(0, {str(PEERS)!r})
import numpy as np, torch, pytorch
images = torch.from_numpy(np.load({str(data)!r})["images"]).permute(0, 3, 1, 2)
np.save({str(tmp_path / "augmented.npy")!r}, pytorch.augmented(images, {SIZE}).permute(0, 2, 3, 1).numpy())
"""
    subprocess.run([pytorch_python, "-c", code], check=True)
    check_crops(np.load(tmp_path / "augmented.npy"), np.load(data)["images"])

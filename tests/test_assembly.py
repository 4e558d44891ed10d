"""What the steps of a run are fed with."""

import pytest
import tensorflow as tf

from cluster import distribution
from tests.common import make_data, make_settings
from training import assembly


@pytest.mark.parametrize(("gpu", "device"), [("/cpu:0", "/device:CPU:0"), (None, "")])
def test_batches_go_to_a_gpu_that_trains_alone(gpu, device, monkeypatch, shapes10_dir, tmp_path):
    """A processor stands in for it."""
    monkeypatch.setattr(distribution, "sole_gpu", lambda devices, task: gpu)
    settings = make_settings(model_dir=str(tmp_path), data=make_data(data_dir=str(shapes10_dir)))
    with tf.Graph().as_default():
        iterator = tf.compat.v1.data.make_initializable_iterator(assembly.training_input_fn(settings)())
        assert {each.device for each in tf.nest.flatten(iterator.get_next())} == {device}

"""The Estimator of a run, and what its steps are fed with."""

import pytest
import tensorflow as tf

import input_fn
from cluster import distribution
from cluster.topology import ALONE
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


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_run_with_a_checkpoint_takes_weights_from_nowhere_else(has_begun, monkeypatch, tmp_path):
    """Not even where that is the one of step 0, from before the first update."""
    if has_begun:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.train.get_or_create_global_step().initializer)
            tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"), global_step=0)
    asked = []
    monkeypatch.setattr(assembly, "warm_start", lambda settings, *, num_classes: asked.append(num_classes))
    info = input_fn.DatasetInfo(("cat", "dog"), (32, 32), num_train_examples=2000, num_validation_examples=500)
    assembly.estimator(make_settings(model_dir=str(tmp_path)), info, ALONE)
    assert asked == ([] if has_begun else [2])

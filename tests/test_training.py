"""What becomes of a run whose network diverges, at the notebook's own rate and momentum."""

import re

import numpy as np
import pytest
import tensorflow as tf

import training
from cluster.membership import Membership
from cluster.topology import ALONE
from control.preemption import Preemption
from model_fn import layers
from settings import Constant, Network, UserError
from tests.common import make_data, make_learning_rate, make_model, make_settings


def notebook(folder, data_dir):
    """Rate 0.1 and momentum 0.9 without a step down; a checkpoint each step, all of them kept."""
    return make_settings(
        model_dir=str(folder),
        data=make_data(data_dir=str(data_dir), train_split="train[:256]", validation_split="test[:10]", image_size=16),
        model=make_model(network=Network.RESNET8, learning_rate=make_learning_rate(Constant(0.1)), momentum=0.9),
        train_steps=60,
        summary_interval=10,
        evaluation_interval=1,
        keep_checkpoints=60,
    )


def test_a_network_that_amplifies_ends_in_one_clear_line(shapes10_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(layers.Layers, "batch_norm", lambda self, x, **options: 3.0 * x)
    recorded = training.Recorded(flags={}, hyper_parameters={}, environment={}, session="now")
    with pytest.raises(UserError) as error:
        training.train_and_evaluate(
            notebook(tmp_path, shapes10_dir),
            ALONE,
            recorded,
            preemption=Preemption(),
            members=Membership(),
            scratch=str(tmp_path),
        )
    said = re.fullmatch(
        r"loss is (?:nan|inf) at step (\d+): training has diverged; the last good checkpoint is (\S+/model.ckpt-(\d+));"
        r" try smaller rates .*--learning_rate or --values.*--warmup.*--momentum.*--mode=find_learning_rate.*",
        str(error.value),
    )
    assert said, error.value
    assert 1 < int(said[1]) < 60
    reader = tf.train.load_checkpoint(said[2])
    assert all(np.isfinite(reader.get_tensor(name)).all() for name in reader.get_variable_to_shape_map())
    assert f"step {said[1]}:" not in capsys.readouterr().out, "nothing of the diverged step is evaluated"

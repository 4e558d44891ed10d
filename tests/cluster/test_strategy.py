import os

import pytest
import tensorflow as tf

from cluster import strategy
from cluster.topology import ALONE, Task
from settings import UserError
from tests.common import make_devices, make_settings


@pytest.fixture
def machine(monkeypatch):
    """A machine with as many GPUs as a test says."""

    def with_gpus(count):
        monkeypatch.setattr(strategy.tf.config, "list_physical_devices", lambda kind: ["gpu"] * count)

    return with_gpus


@pytest.mark.parametrize(
    ("gpus", "num_gpus", "cpu_replicas", "replicas"),
    [(0, None, 1, 1), (0, None, 4, 4), (1, None, 4, 1), (8, None, 1, 8), (8, 2, 1, 2)],
)
def test_gpus_go_first_and_processors_stand_in(machine, gpus, num_gpus, cpu_replicas, replicas):
    machine(gpus)
    assert strategy.num_replicas(make_devices(num_gpus=num_gpus, cpu_replicas=cpu_replicas), ALONE) == replicas


def test_more_gpus_than_there_are_is_said(machine):
    machine(1)
    with pytest.raises(UserError, match="--num_gpus=2: this machine has 1"):
        strategy.num_replicas(make_devices(num_gpus=2, cpu_replicas=1), ALONE)


def test_devices_are_told_by_name(monkeypatch):
    gpus = {"first": {"device_name": "NVIDIA A100"}, "second": {}}
    monkeypatch.setattr(strategy.tf.config, "list_physical_devices", lambda kind: list(gpus))
    monkeypatch.setattr(strategy.tf.config.experimental, "get_device_details", lambda gpu: gpus[gpu])
    described = strategy.describe_devices(make_devices(num_gpus=None, cpu_replicas=1))
    assert described == "/gpu:0 (NVIDIA A100), /gpu:1 (GPU)"


def test_processors_are_told_where_there_is_no_gpu(machine):
    machine(0)
    described = strategy.describe_devices(make_devices(num_gpus=None, cpu_replicas=2))
    assert described == f"/cpu:0 ({os.cpu_count()} processors), /cpu:1 ({os.cpu_count()} processors)"


def test_one_replica_needs_no_strategy():
    config = strategy.make_run_config(make_settings(seed=3, evaluation_interval=5, keep_checkpoints=4), ALONE)
    assert config.train_distribute is None
    assert (config.tf_random_seed, config.save_checkpoints_steps, config.keep_checkpoint_max) == (3, 5, 4)


@pytest.mark.parametrize(("hours", "expected"), [(0.5, 0.5), (None, 10_000)])
def test_a_checkpoint_every_so_many_hours_is_kept_as_well(hours, expected):
    config = strategy.make_run_config(make_settings(keep_checkpoint_every_hours=hours), ALONE)
    assert config.keep_checkpoint_every_n_hours == expected


def test_replicas_on_the_processor_are_mirrored():
    config = strategy.make_run_config(make_settings(cpu_replicas=2), ALONE)
    assert isinstance(config.train_distribute, tf.distribute.MirroredStrategy)
    assert config.train_distribute.num_replicas_in_sync == 2


def test_replicas_of_all_workers_share_a_batch(machine):
    machine(2)
    assert strategy.num_replicas(make_devices(num_gpus=None, cpu_replicas=1), Task(is_chief=False, num_workers=3)) == 6

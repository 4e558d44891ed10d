"""Devices to a distribution strategy and a RunConfig."""

import os

import tensorflow as tf

from cluster.topology import Task
from settings import Devices, Settings, UserError

_NEVER_HOURS = 10_000.0  # The Estimator's own.


def num_replicas(devices: Devices, task: Task) -> int:
    """How many replicas share a global batch: on each worker one a GPU or, without a GPU, `cpu_replicas`.

    Raises:
      UserError: more GPUs asked for than there are.
    """
    return len(_replica_devices(devices)) * task.num_workers


def describe_devices(devices: Devices) -> str:
    """What trains in this process, in words, such as `/gpu:0 (NVIDIA A100), /gpu:1 (NVIDIA A100)`."""
    names = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    processors = f"{os.cpu_count()} processors"
    return ", ".join(
        f"{device} ({names[number] if 'gpu' in device else processors})"
        for number, device in enumerate(_replica_devices(devices))
    )


def make_run_config(settings: Settings, task: Task) -> tf.estimator.RunConfig:
    """The Estimator's RunConfig: strategy, seed, checkpoints. Its own summaries and logging are off: hooks/ does those.

    Call once, before any graph is built.
    """
    devices, training = settings.devices, settings.training
    session_config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    session_config.gpu_options.allow_growth = True
    if devices.cpu_replicas > 1:
        session_config.device_count["CPU"] = devices.cpu_replicas
    return tf.estimator.RunConfig(
        model_dir=settings.model_dir,
        tf_random_seed=training.seed,
        # A hook of ours saves; this only tells the Estimator that checkpoints are by step.
        save_checkpoints_steps=training.evaluation_interval,
        keep_checkpoint_max=settings.checkpoints.keep_checkpoints,
        keep_checkpoint_every_n_hours=settings.checkpoints.keep_checkpoint_every_hours or _NEVER_HOURS,
        save_summary_steps=0,
        log_step_count_steps=None,
        session_config=session_config,
        train_distribute=_strategy(_replica_devices(devices), task),
    )


def _replica_devices(devices: Devices) -> list[str]:
    gpus = [f"/gpu:{i}" for i in range(len(tf.config.list_physical_devices("GPU")))]
    if devices.num_gpus is not None and devices.num_gpus > len(gpus):
        raise UserError(f"--num_gpus={devices.num_gpus}: this machine has {len(gpus)}; give as many or fewer")
    return gpus[: devices.num_gpus] or [f"/cpu:{i}" for i in range(devices.cpu_replicas)]


def _strategy(replica_devices: list[str], task: Task) -> tf.distribute.Strategy | None:
    """None for a single replica: the Estimator trains without a strategy then."""
    if task.num_workers > 1:
        return tf.distribute.experimental.MultiWorkerMirroredStrategy()
    if len(replica_devices) == 1:
        return None
    # Over logical processors the default all-reduce hangs after the first checkpoint; GPUs keep it (NCCL).
    on_cpu = "cpu" in replica_devices[0]
    cross_device_ops = tf.distribute.ReductionToOneDevice() if on_cpu else None
    return tf.distribute.MirroredStrategy(replica_devices, cross_device_ops=cross_device_ops)

"""Devices to a distribution strategy and a RunConfig."""

import tensorflow as tf

from cluster.topology import Task
from settings import Devices, Training, UserError


def num_replicas(devices: Devices, task: Task) -> int:
    """How many replicas share a global batch: on each worker one a GPU or, without a GPU, `cpu_replicas`.

    Raises:
      UserError: more GPUs asked for than there are.
    """
    return len(_replica_devices(devices)) * task.num_workers


def make_run_config(model_dir: str, training: Training, devices: Devices, task: Task) -> tf.estimator.RunConfig:
    """The Estimator's RunConfig: strategy, seed, checkpoints. Its own summaries and logging are off: hooks/ does those.

    Call once, before any graph is built.
    """
    session_config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    session_config.gpu_options.allow_growth = True
    if devices.cpu_replicas > 1:
        session_config.device_count["CPU"] = devices.cpu_replicas
    return tf.estimator.RunConfig(
        model_dir=model_dir,
        tf_random_seed=training.seed,
        # A hook of ours saves; this only tells the Estimator that checkpoints are by step.
        save_checkpoints_steps=training.evaluation_interval,
        keep_checkpoint_max=training.keep_checkpoints,
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

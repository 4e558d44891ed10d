"""The distribution strategy of a run's replicas, and the Estimator's RunConfig."""

import tensorflow as tf

from cluster import computing
from cluster.distribution import Distribution, choose, trains_on_gpu
from cluster.topology import Role, Task
from settings import AllReduce, Arithmetic, Compute, DistributionStrategy, Settings

_NEVER_HOURS = 10_000.0  # The Estimator's own.

_OF_MIRRORED = {
    AllReduce.NCCL: tf.distribute.NcclAllReduce,
    AllReduce.HIERARCHICAL_COPY: tf.distribute.HierarchicalCopyAllReduce,
    AllReduce.REDUCTION_TO_ONE_DEVICE: tf.distribute.ReductionToOneDevice,
}
_OF_MULTI_WORKER = {
    AllReduce.AUTO: tf.distribute.experimental.CommunicationImplementation.AUTO,
    AllReduce.NCCL: tf.distribute.experimental.CommunicationImplementation.NCCL,
    AllReduce.RING: tf.distribute.experimental.CommunicationImplementation.RING,
}


def compute(settings: Settings, task: Task) -> Compute:
    """`settings.compute` with nothing left open.

    Raises:
      UserError: as `choose`; a layout that the devices cannot train in.
    """
    return computing.settled(settings.compute, on_gpu=trains_on_gpu(settings.devices, task))


def arithmetic(settings: Settings, task: Task) -> Arithmetic:
    """How the network of a run computes.

    Raises:
      UserError: as `compute`.
    """
    return computing.arithmetic(settings.compute, on_gpu=trains_on_gpu(settings.devices, task))


def make_run_config(settings: Settings, task: Task) -> tf.estimator.RunConfig:
    """The Estimator's RunConfig: strategy, seed, checkpoints. Its own summaries and logging are off: hooks/ does those.

    Call once, before any graph is built, in an environment whose TF_CONFIG is `topology.tf_config(task)`.

    Raises:
      UserError: as `choose`.
    """
    devices, training = settings.devices, settings.training
    computing.prepare(settings.compute)
    session_config = computing.session_config(settings.compute)
    if task.has_ps:
        # A worker's sessions need no other worker to be there.
        session_config.device_filters.extend(["/job:ps", f"/job:{task.role.value}/task:{task.index}"])
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
        # Evaluations are of one process and one device.
        train_distribute=None if task.role is Role.EVALUATOR else _strategy(choose(devices, task), task),
        experimental_max_worker_delay_secs=0,
    )


def serve(task: Task) -> tf.distribute.Server:
    """Starts to hold variables for the workers, as a ps task does for as long as its process runs. Takes no GPU."""
    cluster = {role.value: list(each) for role, each in task.addresses.items() if role is not Role.EVALUATOR}
    return tf.distribute.Server(
        tf.train.ClusterSpec(cluster),
        job_name=task.role.value,
        task_index=task.index,
        config=tf.compat.v1.ConfigProto(device_count={"GPU": 0}),
    )


def _strategy(chosen: Distribution, task: Task) -> tf.distribute.Strategy | None:
    """None for one device, and with ps tasks: the Estimator trains without a strategy then.

    It places variables on ps tasks by itself. How workers meet there is `model_fn.meeting`'s affair.
    """
    if task.has_ps:
        return None
    devices = list(chosen.devices)
    match chosen.strategy:
        case DistributionStrategy.MIRRORED:
            return tf.distribute.MirroredStrategy(devices, cross_device_ops=_cross_device_ops(chosen))
        case DistributionStrategy.MULTI_WORKER_MIRRORED:
            # A cluster of its own: of TF_CONFIG's it would take every GPU. The Estimator tells it the cluster later.
            gpus = {"GPU": len(devices)} if chosen.on_gpu else {}
            here = tf.distribute.cluster_resolver.SimpleClusterResolver(tf.train.ClusterSpec({}), num_accelerators=gpus)
            options = tf.distribute.experimental.CommunicationOptions(
                implementation=_OF_MULTI_WORKER[chosen.all_reduce]
            )
            return tf.distribute.MultiWorkerMirroredStrategy(here, options)
        case DistributionStrategy.PARAMETER_SERVER:
            # Variables on the processor, replicas in step.
            return tf.compat.v1.distribute.experimental.CentralStorageStrategy(devices, parameter_device="/cpu:0")
        case _:
            return None


def _cross_device_ops(chosen: Distribution) -> tf.distribute.CrossDeviceOps | None:
    """None: TensorFlow's own choice, which is NCCL between GPUs."""
    all_reduce = chosen.all_reduce
    if all_reduce is AllReduce.AUTO and not chosen.on_gpu:
        # Over logical processors the default hangs after the first checkpoint.
        all_reduce = AllReduce.REDUCTION_TO_ONE_DEVICE
    return _OF_MIRRORED[all_reduce]() if all_reduce in _OF_MIRRORED else None

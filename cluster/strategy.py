"""Devices and a task to a distribution strategy and a RunConfig."""

import dataclasses
import os

import tensorflow as tf

from cluster import computing
from cluster.topology import Role, Task
from settings import AllReduce, Arithmetic, Compute, Devices, DistributionStrategy, Settings, UserError

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
_WAYS: dict[DistributionStrategy, tuple[AllReduce, ...]] = {
    DistributionStrategy.MIRRORED: tuple(_OF_MIRRORED),
    DistributionStrategy.MULTI_WORKER_MIRRORED: (AllReduce.NCCL, AllReduce.RING),
}


@dataclasses.dataclass(frozen=True)
class Distribution:
    """How replicas train together. `devices` are those of one process, one a replica; `workers` processes have them.

    `strategy` is never AUTO. An `all_reduce` of AUTO is left to `strategy`.
    """

    strategy: DistributionStrategy
    all_reduce: AllReduce
    devices: tuple[str, ...]
    workers: int

    @property
    def num_replicas(self) -> int:
        """How many replicas share a global batch."""
        return len(self.devices) * self.workers

    def __str__(self) -> str:
        devices = ", ".join(self.devices)
        name = self.strategy.value
        if self.strategy is DistributionStrategy.ONE_DEVICE:
            return f"{name}: {devices}"
        of_workers = f"{self.workers} workers with " if self.workers > 1 else ""
        replicas = f"{self.num_replicas} replica{'s' if self.num_replicas > 1 else ''}"
        by = "" if self.all_reduce is AllReduce.AUTO else f", all-reduce by {self.all_reduce.value}"
        return f"{name} over {replicas}: {of_workers}{devices}{by}"


def choose(devices: Devices, task: Task) -> Distribution:
    """How the replicas of a run train together: on each worker one a GPU or, without a GPU, `cpu_replicas`.

    Raises:
      UserError: more GPUs asked for than there are; a strategy or an all-reduce that does not fit devices and cluster.
    """
    found = tuple(_replica_devices(devices))
    if task.has_ps and devices.num_gpus is None:
        # As for ONE_DEVICE.
        found = found[:1] if _is_gpu(found) else found
    strategy = devices.distribution_strategy
    if strategy is DistributionStrategy.AUTO:
        strategy = _fitting(len(found), task)
    chosen = Distribution(strategy, devices.all_reduce, found, task.num_workers)
    _check_strategy(chosen, task)
    _check_all_reduce(chosen)
    return chosen


def sole_gpu(devices: Devices, task: Task) -> str | None:
    """The GPU of a run that trains on that one alone, such as `/gpu:0`. Strategies take batches to theirs themselves.

    Raises:
      UserError: as `choose`.
    """
    chosen = choose(devices, task)
    alone = chosen.strategy is DistributionStrategy.ONE_DEVICE and not task.has_ps and _is_gpu(chosen.devices)
    return chosen.devices[0] if alone else None


def num_replicas(devices: Devices, task: Task) -> int:
    """How many replicas share a global batch.

    Raises:
      UserError: as `choose`.
    """
    return choose(devices, task).num_replicas


def describe(devices: Devices, task: Task) -> str:
    """How the replicas of a run train together, in words, such as `mirrored over 2 replicas: /gpu:0, /gpu:1`."""
    return str(choose(devices, task))


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


def compute(settings: Settings, task: Task) -> Compute:
    """`settings.compute` with nothing left open.

    Raises:
      UserError: as `choose`; a layout that the devices cannot train in.
    """
    return computing.settled(settings.compute, on_gpu=_trains_on_gpu(settings.devices, task))


def arithmetic(settings: Settings, task: Task) -> Arithmetic:
    """How the network of a run computes.

    Raises:
      UserError: as `compute`.
    """
    return computing.arithmetic(settings.compute, on_gpu=_trains_on_gpu(settings.devices, task))


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


def _replica_devices(devices: Devices) -> list[str]:
    gpus = [f"/gpu:{i}" for i in range(len(tf.config.list_physical_devices("GPU")))]
    if devices.num_gpus is not None and devices.num_gpus > len(gpus):
        raise UserError(f"--num_gpus={devices.num_gpus}: this machine has {len(gpus)}; give as many or fewer")
    if devices.num_gpus is None and devices.distribution_strategy is DistributionStrategy.ONE_DEVICE:
        # Nobody asked for more of them.
        gpus = gpus[:1]
    return gpus[: devices.num_gpus] or [f"/cpu:{i}" for i in range(devices.cpu_replicas)]


def _fitting(num_devices: int, task: Task) -> DistributionStrategy:
    if task.has_ps:
        return DistributionStrategy.PARAMETER_SERVER
    if task.num_workers > 1:
        return DistributionStrategy.MULTI_WORKER_MIRRORED
    return DistributionStrategy.MIRRORED if num_devices > 1 else DistributionStrategy.ONE_DEVICE


def _check_strategy(chosen: Distribution, task: Task) -> None:
    """That a strategy can use the devices and the tasks that there are."""
    strategy, workers, count = chosen.strategy, chosen.workers, len(chosen.devices)
    given = f"--distribution_strategy={strategy.value}"
    replicas = "--num_gpus" if _is_gpu(chosen.devices) else "--cpu_replicas"
    if task.has_ps:
        if strategy is not DistributionStrategy.PARAMETER_SERVER:
            raise UserError(
                f"{given} has no use for ps tasks, and this job has some; give"
                " --distribution_strategy=parameter_server, or start the job without ps tasks"
            )
        if count > 1:
            raise UserError(
                f"{given} trains one replica in each process of a cluster, not {replicas}={count}; start more workers,"
                f" or give {replicas}=1"
            )
    elif strategy is DistributionStrategy.MULTI_WORKER_MIRRORED:
        if count > 1 and not _is_gpu(chosen.devices):
            raise UserError(
                f"{given} trains one replica in each process on the CPU, not {replicas}={count}; start more workers, or"
                " give --cpu_replicas=1"
            )
    elif workers > 1:
        raise UserError(
            f"{given} trains in a single process{_without_ps(strategy)}, and this is one of {workers} workers;"
            " give --distribution_strategy=multi_worker_mirrored, or start one process"
        )
    elif strategy is DistributionStrategy.ONE_DEVICE and count > 1:
        raise UserError(
            f"{given} trains one replica, not {replicas}={count}; give {replicas}=1, or"
            " --distribution_strategy=mirrored"
        )


def _without_ps(strategy: DistributionStrategy) -> str:
    return " where there are no ps tasks" if strategy is DistributionStrategy.PARAMETER_SERVER else ""


def _check_all_reduce(chosen: Distribution) -> None:
    """That replicas can sum their gradients as they are told to."""
    all_reduce, strategy = chosen.all_reduce, chosen.strategy
    if all_reduce is AllReduce.AUTO:
        return
    given = f"--all_reduce={all_reduce.value}"
    fitting = _WAYS.get(strategy, ())
    if all_reduce not in fitting:
        ways = f"give one of {', '.join(each.value for each in fitting)}, or leave" if fitting else "leave"
        raise UserError(f"{given} is not a way of --distribution_strategy={strategy.value}; {ways} --all_reduce out")
    if chosen.num_replicas == 1:
        raise UserError(f"{given}: a single replica has nothing to sum with others; leave --all_reduce out")
    if all_reduce is AllReduce.NCCL and not _is_gpu(chosen.devices):
        raise UserError(f"{given} is between GPUs, and this run is on the CPU; leave --all_reduce out")


def _trains_on_gpu(devices: Devices, task: Task) -> bool:
    if task.role in (Role.EVALUATOR, Role.PS):
        return bool(_is_gpu(tuple(_replica_devices(devices))))
    return _is_gpu(choose(devices, task).devices)


def _is_gpu(devices: tuple[str, ...]) -> bool:
    return "gpu" in devices[0]


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
            gpus = {"GPU": len(devices)} if _is_gpu(chosen.devices) else {}
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
    if all_reduce is AllReduce.AUTO and not _is_gpu(chosen.devices):
        # Over logical processors the default hangs after the first checkpoint.
        all_reduce = AllReduce.REDUCTION_TO_ONE_DEVICE
    return _OF_MIRRORED[all_reduce]() if all_reduce in _OF_MIRRORED else None

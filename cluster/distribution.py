"""Devices and a task to the replicas that train together, and to what is wrong with that."""

import dataclasses
import os

import tensorflow as tf

from cluster.topology import Role, Task
from settings import AllReduce, Devices, DistributionStrategy, UserError

_WAYS: dict[DistributionStrategy, tuple[AllReduce, ...]] = {
    DistributionStrategy.MIRRORED: (
        AllReduce.NCCL,
        AllReduce.HIERARCHICAL_COPY,
        AllReduce.REDUCTION_TO_ONE_DEVICE,
    ),
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
    def on_gpu(self) -> bool:
        """Whether the devices are GPUs: all are, or none."""
        return _is_gpu(self.devices[0])

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
        found = found[:1] if _is_gpu(found[0]) else found
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
    alone = chosen.strategy is DistributionStrategy.ONE_DEVICE and not task.has_ps and chosen.on_gpu
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


def trains_on_gpu(devices: Devices, task: Task) -> bool:
    """Whether this task computes on GPUs.

    Raises:
      UserError: as `choose`.
    """
    if task.role in (Role.EVALUATOR, Role.PS):
        # On one device of a machine of its own, which may have fewer GPUs than a worker's.
        return bool(tf.config.list_physical_devices("GPU"))
    return choose(devices, task).on_gpu


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
    replicas = "--num_gpus" if chosen.on_gpu else "--cpu_replicas"
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
        if count > 1 and not chosen.on_gpu:
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
    if all_reduce is AllReduce.NCCL and not chosen.on_gpu:
        raise UserError(f"{given} is between GPUs, and this run is on the CPU; leave --all_reduce out")


def _is_gpu(device: str) -> bool:
    return "gpu" in device

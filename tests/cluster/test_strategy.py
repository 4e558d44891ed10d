import os

import pytest
import tensorflow as tf

from cluster import distribution, strategy
from cluster.topology import ALONE, Role, Task
from settings import AllReduce, DistributionStrategy, UserError
from tests.common import make_devices, make_settings

AUTO = DistributionStrategy.AUTO
ONE_DEVICE = DistributionStrategy.ONE_DEVICE
MIRRORED = DistributionStrategy.MIRRORED
MULTI_WORKER = DistributionStrategy.MULTI_WORKER_MIRRORED
PARAMETER_SERVER = DistributionStrategy.PARAMETER_SERVER


def task_of(*, workers=1, ps=0, evaluator=False, role=Role.CHIEF):
    """A task of a cluster in which `workers` train, the chief among them."""
    counts = {Role.CHIEF: 1, Role.WORKER: workers - 1, Role.PS: ps, Role.EVALUATOR: int(evaluator)}
    addresses = {each: tuple(f"{each.value}-{i}:2222" for i in range(count)) for each, count in counts.items() if count}
    return Task(role, 0, addresses)


@pytest.fixture
def machine(monkeypatch):
    """A machine with as many GPUs as a test says."""

    def with_gpus(count):
        monkeypatch.setattr(strategy.tf.config, "list_physical_devices", lambda kind: ["gpu"] * count)

    return with_gpus


@pytest.fixture
def made(monkeypatch):
    """What strategies were made with: no GPU is needed to make one then."""
    calls = []

    def maker(name):
        return lambda *arguments, **options: calls.append((name, *arguments, *options.values()))

    for place, name in (
        (tf.distribute, "MirroredStrategy"),
        (tf.distribute, "MultiWorkerMirroredStrategy"),
        (tf.compat.v1.distribute.experimental, "CentralStorageStrategy"),
    ):
        monkeypatch.setattr(place, name, maker(name))
    return calls


@pytest.mark.parametrize(
    ("gpus", "num_gpus", "cpu_replicas", "replicas"),
    [(0, None, 1, 1), (0, None, 4, 4), (1, None, 4, 1), (8, None, 1, 8), (8, 2, 1, 2)],
)
def test_gpus_go_first_and_processors_stand_in(machine, gpus, num_gpus, cpu_replicas, replicas):
    machine(gpus)
    assert distribution.num_replicas(make_devices(num_gpus=num_gpus, cpu_replicas=cpu_replicas), ALONE) == replicas


def test_more_gpus_than_there_are_is_said(machine):
    machine(1)
    with pytest.raises(UserError, match="--num_gpus=2: this machine has 1"):
        distribution.num_replicas(make_devices(num_gpus=2, cpu_replicas=1), ALONE)


def test_devices_are_told_by_name(monkeypatch):
    gpus = {"first": {"device_name": "NVIDIA A100"}, "second": {}}
    monkeypatch.setattr(strategy.tf.config, "list_physical_devices", lambda kind: list(gpus))
    monkeypatch.setattr(strategy.tf.config.experimental, "get_device_details", lambda gpu: gpus[gpu])
    described = distribution.describe_devices(make_devices(num_gpus=None, cpu_replicas=1))
    assert described == "/gpu:0 (NVIDIA A100), /gpu:1 (GPU)"


def test_one_device_is_the_first_gpu(monkeypatch):
    monkeypatch.setattr(strategy.tf.config, "list_physical_devices", lambda kind: ["first", "second"])
    monkeypatch.setattr(strategy.tf.config.experimental, "get_device_details", lambda gpu: {"device_name": gpu})
    assert distribution.describe_devices(make_devices(distribution_strategy=ONE_DEVICE)) == "/gpu:0 (first)"


def test_processors_are_told_where_there_is_no_gpu(machine):
    machine(0)
    described = distribution.describe_devices(make_devices(num_gpus=None, cpu_replicas=2))
    assert described == f"/cpu:0 ({os.cpu_count()} processors), /cpu:1 ({os.cpu_count()} processors)"


@pytest.mark.parametrize(
    ("gpus", "asked", "all_reduce", "workers", "described"),
    [
        (0, AUTO, AllReduce.AUTO, 1, "one_device: /cpu:0"),
        (2, AUTO, AllReduce.AUTO, 1, "mirrored over 2 replicas: /gpu:0, /gpu:1"),
        (2, AUTO, AllReduce.AUTO, 3, "multi_worker_mirrored over 6 replicas: 3 workers with /gpu:0, /gpu:1"),
        (0, AUTO, AllReduce.AUTO, 2, "multi_worker_mirrored over 2 replicas: 2 workers with /cpu:0"),
        (2, ONE_DEVICE, AllReduce.AUTO, 1, "one_device: /gpu:0"),
        (0, MIRRORED, AllReduce.AUTO, 1, "mirrored over 1 replica: /cpu:0"),
        (2, MIRRORED, AllReduce.NCCL, 1, "mirrored over 2 replicas: /gpu:0, /gpu:1, all-reduce by nccl"),
        (
            2,
            MULTI_WORKER,
            AllReduce.RING,
            1,
            "multi_worker_mirrored over 2 replicas: /gpu:0, /gpu:1, all-reduce by ring",
        ),
        (2, PARAMETER_SERVER, AllReduce.AUTO, 1, "parameter_server over 2 replicas: /gpu:0, /gpu:1"),
    ],
)
def test_what_fits_is_chosen_and_told(machine, gpus, asked, all_reduce, workers, described):
    machine(gpus)
    devices = make_devices(distribution_strategy=asked, all_reduce=all_reduce)
    assert distribution.describe(devices, task_of(workers=workers) if workers > 1 else ALONE) == described


@pytest.mark.parametrize(
    ("gpus", "described"),
    [
        (0, "parameter_server over 3 replicas: 3 workers with /cpu:0"),
        (4, "parameter_server over 3 replicas: 3 workers with /gpu:0"),
    ],
)
def test_ps_tasks_are_used_and_a_worker_beside_them_is_one_replica(machine, gpus, described):
    machine(gpus)
    assert distribution.describe(make_devices(), task_of(workers=3, ps=2)) == described


@pytest.mark.parametrize(("gpus", "gpu"), [(0, None), (1, "/gpu:0"), (2, None)])
def test_one_gpu_that_trains_alone_is_told(machine, gpus, gpu):
    machine(gpus)
    assert distribution.sole_gpu(make_devices(), ALONE) == gpu


def test_a_gpu_beside_ps_tasks_does_not_train_alone(machine):
    machine(1)
    assert distribution.sole_gpu(make_devices(), task_of(workers=2, ps=1)) is None


def test_replicas_of_one_process_are_told_with_their_processors():
    devices = make_devices(cpu_replicas=2)
    assert distribution.describe(devices, ALONE) == "mirrored over 2 replicas: /cpu:0, /cpu:1"


@pytest.mark.parametrize(
    ("gpus", "options", "task", "said"),
    [
        (0, {"distribution_strategy": ONE_DEVICE, "cpu_replicas": 2}, {}, "one replica, not --cpu_replicas=2"),
        (4, {"distribution_strategy": ONE_DEVICE, "num_gpus": 2}, {}, "one replica, not --num_gpus=2"),
        (0, {"distribution_strategy": ONE_DEVICE}, {"workers": 3}, "one of 3 workers.*multi_worker_mirrored"),
        (8, {"distribution_strategy": MIRRORED}, {"workers": 2}, "one of 2 workers.*multi_worker_mirrored"),
        (8, {"distribution_strategy": PARAMETER_SERVER}, {"workers": 2}, "one of 2 workers.*multi_worker_mirrored"),
        (0, {"cpu_replicas": 2}, {"workers": 2}, "one replica in each process on the CPU, not --cpu_replicas=2"),
        (0, {"distribution_strategy": MULTI_WORKER}, {"workers": 2, "ps": 1}, "no use for ps.*=parameter_server"),
        (0, {"distribution_strategy": ONE_DEVICE}, {"ps": 1}, "no use for ps tasks.*without ps tasks"),
        (0, {"cpu_replicas": 2}, {"ps": 1}, "one replica in each process of a cluster, not --cpu_replicas=2"),
        (4, {"num_gpus": 2}, {"workers": 2, "ps": 1}, "one replica in each process of a cluster, not --num_gpus=2"),
    ],
)
def test_a_strategy_that_does_not_fit_is_said(machine, gpus, options, task, said):
    machine(gpus)
    with pytest.raises(UserError, match=said):
        distribution.choose(make_devices(**options), task_of(**task) if task else ALONE)


@pytest.mark.parametrize(
    ("gpus", "all_reduce", "options", "workers", "said"),
    [
        (2, AllReduce.RING, {}, 1, "ring is not a way of --distribution_strategy=mirrored; give one of nccl, hier"),
        (2, AllReduce.HIERARCHICAL_COPY, {}, 2, "multi_worker_mirrored; give one of nccl, ring"),
        (2, AllReduce.REDUCTION_TO_ONE_DEVICE, {}, 2, "multi_worker_mirrored; give one of nccl, ring"),
        (0, AllReduce.NCCL, {"cpu_replicas": 2}, 1, "between GPUs, and this run is on the CPU"),
        (0, AllReduce.NCCL, {}, 2, "between GPUs, and this run is on the CPU"),
        (1, AllReduce.NCCL, {}, 1, "not a way of --distribution_strategy=one_device; leave"),
        (1, AllReduce.NCCL, {"distribution_strategy": MIRRORED}, 1, "a single replica has nothing"),
        (2, AllReduce.NCCL, {"distribution_strategy": PARAMETER_SERVER}, 1, "parameter_server; leave --all_reduce out"),
    ],
)
def test_an_all_reduce_that_does_not_fit_is_said(machine, gpus, all_reduce, options, workers, said):
    machine(gpus)
    with pytest.raises(UserError, match=said):
        distribution.choose(make_devices(all_reduce=all_reduce, **options), task_of(workers=workers))


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


@pytest.mark.parametrize(
    ("gpus", "all_reduce", "kind"),
    [
        (2, AllReduce.AUTO, type(None)),
        (2, AllReduce.NCCL, tf.distribute.NcclAllReduce),
        (2, AllReduce.HIERARCHICAL_COPY, tf.distribute.HierarchicalCopyAllReduce),
        (2, AllReduce.REDUCTION_TO_ONE_DEVICE, tf.distribute.ReductionToOneDevice),
        (0, AllReduce.AUTO, tf.distribute.ReductionToOneDevice),
        (0, AllReduce.HIERARCHICAL_COPY, tf.distribute.HierarchicalCopyAllReduce),
    ],
)
def test_mirrored_replicas_sum_as_they_are_told_to(machine, made, gpus, all_reduce, kind):
    """Between GPUs TensorFlow's choice stands; between processors its default would hang."""
    machine(gpus)
    strategy.make_run_config(make_settings(cpu_replicas=2, all_reduce=all_reduce), ALONE)
    ((name, devices, cross_device_ops),) = made
    assert (name, len(devices), type(cross_device_ops)) == ("MirroredStrategy", 2, kind)


@pytest.mark.parametrize(("gpus", "all_reduce"), [(4, AllReduce.NCCL), (4, AllReduce.AUTO), (0, AllReduce.RING)])
def test_workers_take_the_gpus_that_they_are_given_and_sum_as_told(machine, made, gpus, all_reduce):
    machine(gpus)
    num_gpus = 3 if gpus else None
    settings = make_settings(num_gpus=num_gpus, all_reduce=all_reduce)
    strategy.make_run_config(settings, task_of(workers=2, role=Role.WORKER))
    ((name, resolver, options),) = made
    assert (name, resolver.num_accelerators()) == ("MultiWorkerMirroredStrategy", {"GPU": 3} if gpus else {})
    assert options.implementation.name == all_reduce.name


def test_a_parameter_server_of_one_process_is_its_processor(machine, made):
    machine(2)
    strategy.make_run_config(make_settings(distribution_strategy=PARAMETER_SERVER), ALONE)
    assert made == [("CentralStorageStrategy", ["/gpu:0", "/gpu:1"], "/cpu:0")]


def test_workers_of_parameter_servers_have_no_strategy_and_need_no_other_worker(made):
    config = strategy.make_run_config(make_settings(), task_of(workers=3, ps=1, role=Role.WORKER))
    assert made == []
    assert list(config.session_config.device_filters) == ["/job:ps", "/job:worker/task:0"]


def test_an_evaluator_has_no_strategy(machine):
    machine(2)
    task = task_of(workers=2, evaluator=True, role=Role.EVALUATOR)
    assert strategy.make_run_config(make_settings(), task).train_distribute is None


@pytest.mark.parametrize(("gpus", "num_gpus", "on_gpu"), [(0, 2, False), (1, 2, True), (1, None, True)])
def test_an_evaluator_needs_no_more_gpus_than_it_has(machine, gpus, num_gpus, on_gpu):
    """--num_gpus is that of the workers' machines."""
    machine(gpus)
    task = task_of(workers=2, evaluator=True, role=Role.EVALUATOR)
    assert distribution.trains_on_gpu(make_devices(num_gpus=num_gpus), task) is on_gpu


def test_an_evaluator_is_no_replica(machine):
    machine(2)
    assert distribution.num_replicas(make_devices(), task_of(workers=3, evaluator=True)) == 6

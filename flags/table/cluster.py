"""Flags of what a run runs on: devices, and the processes of a cluster job."""

import settings as s
from flags import parsers as p
from flags.registry import COUNT, Group, define, switch

_SECONDS = p.Number(int, low=1, below=10**6)

define(
    Group.DEVICES,
    "distribution_strategy",
    s.DistributionStrategy.AUTO,
    "How replicas train together. auto: one_device for one replica, mirrored for those of one process,"
    " multi_worker_mirrored for several workers, parameter_server where there are ps tasks, which keep the variables;"
    " in a single process it keeps them on the processor.",
    p.member_of(s.DistributionStrategy),
)
define(
    Group.DEVICES,
    "all_reduce",
    s.AllReduce.AUTO,
    "How mirrored replicas sum their gradients. mirrored: nccl, hierarchical_copy, reduction_to_one_device;"
    " multi_worker_mirrored: nccl, ring.",
    p.member_of(s.AllReduce),
)
define(Group.DEVICES, "num_gpus", None, "GPUs to train on, in each process. Default: all there are.", COUNT)
define(
    Group.DEVICES,
    "cpu_replicas",
    1,
    "Replicas to train on where there is no GPU, in each process, each a share of the processor.",
    p.Number(int, low=1, below=65),
)

switch(
    Group.CLUSTER,
    "evaluator_task",
    "A task of its own evaluates, not the chief: under Slurm the step's last task, elsewhere the one that TF_CONFIG"
    " calls evaluator. Give it to every task.",
)
define(
    Group.CLUSTER,
    "startup_timeout",
    600,
    "Seconds that a task waits for the others to start before it gives up with status 76.",
    _SECONDS,
)
define(
    Group.CLUSTER,
    "peer_timeout",
    30,
    "Seconds of silence after which another task counts as lost: this one then ends with status 76.",
    _SECONDS,
)
define(
    Group.CLUSTER,
    "stall_timeout",
    600,
    "Seconds without a step, an evaluation or a checkpoint under way after which all tasks end with status 76.",
    _SECONDS,
)

"""A Slurm step as a cluster: srun has started its tasks, and says to each which it is and where all run."""

import re
from collections.abc import Mapping

from cluster import node_list
from cluster.task import Role, Task
from settings import UserError

FIRST_PORT, NUM_PORTS = 20_000, 12_000  # Below those that Linux gives to outgoing connections, from 32,768 on.
_MOST_TASKS = NUM_PORTS - 1
_LARGEST = 2**32 - 1  # Slurm counts in 32 bits.
_SHOWN = 80  # characters of a variable that an error shows
_TASKS = re.compile(r"([1-9][0-9]{0,8})(?:\(x([1-9][0-9]{0,8})\))?", re.ASCII)
_JOB, _RESTART, _STEP = 7_417, 5_833, 6_478


def is_one_of_several(environment: Mapping[str, str]) -> bool:
    """Whether this is the environment of one of several tasks of a step. A batch script, or a shell, is in no step."""
    return bool(environment.get("SLURM_STEP_ID")) and _number(environment, "SLURM_STEP_NUM_TASKS", low=1) > 1


def read(environment: Mapping[str, str], *, evaluator_task: bool) -> Task:
    """The task that a step's variables describe: rank 0 is the chief, with `evaluator_task` the last the evaluator.

    Raises:
      UserError: a variable is missing or makes no sense, or does not go with another.
    """
    num_tasks = _number(environment, "SLURM_STEP_NUM_TASKS", low=1, high=_MOST_TASKS)
    rank = _number(environment, "SLURM_PROCID", high=num_tasks - 1)
    hosts = _hosts(environment, num_tasks)
    _check_own_host(environment, hosts[rank], rank)
    port = first_port(
        _number(environment, "SLURM_JOB_ID"),
        restart=_number(environment, "SLURM_RESTART_COUNT") if environment.get("SLURM_RESTART_COUNT") else 0,
        step=_number(environment, "SLURM_STEP_ID"),
        num_tasks=num_tasks,
    )
    all_addresses = tuple(f"{host}:{port + each}" for each, host in enumerate(hosts))
    workers = num_tasks - 1 if evaluator_task else num_tasks
    addresses = {
        Role.CHIEF: all_addresses[:1],
        Role.WORKER: all_addresses[1:workers],
        Role.EVALUATOR: all_addresses[workers:],
    }
    role = Role.CHIEF if rank == 0 else Role.WORKER if rank < workers else Role.EVALUATOR
    return Task(role, rank - 1 if role is Role.WORKER else 0, {role: each for role, each in addresses.items() if each})


def first_port(job: int, *, restart: int, step: int, num_tasks: int) -> int:
    """The port of rank 0; rank r has the r-th after it, and the one after the last rank's is the watch address's.

        20000 + min((7417 job + 5833 restart + 6478 step) mod 12000, 12000 - (num_tasks + 1))

    Jobs on the same machine, the run before a restart, and steps beside each other must not meet. 7417/12000 is nearly
    the golden section, which keeps multiples apart: two jobs whose numbers are next to each other are 4583 ports apart,
    any up to 89 from each other at least 65. The other two factors were searched for: up to 3 job numbers, 2 restarts
    and 2 steps from each other, first ports are at least 294 apart.
    """
    offset = (_JOB * job + _RESTART * restart + _STEP * step) % NUM_PORTS
    return FIRST_PORT + min(offset, NUM_PORTS - (num_tasks + 1))


def _hosts(environment: Mapping[str, str], num_tasks: int) -> list[str]:
    """The host of each rank: Slurm fills one after the other."""
    nodes = _expanded(_text(environment, "SLURM_STEP_NODELIST"))
    counts = _tasks_per_node(environment, most=num_tasks)
    if len(counts) != len(nodes) or sum(counts) != num_tasks:
        raise UserError(
            f"SLURM_STEP_TASKS_PER_NODE={_shown(environment['SLURM_STEP_TASKS_PER_NODE'])}: {sum(counts)} tasks,"
            f" {len(counts)} nodes; SLURM_STEP_NUM_TASKS={num_tasks} and SLURM_STEP_NODELIST, of {len(nodes)}, say"
            " otherwise; start the tasks with srun, which sets all three"
        )
    return [node for node, count in zip(nodes, counts, strict=True) for _ in range(count)]


def _expanded(text: str) -> list[str]:
    try:
        return node_list.expand(text)
    except UserError as error:
        raise UserError(f"SLURM_STEP_NODELIST={_shown(text)}: {error}") from error


def _tasks_per_node(environment: Mapping[str, str], *, most: int) -> list[int]:
    name = "SLURM_STEP_TASKS_PER_NODE"
    text = _text(environment, name)
    counts: list[int] = []
    for part in text.split(","):
        match = _TASKS.fullmatch(part)
        if not match:
            raise UserError(f"{name}={_shown(text)}: {_shown(part)} is no number of tasks; it must be as 2(x3),1")
        nodes = int(match[2] or 1)
        if len(counts) + nodes > most:
            raise UserError(f"{name}={_shown(text)}: more nodes than tasks, SLURM_STEP_NUM_TASKS={most}; use srun")
        counts += [int(match[1])] * nodes
    return counts


def _check_own_host(environment: Mapping[str, str], host: str, rank: int) -> None:
    """Another order than Slurm's own, such as cyclic, would give tasks each other's address."""
    own = environment.get("SLURMD_NODENAME", host)
    if own != host:
        raise UserError(
            f"SLURMD_NODENAME={_shown(own)}: rank {rank} is here and not on {host}, where it is if nodes are filled one"
            " after the other; start the tasks with srun --distribution=block"
        )


def _number(environment: Mapping[str, str], name: str, *, low: int = 0, high: int = _LARGEST) -> int:
    text = _text(environment, name)
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) or not low <= int(text) <= high:
        raise UserError(f"{name}={_shown(text)}: it must be a whole number from {low} to {high}; srun sets it")
    return int(text)


def _text(environment: Mapping[str, str], name: str) -> str:
    text = environment.get(name, "")
    if not text:
        raise UserError(f"{name} is not set beside SLURM_STEP_ID; start the tasks with srun, which sets both")
    return text


def _shown(text: str) -> str:
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: _SHOWN + 1])
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."

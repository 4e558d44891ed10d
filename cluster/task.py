"""A task: one process of a cluster, what it is called and what it knows of the others."""

import dataclasses
import enum
from collections.abc import Mapping

LARGEST_PORT = 65_535


class Role(enum.Enum):
    """What a task does, by the names of tf.estimator and in their usual order."""

    CHIEF = "chief"
    WORKER = "worker"
    PS = "ps"
    EVALUATOR = "evaluator"


@dataclasses.dataclass(frozen=True)
class Task:
    """Task `index` of its role. `addresses` has "host:port" of every task of the cluster, and nothing for one alone.

    A role that is not there has no task. An evaluator that is there without an address, `()`, is one that others cannot
    call: Kubernetes' TFJob leaves it out of the cluster that it describes.
    """

    role: Role
    index: int
    addresses: Mapping[Role, tuple[str, ...]]

    @property
    def is_chief(self) -> bool:
        """Whether this task writes checkpoints and what people read; one alone does."""
        return self.role is Role.CHIEF

    @property
    def num_workers(self) -> int:
        """Tasks of the cluster that train together: the chief and the workers. 1 for one alone."""
        return 1 + len(self.addresses.get(Role.WORKER, ()))

    @property
    def is_alone(self) -> bool:
        """Whether there is no other task at all."""
        return not self.peers

    @property
    def has_evaluator(self) -> bool:
        """Whether a task of its own evaluates, not the chief."""
        return self.role is Role.EVALUATOR or Role.EVALUATOR in self.addresses

    @property
    def has_ps(self) -> bool:
        """Whether parameter servers hold the variables."""
        return bool(self.addresses.get(Role.PS))

    @property
    def serves(self) -> bool:
        """Whether TensorFlow listens at this task's address: it does where several processes train one model."""
        return self.role is not Role.EVALUATOR and (self.num_workers > 1 or self.has_ps)

    @property
    def name(self) -> str:
        """What people call it: `chief`, `worker 0`, `ps 1`, `evaluator`."""
        return name_of(self.role, self.index)

    @property
    def address(self) -> str | None:
        """Its own "host:port", where it has one."""
        return self.address_of(self.role, self.index)

    def address_of(self, role: Role, index: int) -> str | None:
        """The "host:port" of a task of the cluster, where it has one."""
        addresses = self.addresses.get(role, ())
        return addresses[index] if index < len(addresses) else None

    @property
    def tasks(self) -> tuple[tuple[Role, int], ...]:
        """(role, index) of every task, this one included: the chief, workers, ps, the evaluator."""
        counts = {role: len(addresses) for role, addresses in self.addresses.items()}
        counts |= {Role.CHIEF: 1} | ({Role.EVALUATOR: 1} if self.has_evaluator else {})
        return tuple((role, index) for role in Role for index in range(counts.get(role, 0)))

    @property
    def peers(self) -> tuple[tuple[Role, int], ...]:
        """(role, index) of every other task."""
        return tuple(task for task in self.tasks if task != (self.role, self.index))

    @property
    def watch_address(self) -> str:
        """Where the chief's membership server listens: the chief's host, a port that no task of the cluster has.

        It is the port after the cluster's largest or, where there is none, the one before its smallest. A task alone
        has no such address.
        """
        assert self.addresses, "who is alone watches nobody"
        chief = self.addresses[Role.CHIEF][0]
        ports = {split(address)[1] for addresses in self.addresses.values() for address in addresses}
        wanted = (max(ports) + 1, min(ports) - 1, *range(1024, LARGEST_PORT))
        free = next(port for port in wanted if 0 < port <= LARGEST_PORT and port not in ports)
        return f"{chief.rpartition(':')[0]}:{free}"


ALONE = Task(Role.CHIEF, 0, {})


def name_of(role: Role, index: int) -> str:
    """What people call a task. There is one chief, and one evaluator at most."""
    return role.value if role in (Role.CHIEF, Role.EVALUATOR) else f"{role.value} {index}"


def split(address: str) -> tuple[str, int]:
    """Host and port of "host:port"; an IPv6 address loses its brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)

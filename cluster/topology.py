"""Which task of a cluster this process is, by TF_CONFIG as `tf.estimator` reads it."""

import dataclasses
import json
import os
from collections.abc import Mapping

from settings import UserError

_CHIEF, _WORKER = "chief", "worker"


@dataclasses.dataclass(frozen=True)
class Task:
    """A process that trains: one of `num_workers` (the chief among them), alone where that is 1."""

    is_chief: bool
    num_workers: int


ALONE = Task(is_chief=True, num_workers=1)


def this_task() -> Task:
    """The task that this process is."""
    return read_task(os.environ)


def read_task(environment: Mapping[str, str]) -> Task:
    """The task that an environment describes.

    Raises:
      UserError: TF_CONFIG is not a cluster of one chief and workers with this task in it.
    """
    text = environment.get("TF_CONFIG", "")
    if not text:
        return ALONE
    try:
        config = json.loads(text)
        cluster = config.get("cluster", {})
        if not cluster:
            return ALONE
        addresses = {role: cluster.get(role, []) for role in (_CHIEF, _WORKER)}
        if not all(isinstance(each, list) and all(isinstance(one, str) for one in each) for each in addresses.values()):
            raise ValueError("addresses are lists of text")
        role, index = config["task"]["type"], config["task"]["index"]
        if len(addresses[_CHIEF]) != 1 or type(index) is not int or not 0 <= index < len(addresses[role]):
            raise ValueError("one chief, and this task among the addresses, are needed")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Often written over several lines.
        given = "".join(c for c in " ".join(text.split()) if c.isprintable())
        raise UserError(
            f"TF_CONFIG={given:.200}: {type(error).__name__} {error}; give a cluster with one chief, any workers, and"
            ' this task, such as {"cluster": {"chief": ["a:2222"], "worker": ["b:2222"]}, "task": {"type": "worker",'
            ' "index": 0}}'
        ) from error
    return Task(is_chief=role == _CHIEF, num_workers=sum(map(len, addresses.values())))

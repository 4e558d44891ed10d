"""TF_CONFIG, read strictly and written as tf.estimator wants it."""

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any

from cluster.task import ALONE, LARGEST_PORT, Role, Task, name_of
from settings import UserError

_RIGHT = '{"cluster": {"chief": ["a:2222"], "worker": ["b:2222"]}, "task": {"type": "worker", "index": 0}}'
_GIVEN = 200  # characters of TF_CONFIG that an error shows
_SHOWN = 60  # and of a part of it
_HOST = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_SINGLE = (Role.CHIEF, Role.EVALUATOR)


class _Mistake(Exception):
    """What is wrong in TF_CONFIG and what to do about it."""


def read(text: str, *, evaluator_task: bool) -> Task:
    """The task that a TF_CONFIG describes; alone where it has no cluster, or nobody but the chief.

    `evaluator_task`: there is an evaluator, even where the cluster does not name one.

    Raises:
      UserError: it is no cluster of one chief, any workers and ps, and one evaluator at most, with this task in it.
    """
    try:
        return _read(_parsed(text), evaluator_task=evaluator_task)
    except _Mistake as mistake:
        # Often written over several lines.
        given = _printable(" ".join(text[: 4 * _GIVEN].split()), _GIVEN)
        raise UserError(f"TF_CONFIG={given}: {mistake}; a right one is {_RIGHT}") from mistake


def write(task: Task) -> str | None:
    """The TF_CONFIG of a task, without the evaluator, of which tf.estimator's cluster must not know.

    None for who trains, or evaluates, without others.
    """
    if not task.serves:
        return None
    cluster = {role.value: list(each) for role, each in task.addresses.items() if role is not Role.EVALUATOR}
    return json.dumps({"cluster": cluster, "task": {"type": task.role.value, "index": task.index}})


def _parsed(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise _Mistake(f"it is not JSON ({error}); write keys and text in double quotes") from error
    except ValueError as error:
        raise _Mistake("a number in it has thousands of digits; give ports and an index") from error
    except RecursionError as error:
        raise _Mistake("it is nested too deep; write a cluster and a task") from error
    if not isinstance(config, dict):
        raise _Mistake("it is not a JSON object; write a cluster and a task in braces")
    return config


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key in fields:
            raise _Mistake(f"the key {_shown(key)} stands twice; give it once, with all that belongs to it")
        fields[key] = value
    return fields


def _read(config: Mapping[str, Any], *, evaluator_task: bool) -> Task:
    cluster = config.get("cluster", {})
    if not isinstance(cluster, dict):
        raise _Mistake(f'"cluster" is {_shown(cluster)}; give an object of roles with lists of addresses')
    if not cluster:
        return _without_cluster(config)
    addresses = {role: each for role in Role if (each := _addresses(cluster, role))}
    _check_roles(cluster, addresses)
    _check_unique(addresses)
    role, index = _own_task(config.get("task"), addresses)
    if evaluator_task:
        addresses.setdefault(Role.EVALUATOR, ())
    elif role is Role.EVALUATOR and Role.EVALUATOR not in addresses:
        raise _Mistake(
            "this task is the evaluator, and the cluster that the others see has none; give --evaluator_task to every"
            " task, so that the chief does not evaluate too"
        )
    return ALONE if list(addresses) == [Role.CHIEF] else Task(role, index, addresses)


def _without_cluster(config: Mapping[str, Any]) -> Task:
    """Alone, unless something says that there ought to be a cluster. TensorFlow calls one alone worker 0."""
    like = [key for key in config if key != "cluster" and "cluster" in key.lower()]
    if like:
        raise _Mistake(f'it has {_shown(like[0])} and no "cluster"; name every task in "cluster"')
    alone = [None, {}, *({"type": role, "index": 0} for role in ("chief", "worker"))]
    if (task := config.get("task")) not in alone:
        raise _Mistake(f'"task" is {_shown(task)}, and there is no cluster; give the cluster too, or no task')
    return ALONE


def _check_roles(cluster: Mapping[str, Any], addresses: Mapping[Role, tuple[str, ...]]) -> None:
    for name in cluster:
        if name not in [role.value for role in Role]:
            instead = "; call it chief" if name == "master" else "; give chief, worker, ps, evaluator"
            raise _Mistake(f'"cluster" has the role {_shown(name)}, which is not known{instead}')
    if Role.CHIEF not in addresses:
        raise _Mistake('"cluster" has no chief; call the first worker chief, and count the workers anew from 0')
    for role in _SINGLE:
        if (count := len(addresses.get(role, ()))) > 1:
            others = "call the others worker" if role is Role.CHIEF else "no task needs a second"
            raise _Mistake(f'"cluster" has {count} addresses under {role.value}; give one, {others}')


def _addresses(cluster: Mapping[str, Any], role: Role) -> tuple[str, ...]:
    given = cluster.get(role.value, [])
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise _Mistake(f'"{role.value}" is {_shown(given)}; give a list of addresses, such as ["a:2222"]')
    for index, address in enumerate(given):
        if mistake := _wrong_address(address):
            raise _Mistake(f"the address of {name_of(role, index)}, {_shown(address)}, {mistake}")
    return tuple(given)


def _wrong_address(address: str) -> str | None:
    """What is wrong with an address, and what to do."""
    if "/" in address:
        return "has a scheme or a path; give host:port alone, such as a:2222"
    host, colon, port = address.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return "is not host:port; give both, such as a:2222, and an IPv6 address in brackets, such as [::1]:2222"
    if not _PORT.fullmatch(port) or int(port) > LARGEST_PORT:
        return f"has the port {_shown(port)}; give a whole number from 1 to {LARGEST_PORT}"
    if not host:
        return "has no host; give the name by which the other tasks reach it"
    if not (_is_ipv6(host[1:-1]) if host[0] + host[-1] == "[]" else _HOST.fullmatch(host)):
        return f"has the host {_shown(host)}; give a name of letters, digits, - and ., or an IP address"
    return None


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _check_unique(addresses: Mapping[Role, tuple[str, ...]]) -> None:
    owners: dict[str, str] = {}
    for role, each in addresses.items():
        for index, address in enumerate(each):
            name = name_of(role, index)
            if (other := owners.setdefault(address.lower(), name)) != name:
                raise _Mistake(f"{other} and {name} have the same address, {_shown(address)}; give each its own")


def _own_task(task: Any, addresses: Mapping[Role, tuple[str, ...]]) -> tuple[Role, int]:
    if task is None:
        raise _Mistake('"task" is missing; say which task of the cluster this process is')
    if not isinstance(task, dict):
        raise _Mistake(f'"task" is {_shown(task)}; give an object with type and index')
    for key in ("type", "index"):
        if key not in task:
            raise _Mistake(f'"task" has no "{key}"; give both type and index')
    roles = {role.value: role for role in Role}
    if not isinstance(task["type"], str) or task["type"] not in roles:
        instead = "call it chief" if task["type"] == "master" else "give chief, worker, ps or evaluator"
        raise _Mistake(f"the task's type is {_shown(task['type'])}; {instead}")
    role, index = roles[task["type"]], task["index"]
    if type(index) is not int:
        is_text = isinstance(index, str) and index.strip().isdecimal()
        instead = "which is text; write it without quotes" if is_text else "no whole number; give one from 0"
        raise _Mistake(f"the task's index is {_shown(index)}, {instead}")
    count = 1 if role is Role.EVALUATOR else len(addresses.get(role, ()))
    if not count:
        raise _Mistake(f'this task is a {role.value}, and "cluster" has none; add its address there')
    if not 0 <= index < count:
        raise _Mistake(
            f"the task's index is {_shown(index)}, and there {'is' if count == 1 else 'are'} {count} of"
            f" {role.value}; give one from 0 to {count - 1}"
        )
    return role, index


def _shown(value: Any) -> str:
    """A part of TF_CONFIG, as it is written there."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = "something nested too deep"
    return _printable(text, _SHOWN)


def _printable(text: str, longest: int) -> str:
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]}..."

"""TF_CONFIG to a task, and back to what TensorFlow may see of it."""

import json
import os

import pytest
import tensorflow as tf

from cluster import topology
from cluster.topology import ALONE, Role, Source, Task
from settings import UserError

CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:7"]}
WITH_EVALUATOR = {**CLUSTER, "evaluator": ["e:9"]}


def environment(cluster, role="chief", index=0, **others):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": role, "index": index}, **others})}


def read(cluster, role="chief", index=0, *, evaluator_task=False):
    return topology.read_task(environment(cluster, role, index), evaluator_task=evaluator_task)


@pytest.mark.parametrize("evaluator_task", [False, True])
@pytest.mark.parametrize(
    "found",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{}"},
        {"TF_CONFIG": '{"cluster": {}}'},
        {"TF_CONFIG": '{"cluster": {}, "task": {"type": "worker", "index": 0}, "environment": "cloud"}'},
    ],
)
def test_without_a_cluster_a_process_is_alone(found, evaluator_task):
    assert topology.read_task(found, evaluator_task=evaluator_task) == ALONE
    assert (ALONE.is_chief, ALONE.num_workers, ALONE.is_alone, ALONE.name) == (True, 1, True, "chief")
    assert (ALONE.has_evaluator, ALONE.has_ps, ALONE.address, ALONE.peers) == (False, False, None, ())


def test_a_chief_that_is_its_whole_cluster_is_alone_but_for_an_evaluator():
    assert read({"chief": ["a:1"], "worker": []}) == ALONE
    task = read({"chief": ["a:1"]}, evaluator_task=True)
    assert (task.is_alone, task.num_workers, task.has_evaluator) == (False, 1, True)
    assert task.peers == ((Role.EVALUATOR, 0),)
    assert topology.tf_config(task) is None


@pytest.mark.parametrize(
    ("role", "index", "name", "address"),
    [
        ("chief", 0, "chief", "a:1"),
        ("worker", 0, "worker 0", "b:1"),
        ("worker", 1, "worker 1", "c:1"),
        ("ps", 0, "ps 0", "d:7"),
        ("evaluator", 0, "evaluator", "e:9"),
    ],
)
def test_each_task_of_a_cluster_knows_itself_and_the_others(role, index, name, address):
    task = read(WITH_EVALUATOR, role, index)
    assert (task.role, task.index, task.name, task.address) == (Role(role), index, name, address)
    assert (task.is_chief, task.is_alone, task.num_workers) == (role == "chief", False, 3)
    assert (task.has_ps, task.has_evaluator) == (True, True)
    everyone = [(Role.CHIEF, 0), (Role.WORKER, 0), (Role.WORKER, 1), (Role.PS, 0), (Role.EVALUATOR, 0)]
    assert list(task.peers) == [each for each in everyone if each != (Role(role), index)]
    assert [task.address_of(Role.WORKER, number) for number in range(3)] == ["b:1", "c:1", None]


def test_an_evaluator_may_have_no_address():
    """Kubernetes' TFJob leaves it out of the cluster, in every task's TF_CONFIG."""
    chief, evaluator = (read(CLUSTER, role, evaluator_task=True) for role in ("chief", "evaluator"))
    assert chief.addresses == evaluator.addresses and evaluator.address is None
    assert chief.has_evaluator and chief.peers[-1] == (Role.EVALUATOR, 0)
    assert not read(CLUSTER).has_evaluator
    assert Task(Role.EVALUATOR, 0, {Role.CHIEF: ("a:1",)}).has_evaluator
    with pytest.raises(UserError, match="the evaluator, and the cluster .* has none; give --evaluator_task to every"):
        read(CLUSTER, "evaluator")


def test_parameter_servers_need_no_worker():
    task = read({"chief": ["a:1"], "ps": ["b:1"]}, "ps")
    assert (task.num_workers, task.has_ps, task.is_alone) == (1, True, False)
    assert topology.tf_config(task)


@pytest.mark.parametrize(
    ("cluster", "watch"),
    [
        (CLUSTER, "a:8"),
        (WITH_EVALUATOR, "a:10"),
        ({"chief": ["a:65535"], "worker": ["b:2000"]}, "a:1999"),
        ({"chief": ["a:65535"], "worker": ["b:1", "c:1024"]}, "a:1025"),
        ({"chief": ["[::1]:5"], "worker": ["[::2]:6"]}, "[::1]:7"),
    ],
)
def test_the_chief_is_watched_at_a_port_that_no_task_has(cluster, watch):
    assert read(cluster).watch_address == read(cluster, "worker").watch_address == watch


def test_tensorflow_sees_those_who_train_and_nothing_of_this_program(monkeypatch):
    """A TF_CONFIG may name a session master and a directory too; what is published does not."""
    odd = {"session_master": "grpc://x:1", "model_dir": "elsewhere"}
    task = topology.read_task(environment(WITH_EVALUATOR, "worker", 1, **odd), evaluator_task=False)
    text = topology.tf_config(task)
    assert text is not None
    assert json.loads(text) == {"cluster": CLUSTER, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", "to be replaced")
    topology.publish(task)
    config = tf.estimator.RunConfig("run")
    assert (config.task_type, config.task_id, config.is_chief) == ("worker", 1, False)
    assert (config.num_worker_replicas, config.num_ps_replicas, config.master) == (task.num_workers, 1, "grpc://c:1")
    topology.publish(read(WITH_EVALUATOR, "evaluator"))
    assert tf.estimator.RunConfig("run").num_worker_replicas == 1
    assert "TF_CONFIG" not in os.environ


def test_this_process_is_read_from_its_own_environment(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", environment(CLUSTER, "ps")["TF_CONFIG"])
    assert topology.this_source() is Source.TF_CONFIG
    assert topology.this_task(evaluator_task=True).peers[-1] == (Role.EVALUATOR, 0)


TASK = {"type": "worker", "index": 0}
# What stands in TF_CONFIG, and what the line must say.
WRONG = [
    ("{", "it is not JSON (Expecting property name"),
    ("  ", "it is not JSON"),
    ("{'cluster': {}}", "write keys and text in double quotes"),
    ("1" * 5000, "a number in it has thousands of digits"),
    ("[" * 100_000, "nested too deep"),
    ("[]", "it is not a JSON object"),
    ('{"cluster": {"chief": ["a:1"], "chief": ["b:1"]}}', 'the key "chief" stands twice'),
    ({"sparseCluster": CLUSTER, "task": TASK}, 'it has "sparseCluster" and no "cluster"'),
    ({"task": {"type": "worker", "index": 1}}, "there is no cluster; give the cluster too, or no task"),
    ({"cluster": ["a:1"]}, '"cluster" is ["a:1"]; give an object'),
    ({"cluster": {"master": ["a:1"]}, "task": TASK}, 'has the role "master", which is not known; call it chief'),
    ({"cluster": {**CLUSTER, "workers": []}, "task": TASK}, 'role "workers", which is not known; give chief'),
    ({"cluster": {**CLUSTER, "worker": "b:1"}, "task": TASK}, '"worker" is "b:1"; give a list of addresses'),
    ({"cluster": {**CLUSTER, "worker": [7]}, "task": TASK}, '"worker" is [7]; give a list of addresses'),
    ({"cluster": {"worker": ["a:1"]}, "task": TASK}, "has no chief; call the first worker chief"),
    ({"cluster": {"chief": []}, "task": TASK}, "has no chief"),
    ({"cluster": {"chief": ["a:1", "b:1"]}, "task": TASK}, "2 addresses under chief; give one, call the others worker"),
    ({"cluster": {**CLUSTER, "evaluator": ["x:1", "y:1"]}, "task": TASK}, "2 addresses under evaluator; give one"),
    ({"cluster": {**CLUSTER, "worker": ["a:1"]}, "task": TASK}, "chief and worker 0 have the same address"),
    ({"cluster": {**CLUSTER, "worker": ["A:1"]}, "task": TASK}, 'have the same address, "A:1"; give each its own'),
    ({"cluster": {**CLUSTER, "ps": ["x:1", "x:1"]}, "task": TASK}, "ps 0 and ps 1 have the same address"),
    ({"cluster": CLUSTER}, '"task" is missing'),
    ({"cluster": CLUSTER, "task": []}, '"task" is []; give an object'),
    ({"cluster": CLUSTER, "task": {"index": 0}}, '"task" has no "type"'),
    ({"cluster": CLUSTER, "task": {"type": "worker"}}, '"task" has no "index"'),
    ({"cluster": CLUSTER, "task": {"type": "master", "index": 0}}, 'type is "master"; call it chief'),
    ({"cluster": CLUSTER, "task": {"type": ["ps"], "index": 0}}, 'type is ["ps"]; give chief, worker, ps or evaluator'),
    ({"cluster": CLUSTER, "task": {"type": "worker", "index": "0"}}, 'index is "0", which is text; write it without'),
    ({"cluster": CLUSTER, "task": {"type": "worker", "index": 0.5}}, "index is 0.5, no whole number"),
    ({"cluster": CLUSTER, "task": {"type": "worker", "index": True}}, "index is true, no whole number"),
    ({"cluster": CLUSTER, "task": {"type": "worker", "index": None}}, "index is null, no whole number"),
    ({"cluster": CLUSTER, "task": {"type": "worker", "index": 2}}, "is 2, and there are 2 of worker; give one from"),
    ({"cluster": CLUSTER, "task": {"type": "worker", "index": -1}}, "is -1, and there are 2 of worker"),
    ({"cluster": CLUSTER, "task": {"type": "ps", "index": 10**400}}, "index is 1000"),
    ({"cluster": WITH_EVALUATOR, "task": {"type": "evaluator", "index": 1}}, "is 1, and there is 1 of evaluator"),
    ({"cluster": {"chief": ["a:1"]}, "task": TASK}, 'this task is a worker, and "cluster" has none'),
]
ADDRESSES = {
    "b": "is not host:port",
    "": "is not host:port",
    "::1:80": "an IPv6 address in brackets, such as [::1]:2222",
    "grpc://b:1": "has a scheme or a path; give host:port alone",
    "b:1/": "has a scheme or a path",
    ":1": "has no host",
    "b:": 'has the port ""; give a whole number from 1 to 65535',
    "b:0": 'has the port "0"',
    "b:65536": 'has the port "65536"',
    "b:080": 'has the port "080"',
    "b:\u0663": "has the port",
    "b:1 ": 'has the port "1 "',
    "b c:1": 'has the host "b c"; give a name of letters',
    "caf\u00e9:1": "has the host",
    "[b]:1": 'has the host "[b]"',
    "[::1%eth0]:1": "has the host",
    "[:1": 'has the host "["',
    "b\ud800:1": 'has the host "b\\ud800"',
    f"{'b' * 300}:1": "has the host",
}


def refused(config):
    text = config if isinstance(config, str) else json.dumps(config, indent=1)
    with pytest.raises(UserError) as error:
        topology.read_task({"TF_CONFIG": text}, evaluator_task=True)
    line = str(error.value)
    assert line.startswith("TF_CONFIG=") and '; a right one is {"cluster": {"chief": ["a:2222"]' in line
    assert line.isprintable() and len(line) < 800
    return line


@pytest.mark.parametrize(("config", "phrase"), WRONG)
def test_each_mistake_is_a_line_of_its_own(config, phrase):
    assert phrase in refused(config)


@pytest.mark.parametrize(("address", "phrase"), ADDRESSES.items())
def test_an_address_that_is_none_is_named(address, phrase):
    line = refused({"cluster": {**CLUSTER, "ps": ["d:1", address]}, "task": TASK})
    assert phrase in line.partition("the address of ps 1, ")[2]


def test_the_example_that_an_error_gives_is_right():
    with pytest.raises(UserError) as error:
        topology.read_task({"TF_CONFIG": "{"}, evaluator_task=False)
    example = str(error.value).partition("a right one is ")[2]
    assert topology.read_task({"TF_CONFIG": example}, evaluator_task=False).name == "worker 0"


@pytest.mark.parametrize("address", ["10.0.0.1:1", "[::1]:65535", "job-worker-0.ns.svc:2222", "My_Host.local.:80"])
def test_addresses_as_they_are_written(address):
    assert read({**CLUSTER, "ps": [address]}, "ps").address == address


def test_an_address_has_a_host_and_a_port():
    assert [topology.split(each) for each in ("a:1", "[::1]:22")] == [("a", 1), ("::1", 22)]

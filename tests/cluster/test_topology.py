import json

import pytest

from cluster import topology
from settings import UserError

CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}


def environment(**config):
    return {"TF_CONFIG": json.dumps(config)}


def test_without_a_cluster_a_process_is_alone():
    for found in ({}, {"TF_CONFIG": ""}, {"TF_CONFIG": "{}"}, environment(cluster={})):
        assert topology.read_task(found) == topology.Task(is_chief=True, num_workers=1)


@pytest.mark.parametrize(
    ("role", "index", "is_chief"), [("chief", 0, True), ("worker", 0, False), ("worker", 1, False)]
)
def test_chief_and_workers_of_a_cluster(role, index, is_chief):
    found = topology.read_task(environment(cluster=CLUSTER, task={"type": role, "index": index}))
    assert found == topology.Task(is_chief=is_chief, num_workers=3)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"cluster": CLUSTER}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 2}}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": "0"}}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "ps", "index": 0}}),
        json.dumps({"cluster": {"worker": ["b:1"]}, "task": {"type": "worker", "index": 0}}),
    ],
)
def test_a_wrong_cluster_is_one_line_with_a_right_one(text):
    with pytest.raises(UserError, match="TF_CONFIG=.*; give a cluster with one chief") as error:
        topology.read_task({"TF_CONFIG": text})
    assert "\n" not in str(error.value)

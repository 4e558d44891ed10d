"""Whatever stands in TF_CONFIG: a task comes of it, or the one error."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster import topology
from settings import UserError
from tests.fuzz.common import any_json, any_text, damaged, fuzz, one_line_at_most

CLUSTER = {"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "worker", "index": 1}}


@given(st.one_of(any_text, any_json.map(json.dumps), damaged(CLUSTER).map(lambda value: json.dumps(value, indent=1))))
@settings(fuzz, max_examples=200)
def test_any_tf_config_is_a_task_or_refused_in_one_line(text):
    with one_line_at_most():
        task = topology.read_task({"TF_CONFIG": text})
        assert task == topology.ALONE or 1 <= task.num_workers <= len(json.loads(text)["cluster"].get("worker", [])) + 1


@pytest.mark.parametrize(
    "text", ["[" * 100_000, json.dumps({**CLUSTER, "cluster": {"chief": ["a:1"], "worker": "b:1"}})]
)
def test_depths_and_an_address_outside_of_a_list_are_refused(text):
    with pytest.raises(UserError, match="^TF_CONFIG="):
        topology.read_task({"TF_CONFIG": text})

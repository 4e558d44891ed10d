"""Whatever stands in TF_CONFIG and in Slurm's variables: a task comes of it, or the one error."""

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster import topology
from cluster.topology import Role
from tests.fuzz.common import any_json, any_text, fuzz, one_line_at_most

ports = st.one_of(st.integers(1, 65_535), st.sampled_from([1, 2, 1024, 65_534, 65_535]))
addresses = st.builds("{}:{}".format, st.sampled_from(["a", "b.c", "10.0.0.1", "[::1]"]), ports)


@st.composite
def configs(draw):
    """TF_CONFIGs that are right."""
    found = draw(st.lists(addresses, unique=True, min_size=1, max_size=6))
    roles = ["chief", *(draw(st.sampled_from(["worker", "worker", "ps"])) for _ in found[1:])]
    if len(found) > 1 and draw(st.booleans()):
        roles[-1] = "evaluator"
    cluster = {role: [a for a, own in zip(found, roles, strict=True) if own == role] for role in set(roles)}
    role = draw(st.sampled_from(sorted(cluster)))
    task = {"type": role, "index": draw(st.integers(0, len(cluster[role]) - 1))}
    return {"cluster": cluster, "task": task} | draw(st.sampled_from([{}, {"environment": "cloud"}]))


@st.composite
def mutated(draw):
    """Right ones after one to three changes: a part is deleted, replaced, or a copy of another part."""
    config = draw(configs())
    for _ in range(draw(st.integers(1, 3))):
        places = list(paths(config))
        if not places:
            break
        place, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["delete", "replace", "copy", "duplicate"])):
            case "delete":
                del place[key]
            case "replace":
                place[key] = draw(st.one_of(any_json, addresses, st.integers(-1, 3)))
            case "copy":
                other, its_key = draw(st.sampled_from(places))
                place[key] = copy.deepcopy(other[its_key])
            case "duplicate" if isinstance(place, list):
                place.append(copy.deepcopy(place[key]))
            case "duplicate":
                name = draw(st.sampled_from(["worker", "ps", "evaluator", "master", "cluster", "index"]))
                place[name] = copy.deepcopy(place[key])
    return config


def paths(value):
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from paths(value[key])


texts = st.one_of(any_text, any_json.map(json.dumps), mutated().map(lambda value: json.dumps(value, indent=1)))


@given(texts, st.booleans())
@settings(fuzz, max_examples=500)
def test_any_tf_config_is_a_task_or_refused_in_one_line(text, evaluator_task):
    with one_line_at_most():
        check(topology.read_task({"TF_CONFIG": text}, evaluator_task=evaluator_task))


@given(configs(), st.booleans())
@fuzz
def test_a_right_tf_config_is_a_task(config, evaluator_task):
    task = topology.read_task({"TF_CONFIG": json.dumps(config)}, evaluator_task=evaluator_task)
    check(task)
    described = {role.value: list(each) for role, each in task.addresses.items() if each}
    assert described == ({} if task.is_alone else config["cluster"])
    evaluates = "evaluator" in config["cluster"] or (evaluator_task and len(config["cluster"]) > 0)
    assert task.has_evaluator == evaluates


def check(task):
    """What holds of every task."""
    everyone = [task.name, *(topology.name_of(*peer) for peer in task.peers)]
    assert len(set(everyone)) == len(everyone)
    assert task.is_alone == (len(everyone) == 1) == (task == topology.ALONE)
    assert everyone.count("chief") == 1
    assert task.num_workers == 1 + sum(name.startswith("worker") for name in everyone)
    assert task.has_evaluator == ("evaluator" in everyone)
    if not task.is_alone:
        host, port = topology.split(task.watch_address)
        assert host == topology.split(task.addresses[Role.CHIEF][0])[0]
        assert 0 < port < 65_536
        assert port not in [topology.split(each)[1] for some in task.addresses.values() for each in some]
    text = topology.tf_config(task)
    if text is None:
        assert task.role is Role.EVALUATOR or (task.num_workers == 1 and not task.has_ps)
    else:
        again = topology.read_task({"TF_CONFIG": text}, evaluator_task=False)
        training = {role: each for role, each in task.addresses.items() if role is not Role.EVALUATOR}
        assert (again.role, again.index, again.addresses) == (task.role, task.index, training)


slurm = {
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_JOB_ID": "77",
    "SLURM_RESTART_COUNT": "1",
    "SLURM_STEP_NODELIST": "n[2,10]",
    "SLURM_STEP_TASKS_PER_NODE": "3,1",
    "SLURMD_NODENAME": "n10",
}
values = st.one_of(
    any_text,
    st.sampled_from(
        ["", "0", "1", "2", "4", "9" * 5000, "2(x2)", "2,2", "1(x4)", "4294967290", "n[1-4]", "n2", "n10,"]
    ),
)


@given(st.dictionaries(st.sampled_from(sorted(slurm)), values, max_size=3), st.booleans())
@settings(fuzz, max_examples=300)
def test_any_variables_of_slurm_are_a_task_or_refused_in_one_line(changes, evaluator_task):
    with one_line_at_most():
        check(topology.read_task({**slurm, **changes}, evaluator_task=evaluator_task))

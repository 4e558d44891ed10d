"""--mode=show_cluster, through main.py: what it takes the cluster for, and whether its tasks reach each other."""

import json
import subprocess
import sys

import pytest

import main
from cluster import probe
from cluster.probe import Answer
from tests.common import ROOT
from tests.processes import free_ports

SHOW = "--mode=show_cluster"


@pytest.fixture
def show(monkeypatch, capsys):
    """Runs the mode in an environment: (status, rows of what it prints, the error's line). Each peer is tried once."""

    def try_once(addresses, *, seconds, linger):
        assert (seconds, linger) == (10, 2)
        return {address: probe.connect(address, seconds=60) for address in addresses}

    monkeypatch.setattr(main, "quiet_tensorflow", lambda verbosity: None)
    monkeypatch.setattr(probe, "look_for", try_once)
    for name in ("TF_CONFIG", "SLURM_STEP_ID"):
        monkeypatch.delenv(name, raising=False)

    def shown(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = main.main(["main.py", SHOW, *arguments])
        out, err = capsys.readouterr()
        rows = [tuple(part.strip() for part in line.split("  ", 1)) for line in out.splitlines()]
        return status, rows, err

    return shown


def config(cluster, role="chief", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": role, "index": index}})


def test_alone_there_is_nothing_to_try(show):
    status, rows, err = show()
    assert (status, err) == (0, "")
    assert [name for name, _ in rows] == ["described by", "this task", "strategy", "evaluates"]
    assert rows[0][1].startswith("nothing: there is no TF_CONFIG")
    assert rows[1:] == [
        ("this task", "alone"),
        ("strategy", "one_device, or mirrored with several devices"),
        ("evaluates", "this task"),
    ]
    assert show("--evaluator_task")[1][-1] == ("evaluates", "this task, which is alone in spite of --evaluator_task")


def test_a_whole_cluster_of_which_nobody_else_is_there_yet(show):
    ports = sorted(free_ports(3))
    cluster = {"chief": [f"localhost:{ports[0]}"], "worker": [f"localhost:{port}" for port in ports[1:]]}
    status, rows, err = show("--evaluator_task", TF_CONFIG=config(cluster, "worker", 1))
    assert (status, err) == (0, "")
    assert rows == [
        ("described by", "TF_CONFIG"),
        ("chief", f"localhost:{ports[0]}"),
        ("worker 0", f"localhost:{ports[1]}"),
        ("worker 1", f"localhost:{ports[2]}, this task"),
        ("evaluator", "no address"),
        ("strategy", "multi_worker_mirrored"),
        ("evaluates", "evaluator"),
        ("watch address", f"localhost:{ports[2] + 1}, where the chief will listen"),
        (f"Listening on port {ports[2]}; looking for the others, for 10 seconds at most",),
        ("chief", "resolves, nobody listens yet"),
        ("worker 0", "resolves, nobody listens yet"),
        ("evaluator", "no address"),
        ("watch address", "resolves, nobody listens yet"),
    ]


@pytest.mark.parametrize(
    ("roles", "strategy", "evaluates"),
    [
        (["chief", "ps"], "parameter_server", "chief"),
        (["chief", "worker", "ps"], "parameter_server", "chief"),
        (["chief", "evaluator"], "one_device, or mirrored with several devices", "evaluator"),
    ],
)
def test_the_strategy_and_who_evaluates_are_those_of_the_cluster(show, roles, strategy, evaluates):
    cluster = {role: [f"localhost:{port}"] for role, port in zip(roles, free_ports(len(roles)), strict=True)}
    status, rows, _ = show(TF_CONFIG=config(cluster))
    assert status == 0
    assert {("strategy", strategy), ("evaluates", evaluates)} <= set(rows)


def test_slurm_is_a_source(show):
    step = {"SLURM_JOB_ID": "4190577", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}
    where = {"SLURM_STEP_NODELIST": "127.0.0.[1-2]", "SLURM_STEP_TASKS_PER_NODE": "1(x2)"}
    status, rows, err = show("--evaluator_task", **step, **where, SLURMD_NODENAME="127.0.0.2")
    assert (status, err) == (0, "")
    assert rows[0] == ("described by", "Slurm, which started this step's tasks")
    assert rows[2] == ("evaluator", "127.0.0.2:29610, this task")


def test_a_port_that_is_in_use_is_an_error(show):
    own, other = sorted(free_ports(2))
    cluster = {"chief": [f"localhost:{own}"], "worker": [f"localhost:{other}"]}
    for taken in (own, other + 1):
        with probe.listening(taken):
            status, rows, err = show(TF_CONFIG=config(cluster))
        assert status == 2
        assert err.startswith(f"error: chief cannot listen on port {taken} (") and err.count("\n") == 1
        assert rows[-1] == ("worker 0", "resolves, nobody listens yet")


def test_hosts_that_do_not_resolve_are_an_error(show):
    port = free_ports(1)[0]
    workers = [f"a..{number}:2222" for number in range(5)]
    status, rows, err = show(TF_CONFIG=config({"chief": [f"localhost:{port}"], "worker": workers}))
    assert status == 2
    named = "worker 0 (a..0:2222), worker 1 (a..1:2222), worker 2 (a..2:2222) and 2 more"
    assert err.startswith(f"error: the host of {named} does not resolve; correct its name")
    assert rows[-1] == ("worker 4", "does not resolve")
    status, rows, err = show(TF_CONFIG=config({"chief": ["a..b:2222"], "worker": [f"localhost:{port}"]}, "worker"))
    assert (status, rows[-1]) == (2, ("watch address", "does not resolve"))
    assert err.startswith("error: the host of chief (a..b:2222) does not resolve; correct its name")


def test_its_own_host_must_resolve_and_be_this_machine(show, monkeypatch):
    port, other = free_ports(2)
    cluster = {"chief": [f"a..b:{port}"], "worker": [f"localhost:{other}"]}
    status, _, err = show(TF_CONFIG=config(cluster))
    assert status == 2 and err.startswith(f"error: the host of chief (a..b:{port}) does not resolve")
    monkeypatch.setattr(probe, "is_here", lambda address, callers, seconds: False)
    status, _, err = show(TF_CONFIG=config({**cluster, "chief": [f"localhost:{port}"]}))
    assert status == 2
    assert err.startswith(f"error: chief is to be at localhost:{port}, which is not this machine; start it there")


def test_two_names_for_one_place_are_an_error(show):
    port, other = sorted(free_ports(2))
    cluster = {"chief": [f"localhost:{port}"], "worker": [f"127.0.0.2:{port}", f"localhost:{other}"]}
    status, _, err = show(TF_CONFIG=config(cluster))
    assert status == 2
    said = "are the same place; give every task a port of its own"
    assert err == f"error: localhost:{port} and 127.0.0.2:{port} {said}\n"


def test_no_answer_is_told_and_no_error(show, monkeypatch):
    monkeypatch.setattr(probe, "connect", lambda address, seconds: Answer.NO_ANSWER)
    own, other = free_ports(2)
    status, rows, _ = show(TF_CONFIG=config({"chief": [f"localhost:{own}"], "worker": [f"localhost:{other}"]}))
    assert (status, rows[-1]) == (0, ("worker 0", "no answer"))


def test_two_shells_find_each_other(start):
    ports = sorted(free_ports(2))
    cluster = {"chief": [f"localhost:{ports[0]}"], "worker": [f"localhost:{ports[1]}"]}
    chief, worker = (start(SHOW, TF_CONFIG=config(cluster, role)) for role in ("chief", "worker"))
    assert (chief.finish(), worker.finish()) == (0, 0), chief.said + worker.said
    assert chief.said[-1].split() == ["worker", "0", "reached"]
    assert [line.split() for line in worker.said[-2:]] == [["chief", "reached"], ["watch", "address", "reached"]]


def test_it_does_without_tensorflow_and_without_a_directory(tmp_path):
    code = (
        f"import sys, main; main.main(['main.py', '{SHOW}']); assert not {{'tensorflow', 'numpy'}} & set(sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=240)
    assert not list(tmp_path.iterdir())

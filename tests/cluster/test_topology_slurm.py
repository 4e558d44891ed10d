"""Slurm's variables to a task. Those of STEP are what srun -N2 -n4 set in a real step."""

import itertools

import pytest

from cluster import slurm_variables, topology
from cluster.topology import ALONE, Role, Source
from settings import UserError

STEP = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "n[2,10]",
    "SLURM_STEP_TASKS_PER_NODE": "3,1",
    "SLURM_PROCID": "0",
    "SLURM_NTASKS": "4",
}
BASE = 20_000 + 7 * 7417 % 12_000


def read(evaluator_task=False, **changes):
    found = {name: value for name, value in {**STEP, **changes}.items() if value is not None}
    return topology.read_task(found, evaluator_task=evaluator_task)


def rank_of(rank, **others):
    return read(SLURM_PROCID=str(rank), SLURMD_NODENAME="n2" if rank < 3 else "n10", **others)


def test_ranks_become_a_chief_and_workers_on_nodes_in_slurms_order():
    tasks = [rank_of(rank) for rank in range(4)]
    assert [task.name for task in tasks] == ["chief", "worker 0", "worker 1", "worker 2"]
    assert [task.address for task in tasks] == [f"n2:{BASE}", f"n2:{BASE + 1}", f"n2:{BASE + 2}", f"n10:{BASE + 3}"]
    assert {task.watch_address for task in tasks} == {f"n2:{BASE + 4}"}
    assert {(task.num_workers, task.has_evaluator, len(task.peers)) for task in tasks} == {(4, False, 3)}


def test_the_last_rank_evaluates_where_one_is_to():
    tasks = [rank_of(rank, evaluator_task=True) for rank in range(4)]
    assert [task.name for task in tasks] == ["chief", "worker 0", "worker 1", "evaluator"]
    assert {(task.num_workers, task.has_evaluator) for task in tasks} == {(3, True)}
    assert tasks[0].addresses[Role.EVALUATOR] == (f"n10:{BASE + 3}",)
    two = read(True, SLURM_STEP_NUM_TASKS="2", SLURM_STEP_TASKS_PER_NODE="1(x2)")
    assert two.peers == ((Role.EVALUATOR, 0),) and topology.tf_config(two) is None


def test_tf_config_goes_before_slurm():
    assert topology.source(STEP) is Source.SLURM
    assert topology.source({**STEP, "TF_CONFIG": "{}"}) is Source.TF_CONFIG
    assert read(TF_CONFIG="{}") == ALONE
    assert read(TF_CONFIG="").name == "chief"


@pytest.mark.parametrize(
    "changes",
    [
        {"SLURM_STEP_ID": None, "SLURM_STEP_NUM_TASKS": None, "SLURM_STEP_NODELIST": None},  # A batch script.
        {"SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_NODELIST": "n2", "SLURM_STEP_TASKS_PER_NODE": "1"},  # srun --pty.
    ],
)
@pytest.mark.parametrize("evaluator_task", [False, True])
def test_only_several_tasks_of_a_step_are_a_cluster(changes, evaluator_task):
    assert read(evaluator_task, **changes) == ALONE


def test_counts_are_read_as_slurm_writes_them():
    task = read(SLURM_STEP_NODELIST="n[1-4]", SLURM_STEP_TASKS_PER_NODE="2(x2),1,3", SLURM_STEP_NUM_TASKS="8")
    hosts = [topology.split(address)[0] for each in task.addresses.values() for address in each]
    assert hosts == ["n1", "n1", "n2", "n2", "n3", "n4", "n4", "n4"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"SLURM_STEP_NUM_TASKS": None}, "SLURM_STEP_NUM_TASKS is not set"),
        ({"SLURM_STEP_NUM_TASKS": "four"}, "SLURM_STEP_NUM_TASKS=four: it must be a whole number from 1 to"),
        ({"SLURM_STEP_NUM_TASKS": "12000"}, "SLURM_STEP_NUM_TASKS=12000: it must be a whole number from 1 to 11999"),
        ({"SLURM_PROCID": None}, "SLURM_PROCID is not set"),
        ({"SLURM_PROCID": "4"}, "SLURM_PROCID=4: it must be a whole number from 0 to 3"),
        ({"SLURM_PROCID": "-1"}, "SLURM_PROCID=-1: it must be"),
        ({"SLURM_PROCID": "\u0663"}, "SLURM_PROCID=\u0663: it must be"),
        ({"SLURM_PROCID": "1\n"}, r"SLURM_PROCID=1\n: it must be"),
        ({"SLURM_JOB_ID": None}, "SLURM_JOB_ID is not set"),
        ({"SLURM_JOB_ID": "7_1"}, "SLURM_JOB_ID=7_1: it must be"),
        ({"SLURM_JOB_ID": "9" * 10}, "SLURM_JOB_ID=9999999999: it must be"),
        ({"SLURM_RESTART_COUNT": "x"}, "SLURM_RESTART_COUNT=x: it must be"),
        ({"SLURM_STEP_ID": "batch"}, "SLURM_STEP_ID=batch: it must be"),
        ({"SLURM_STEP_NODELIST": "n[1"}, "SLURM_STEP_NODELIST=n[1: node list 'n[1': character"),
        ({"SLURM_STEP_NODELIST": "n[2-1]"}, "SLURM_STEP_NODELIST=n[2-1]: node list: the range 2-1 does not rise"),
        ({"SLURM_STEP_NODELIST": None}, "SLURM_STEP_NODELIST is not set"),
        ({"SLURM_STEP_TASKS_PER_NODE": "3,,1"}, "SLURM_STEP_TASKS_PER_NODE=3,,1:  is no number of tasks"),
        ({"SLURM_STEP_TASKS_PER_NODE": "2(2)"}, "SLURM_STEP_TASKS_PER_NODE=2(2): 2(2) is no number of tasks"),
        ({"SLURM_STEP_TASKS_PER_NODE": "1(x9)"}, "SLURM_STEP_TASKS_PER_NODE=1(x9): more nodes than tasks"),
        ({"SLURM_STEP_TASKS_PER_NODE": "9(x999999999)"}, "SLURM_STEP_TASKS_PER_NODE=9(x999999999): more nodes"),
        (
            {"SLURM_STEP_TASKS_PER_NODE": "3,2"},
            "=3,2: 5 tasks, 2 nodes; SLURM_STEP_NUM_TASKS=4 and SLURM_STEP_NODELIST, of 2",
        ),
        ({"SLURM_STEP_TASKS_PER_NODE": "4"}, "=4: 4 tasks, 1 nodes; SLURM_STEP_NUM_TASKS=4"),
        # As srun --distribution=cyclic has it.
        ({"SLURM_PROCID": "1", "SLURMD_NODENAME": "n10"}, "SLURMD_NODENAME=n10: rank 1 is here and not on n2"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(changes, line):
    with pytest.raises(UserError) as error:
        read(**changes)
    assert line in str(error.value) and str(error.value).isprintable()


def ports(job, *, num_tasks, restart=0, step=0):
    first = slurm_variables.first_port(job, restart=restart, step=step, num_tasks=num_tasks)
    return range(first, first + num_tasks + 1)


def test_ports_are_below_those_of_outgoing_connections():
    for job in range(12_000):
        for num_tasks in (1, 64, 4000):
            own = ports(job, num_tasks=num_tasks)
            assert own[0] >= 20_000 and own[-1] < 32_000


def overlap(one, another):
    return one[0] <= another[-1] and another[0] <= one[-1]


@pytest.mark.parametrize(("apart", "num_tasks"), [(1, 2000), (8, 300), (89, 30)])
def test_jobs_with_numbers_near_each_other_share_no_port(apart, num_tasks):
    for job in range(0, 12_000, 7):
        own = ports(job, num_tasks=num_tasks)
        assert not any(overlap(own, ports(job + more, num_tasks=num_tasks)) for more in range(1, apart + 1))


def test_restarts_and_steps_share_no_port_with_each_other_or_with_the_next_jobs():
    for job in range(0, 12_000, 97):
        runs = [
            ports(job + more, restart=restart, step=step, num_tasks=140)
            for more, restart, step in itertools.product(range(3), repeat=3)
        ]
        assert not any(overlap(*pair) for pair in itertools.combinations(runs, 2))


def test_restart_and_step_come_from_slurm():
    first = {read(SLURM_RESTART_COUNT=restart, SLURM_STEP_ID=step).address for restart in "01" for step in "01"}
    assert len(first) == 4
    assert read(SLURM_RESTART_COUNT="0") == read()

"""Looking at the cluster that a job would train on, without TensorFlow."""

import contextlib
from collections.abc import Collection, Mapping, Sequence

import flags
from cluster import probe, topology
from cluster.probe import Answer
from cluster.topology import Role, Source, Task
from settings import DistributionStrategy, UserError

_LISTENING = 10.0  # seconds, in which a person starts it in another shell too
_LINGER = 2.0  # seconds for those that began later
_OWN_TRY = 2.0  # seconds
_NAMED = 3  # tasks that an error names

_SOURCES = {
    Source.TF_CONFIG: "TF_CONFIG",
    Source.SLURM: "Slurm, which started this step's tasks",
    Source.NONE: "nothing: there is no TF_CONFIG, and this is not one of several tasks of a Slurm step",
}


def show_cluster(command: flags.Command) -> None:
    """Prints what this task takes the cluster for, then listens on its own port and looks for the other tasks.

    Raises:
      UserError: what describes the cluster makes no sense, or training in it is sure to fail.
    """
    evaluator_task = command.values["evaluator_task"]
    task = topology.this_task(evaluator_task=evaluator_task)
    print(_described(task, topology.this_source(), evaluator_task=evaluator_task), flush=True)
    if task.is_alone:
        return
    with contextlib.ExitStack() as stack:
        callers, wrong = _listening(task, stack)
        if callers:
            ports = " and ".join(str(topology.split(address)[1]) for address in callers)
            print(f"Listening on port {ports}", end="; ")
        print(f"looking for the others, for {_LISTENING:g} seconds at most", flush=True)
        wrong += _wrong_place(task, callers)
        others = {topology.name_of(*peer): task.address_of(*peer) for peer in task.peers}
        wrong += _same_place(task, others)
        shown = others if task.is_chief else {**others, "watch address": task.watch_address}
        answers = probe.look_for(filter(None, shown.values()), seconds=_LISTENING, linger=_LINGER)
    print(_table([(name, answers[at].value if at else "no address") for name, at in shown.items()]), flush=True)
    lost = {name: at for name, at in others.items() if at and answers[at] is Answer.UNRESOLVED}
    if lost:
        wrong.append(_unresolved(lost))
    if wrong:
        raise UserError("; ".join(wrong))


def _described(task: Task, source: Source, *, evaluator_task: bool) -> str:
    rows = [("described by", _SOURCES[source])]
    if task.is_alone:
        rows.append(("this task", "alone"))
    for role, index in () if task.is_alone else task.tasks:
        this = ", this task" if (role, index) == (task.role, task.index) else ""
        rows.append((topology.name_of(role, index), f"{task.address_of(role, index) or 'no address'}{this}"))
    rows.append(("strategy", _strategy(task)))
    rows.append(("evaluates", _evaluates(task, evaluator_task=evaluator_task)))
    if not task.is_alone:
        rows.append(("watch address", f"{task.watch_address}, where the chief will listen"))
    return _table(rows)


def _strategy(task: Task) -> str:
    """What --distribution_strategy=auto will take."""
    if task.has_ps:
        return DistributionStrategy.PARAMETER_SERVER.value
    if task.num_workers > 1:
        return DistributionStrategy.MULTI_WORKER_MIRRORED.value
    one, several = DistributionStrategy.ONE_DEVICE.value, DistributionStrategy.MIRRORED.value
    return f"{one}, or {several} with several devices"


def _evaluates(task: Task, *, evaluator_task: bool) -> str:
    if task.has_evaluator:
        return Role.EVALUATOR.value
    if evaluator_task:
        return "this task, which is alone in spite of --evaluator_task"
    return Role.CHIEF.value if not task.is_alone else "this task"


def _listening(task: Task, stack: contextlib.ExitStack) -> tuple[dict[str, Collection[int]], list[str]]:
    """Who calls, by the addresses at which this task can listen, the chief's watch too; and where it cannot."""
    callers, wrong = {}, []
    for address in filter(None, (task.address, task.watch_address if task.is_chief else None)):
        port = topology.split(address)[1]
        try:
            callers[address] = stack.enter_context(probe.listening(port))
        except OSError as error:
            wrong.append(f"{task.name} cannot listen on port {port} ({error.strerror}); end what has that port")
    return callers, wrong


def _wrong_place(task: Task, callers: Mapping[str, Collection[int]]) -> list[str]:
    """What is wrong with this task's own address."""
    if not task.address:
        return []
    if not probe.resolves(task.address):
        return [_unresolved({task.name: task.address})]
    if task.address not in callers or probe.is_here(task.address, callers[task.address], seconds=_OWN_TRY):
        return []
    return [
        f"{task.name} is to be at {task.address}, which is not this machine; start it there, or correct the cluster"
    ]


def _same_place(task: Task, others: Mapping[str, str | None]) -> list[str]:
    """The other tasks that lead to this one: `localhost` and the machine's own name look different, and are not."""
    own = task.address and topology.split(task.address)[1]
    same = [at for at in others.values() if at and topology.split(at)[1] == own and probe.is_of_this_machine(at)]
    return [f"{task.address} and {at} are the same place; give every task a port of its own" for at in same]


def _unresolved(addresses: Mapping[str, str]) -> str:
    named = ", ".join(f"{name} ({address:.80})" for name, address in list(addresses.items())[:_NAMED])
    more = f" and {len(addresses) - _NAMED} more" if len(addresses) > _NAMED else ""
    return f"the host of {named}{more} does not resolve; correct its name, or wait until its machine is up"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"{name:{width}}{value}" for name, value in rows)

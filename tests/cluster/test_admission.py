"""Who is let into a job: the chief's side until it begins, with a clock of its own."""

import pytest

from cluster.membership import messages
from cluster.membership.admission import Waiting, listed
from cluster.membership.messages import (
    AskToStop,
    Beat,
    Cause,
    Ending,
    Failure,
    Go,
    Goodbye,
    Hello,
    OtherHello,
    Ready,
    Welcome,
)
from cluster.membership.party import TIMES
from cluster.task import Role
from settings import ExitStatus
from tests.cluster.sides import COMPLETE, LINK, RUN, Chief, end_of


def test_the_job_begins_when_all_are_ready_and_not_before():
    chief = Chief(workers=2, evaluator=True)
    chief.party.be_ready(chief.now)
    for name, link in chief.links.items():
        chief.hello(name)
        assert chief.sent_to(link, Welcome) == [Welcome("token")]
    for link in list(chief.links.values())[:-1]:
        chief.receive(Ready(), link)
    chief.tick()
    assert not chief.party.begun and not chief.sent_to(LINK, Go)
    chief.receive(Ready(), chief.links["evaluator"])
    assert chief.party.begun and all(chief.sent_to(link, Go) for link in chief.links.values())


def test_the_chief_must_be_ready_too():
    chief = Chief()
    chief.hello("worker 0")
    chief.receive(Ready())
    chief.tick()
    assert not chief.party.begun and chief.told == ["Waiting for the chief itself"]
    chief.party.be_ready(chief.now)
    assert chief.party.begun


def test_a_chief_that_cannot_prepare_the_job_ends_all_also_those_who_come_later():
    chief = Chief(workers=3)
    chief.hello("worker 0")
    chief.party.leave(Failure(Cause.USAGE, "no room"), chief.now)
    chief.tick()
    chief.hello("worker 1")
    chief.tick(1)
    said = [Failure(Cause.USAGE, "the chief (localhost:2222): no room")]
    assert chief.sent_to(1, Failure) == chief.sent_to(2, Failure) == said
    assert "Waiting for worker 2 (localhost:2225), to say that the job cannot begin" in chief.told
    chief.pass_time(round(TIMES.latecomers) - 2)
    assert not chief.party.end
    chief.pass_time(2)
    assert end_of(chief) == (ExitStatus.USAGE, said[0].line)


def test_one_that_is_ready_twice_stands_for_no_other():
    chief = Chief(workers=2)
    chief.party.be_ready(chief.now)
    chief.hello("worker 0")
    chief.receive(Ready())
    chief.receive(Ready())
    chief.hello("worker 1")
    chief.tick()
    assert not chief.party.begun


def test_the_chief_tells_whom_it_waits_for():
    chief = Chief(workers=2, evaluator=True)
    chief.tick()
    chief.pass_time(3)
    chief.hello("worker 0")
    chief.pass_time(2, heard=[1])
    assert chief.told == [
        "Waiting for worker 0 (localhost:2223), worker 1 (localhost:2224), evaluator (localhost:2225)",
        "Waiting for worker 1 (localhost:2224), evaluator (localhost:2225)",
    ]
    chief.hello("worker 1")
    chief.hello("evaluator")
    chief.pass_time(1)
    assert chief.told[2].endswith("evaluator (localhost:2225) to see --model_dir")


def test_people_are_told_now_and_then_and_soon_after_a_change():
    waiting = Waiting()
    told = [now for now in range(25) if waiting.line("a, b" if now < 12 else "b", float(now))]
    assert told == [0, 10, 12, 22]
    waiting = Waiting()
    # Many tasks that come at once are no line each.
    assert [now for now in range(30) if waiting.line(str(now), now / 10)] == [0, 10, 20]


def test_many_names_are_not_all_listed():
    names = [f"worker {number}" for number in range(100)]
    assert listed(names) == f"{', '.join(names[:8])} and 92 more"
    assert listed(names[:2]) == "worker 0, worker 1"


def test_who_does_not_come_is_named_in_the_end():
    chief = Chief(workers=2)
    chief.hello("worker 0")
    chief.pass_time(599, heard=[1])
    assert chief.party.end is None
    chief.pass_time(1, heard=[1])
    assert end_of(chief) == (ExitStatus.PEER_LOST, "waited 600 s in vain for worker 1 (localhost:2224)")
    assert chief.sent_to(1, Failure) == [Failure(Cause.LOST, end_of(chief)[1])]


def test_one_that_leaves_before_the_job_begins_ends_it():
    chief = Chief(workers=2)
    chief.hello("worker 0")
    chief.receive(Goodbye(Ending.PREEMPTED))
    assert end_of(chief) == (ExitStatus.PEER_LOST, "worker 0 (localhost:2223) left before the job began")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"run": {**RUN, "batch_size": 128}}, "worker 1 has --batch_size=128, the chief --batch_size=64;"),
        ({"run": {**RUN, "deterministic": False}}, "worker 1 has --nodeterministic, the chief --deterministic;"),
        ({"run": {**RUN, "boundaries": [100]}}, "worker 1 has --boundaries=100, the chief --boundaries=100,200;"),
        ({"run": {**RUN, "seed": None}}, "worker 1 has no --seed, the chief --seed=1;"),
        ({"run": {**RUN, "seed": True}}, "worker 1 has --seed, the chief --seed=1;"),
        ({"run": {**RUN, "new": 1}}, "worker 1 has --new=1, the chief no --new;"),
        ({"run": {}}, "worker 1 has no --batch_size, the chief --batch_size=64;"),
        ({"run": {**RUN, "seed": "\x1b[2J" * 1000}}, "worker 1 has --seed=?[2J?[2J"),
        ({"num_tasks": 2}, "worker 1 counts 2 tasks, the chief 4; give every task the same cluster"),
        ({"index": 2}, "worker 2 (host b, process 2) came, the chief expects worker 0, worker 1, evaluator;"),
        ({"index": 0}, "two tasks say that they are worker 0 (host b, process 1; host b, process 2);"),
        ({"role": Role.CHIEF, "index": 0}, "chief (host b, process 2) came, the chief expects"),
    ],
)
def test_a_task_that_does_not_fit_ends_the_job_for_all(changes, line):
    chief = Chief(workers=2, evaluator=True)
    chief.hello("worker 0")
    chief.hello("worker 1", **changes)
    (refused,) = chief.sent_to(2, Failure)
    assert refused.line.startswith(line) and len(refused.line) < 500 and refused.line.isprintable()
    assert refused.cause is Cause.USAGE and 2 in chief.closed
    assert chief.sent_to(1, Failure) == [refused]
    chief.pass_time(round(TIMES.latecomers) + 2)
    assert end_of(chief) == (ExitStatus.USAGE, refused.line)


def test_an_evaluator_that_the_chief_does_not_expect_is_told_which_flag_to_give():
    chief = Chief()
    chief.call(7)
    chief.receive(Hello(Role.EVALUATOR, 0, host="c", pid=9, num_tasks=3, run=RUN), 7)
    assert "give --evaluator_task to every task" in chief.sent_to(7, Failure)[0].line


def test_another_version_of_the_program_is_refused():
    chief = Chief()
    chief.call(1)
    chief.receive(OtherHello(messages.VERSION + 1))
    assert "start all tasks from the same code" in chief.sent_to(1, Failure)[0].line


def test_who_comes_to_a_refused_job_hears_why_and_the_last_one_ends_the_wait():
    chief = Chief(workers=3)
    chief.hello("worker 0", num_tasks=9)
    chief.pass_time(3)
    chief.hello("worker 1")
    assert chief.sent_to(2, Failure) == chief.sent_to(1, Failure) and not chief.sent_to(2, Welcome)
    assert chief.party.end is None
    chief.hello("worker 2")
    chief.tick()
    assert chief.party.end


# Strangers.


def test_a_stranger_that_says_nothing_is_dropped_in_time_and_quietly():
    chief = Chief()
    chief.call(5)
    chief.pass_time(round(TIMES.hello) - 1)
    assert chief.closed == []
    chief.pass_time(1)
    assert chief.closed == [5] and not any("dropped" in line for line in chief.told)


def test_there_are_never_many_strangers():
    chief = Chief()
    for link in range(1000):
        chief.call(link)
    chief.tick()
    assert chief.closed == list(range(1000 - 33))


@pytest.mark.parametrize("message", [Beat(), Ready(), Go(), COMPLETE, Failure(Cause.USAGE, "x"), AskToStop()])
def test_a_stranger_that_says_no_hello_has_no_say(message):
    chief = Chief()
    chief.call(5)
    chief.receive(message, 5)
    chief.receive(message, 6)
    assert chief.closed == [5] and not chief.sent and not chief.party.end and not chief.party.asked_to_stop


def test_few_lines_are_told_of_many_strangers():
    chief = Chief()
    for link in range(5, 100):
        chief.call(link)
        chief.party.garbled(link, "not JSON")
    chief.collect()
    assert len(chief.told) == 3 and len(chief.closed) == 95 and "(not JSON)" in chief.told[0]


def test_nobody_comes_in_while_the_chief_leaves():
    chief = Chief(workers=2)
    chief.call(1)
    chief.party.leave(Goodbye(Ending.PREEMPTED), chief.now)
    chief.receive(Hello(Role.WORKER, 0, host="b", pid=1, num_tasks=3, run=RUN))
    chief.tick()
    assert not chief.sent and chief.party.over


def test_nobody_comes_in_after_the_beginning():
    chief = Chief()
    chief.call(8)
    chief.begin()
    chief.hello("worker 0", link=9)
    chief.receive(Beat(), 8)
    assert {8, 9} <= set(chief.closed) and chief.party.end is None and not chief.sent_to(9, messages.Message)

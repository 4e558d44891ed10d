"""The chief's side and the others', with a clock of their own: who is there, who is lost, and what follows."""

import dataclasses

import pytest

from cluster import messages
from cluster.admission import Waiting, listed
from cluster.follower import Follower
from cluster.messages import (
    Announcement,
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
from cluster.party import TIMES, Clock
from cluster.roster import Roster
from cluster.task import Role
from settings import ExitStatus
from tests.cluster.jobs import make_limits, make_tasks

RUN = {"batch_size": 64, "deterministic": True, "boundaries": [100, 200], "seed": 1}
LIMITS = make_limits(startup_timeout=600, peer_timeout=30, stall_timeout=600)
PREEMPTED = Announcement(Ending.PREEMPTED, 7)
COMPLETE = Announcement(Ending.COMPLETE, 7)
LINK = 1


class Side:
    """A side and the time there. What it asks for is collected."""

    def __init__(self, party):
        self.party = party
        self.now = 0.0
        self.sent = []
        self.closed = []
        self.told = []

    def collect(self):
        party = self.party
        for found, kept in ((party.outbox, self.sent), (party.closing, self.closed), (party.lines, self.told)):
            kept.extend(found)
            found.clear()

    def tick(self, seconds=0.0, *, stepped=False, paused_for=None):
        self.now += seconds
        self.party.tick(self.now, stepped=stepped, paused_for=paused_for)
        self.collect()

    def receive(self, message, link=LINK):
        self.party.received(link, message, self.now)
        self.collect()

    def close(self, link=LINK):
        self.party.closed(link)
        self.tick()

    def pass_time(self, seconds, *, heard=(), stepped=False, paused_for=None):
        """Second by second, in which beats come over the links `heard`."""
        for _ in range(seconds):
            for link in heard:
                self.receive(Beat(), link)
            self.tick(1.0, stepped=stepped, paused_for=paused_for)

    def sent_to(self, link, kind):
        return [message for to, message in self.sent if to == link and isinstance(message, kind)]


class Chief(Side):
    """Links are numbered by the order of tasks."""

    def __init__(self, *, run=None, **kinds):
        self.tasks = make_tasks(**kinds)
        super().__init__(Roster(self.tasks["chief"], LIMITS, run=run or RUN, token="token", times=TIMES))
        self.links = {name: link for link, name in enumerate(self.tasks) if link}

    def call(self, link):
        self.party.opened(link, self.now)

    def hello(self, name, *, link=None, **changes):
        link = link or self.links[name]
        task = self.tasks[name]
        hello = Hello(task.role, task.index, host="b", pid=link, num_tasks=len(task.tasks), run=RUN)
        self.call(link)
        self.receive(dataclasses.replace(hello, **changes), link)

    def begin(self):
        for name, link in self.links.items():
            self.hello(name)
            self.receive(Ready(), link)
        assert self.party.begun
        return self

    def beats(self, *, without=()):
        return [link for name, link in self.links.items() if name not in without]


def end_of(side):
    assert side.party.end, "it goes on"
    return side.party.end.status, side.party.end.line


# Starting.


def test_the_job_begins_when_all_are_ready_and_not_before():
    chief = Chief(workers=2, evaluator=True)
    for name, link in chief.links.items():
        chief.hello(name)
        assert chief.sent_to(link, Welcome) == [Welcome("token")]
    for link in list(chief.links.values())[:-1]:
        chief.receive(Ready(), link)
    chief.tick()
    assert not chief.party.begun and not chief.sent_to(LINK, Go)
    chief.receive(Ready(), chief.links["evaluator"])
    assert chief.party.begun and all(chief.sent_to(link, Go) for link in chief.links.values())


def test_one_that_is_ready_twice_stands_for_no_other():
    chief = Chief(workers=2)
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
    assert chief.sent_to(1, Failure) == [Failure(Cause.LOST, chief.party.end.line)]


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
    chief.collect()
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


def test_nobody_comes_in_after_the_beginning():
    chief = Chief()
    chief.call(8)
    chief.begin()
    chief.hello("worker 0", link=9)
    chief.receive(Beat(), 8)
    assert {8, 9} <= set(chief.closed) and chief.party.end is None and not chief.sent_to(9, messages.Message)


# Losses, as the chief sees them.


def test_a_closed_connection_is_a_loss_that_all_hear_of():
    chief = Chief(workers=2, evaluator=True).begin()
    chief.close(1)
    assert end_of(chief) == (
        ExitStatus.PEER_LOST,
        "lost worker 0 (localhost:2223): its connection was closed",
    )
    told = Failure(Cause.LOST, "the chief lost worker 0 (localhost:2223): its connection was closed")
    assert chief.sent_to(2, Failure) == chief.sent_to(3, Failure) == [told]


def test_silence_is_a_loss_after_its_time_and_not_before():
    chief = Chief(workers=2).begin()
    chief.pass_time(29, heard=[2], stepped=True)
    assert chief.party.end is None
    chief.pass_time(1, heard=[2], stepped=True)
    assert end_of(chief) == (ExitStatus.PEER_LOST, "lost worker 0 (localhost:2223): it was silent for 30 s")


def test_who_is_heard_is_not_lost():
    chief = Chief().begin()
    for _ in range(10):
        chief.pass_time(29, stepped=True)
        chief.receive(Beat())
    assert chief.party.end is None


@pytest.mark.parametrize("message", [Go(), Welcome("x"), COMPLETE])
def test_a_task_that_talks_nonsense_is_lost(message):
    chief = Chief().begin()
    chief.receive(message)
    assert end_of(chief)[0] is ExitStatus.PEER_LOST
    chief = Chief().begin()
    chief.party.garbled(1, "not JSON")
    assert "(not JSON)" in end_of(chief)[1]


def test_beats_go_out_ten_times_in_the_time_of_a_loss():
    chief = Chief().begin()
    chief.pass_time(30, heard=[1], stepped=True)
    assert 9 <= len(chief.sent_to(1, Beat)) <= 11


def test_after_the_announcement_only_an_evaluator_is_missed_that_has_work_left():
    for announced, lost, missed in (
        (COMPLETE, "worker 0", False),
        (COMPLETE, "evaluator", True),
        (PREEMPTED, "worker 0", False),
        (PREEMPTED, "evaluator", False),
    ):
        chief = Chief(evaluator=True).begin()
        chief.party.announce(announced)
        chief.close(chief.links[lost])
        assert bool(chief.party.end) is missed, (announced, lost)
        assert missed or f"{lost} (localhost" in chief.told[-1]
        assert chief.party.evaluator_left is (lost == "evaluator")


def test_the_evaluator_has_left_by_its_goodbye_or_where_there_is_none():
    assert Chief().party.evaluator_left
    chief = Chief(evaluator=True).begin()
    assert not chief.party.evaluator_left
    chief.receive(Goodbye(Ending.COMPLETE), chief.links["worker 0"])
    assert not chief.party.evaluator_left
    chief.receive(Goodbye(Ending.COMPLETE), chief.links["evaluator"])
    assert chief.party.evaluator_left


def test_a_connection_that_is_closed_after_a_goodbye_is_no_loss():
    chief = Chief().begin()
    chief.receive(Goodbye(Ending.COMPLETE))
    chief.close(1)
    chief.pass_time(100, stepped=True)
    assert chief.party.end is None and chief.closed == [1]


# Failures of tasks.


def test_what_only_the_user_can_put_right_ends_all_with_its_status():
    chief = Chief(workers=2).begin()
    chief.receive(Failure(Cause.USAGE, "no room on the disk"))
    line = "worker 0 (localhost:2223): no room on the disk"
    assert end_of(chief) == (ExitStatus.USAGE, line)
    assert chief.sent_to(2, Failure) == [Failure(Cause.USAGE, line)] and not chief.sent_to(1, Failure)


def test_an_error_in_a_task_has_the_job_started_again():
    chief = Chief(workers=2).begin()
    chief.receive(Failure(Cause.ERROR, "ValueError: x"))
    line = "worker 0 (localhost:2223) failed (ValueError: x)"
    assert end_of(chief) == (ExitStatus.PEER_LOST, line)
    assert chief.sent_to(2, Failure) == [Failure(Cause.ERROR, line)]


def test_the_first_end_counts():
    chief = Chief(workers=2).begin()
    chief.receive(Failure(Cause.USAGE, "first"))
    chief.close(2)
    assert end_of(chief) == (ExitStatus.USAGE, "worker 0 (localhost:2223): first")


def test_an_error_that_comes_of_a_loss_is_told_as_the_loss():
    chief = Chief(workers=2).begin()
    chief.party.leave(Failure(Cause.ERROR, "UnavailableError: socket closed"), chief.now)
    chief.tick(TIMES.settling / 2)
    assert not chief.sent_to(1, Failure)
    chief.close(2)
    assert end_of(chief)[1].startswith("lost worker 1")


def test_tasks_that_fail_alike_each_say_so_themselves():
    chief = Chief(workers=2).begin()
    chief.party.leave(Failure(Cause.ERROR, "ValueError: x"), chief.now)
    chief.receive(Failure(Cause.ERROR, "ValueError: x"), 1)
    chief.tick(TIMES.settling)
    assert chief.party.end is None and chief.sent_to(2, Failure) == [
        Failure(Cause.ERROR, "the chief (localhost:2222) failed (ValueError: x)")
    ]
    assert not chief.party.over
    chief.close(2)
    assert chief.party.over


# Stopping, stalls.


def test_a_request_to_stop_is_passed_on():
    chief = Chief().begin()
    chief.receive(AskToStop())
    assert chief.party.asked_to_stop and chief.party.end is None


def test_a_worker_that_was_told_to_stop_and_left_is_a_loss_unless_the_job_stops():
    for announced in (False, True):
        chief = Chief(workers=2).begin()
        chief.receive(Goodbye(Ending.PREEMPTED))
        assert chief.party.asked_to_stop
        if announced:
            chief.party.announce(PREEMPTED)
        chief.pass_time(round(TIMES.preempted) + 1, heard=[2])
        assert bool(chief.party.end) is not announced
        assert announced or end_of(chief)[0] is ExitStatus.PEER_LOST


@pytest.mark.parametrize("sign", [{"stepped": True}, {"paused_for": "a checkpoint"}])
def test_a_chief_that_goes_on_without_a_worker_that_was_told_to_stop_is_let(sign):
    chief = Chief(workers=2).begin()
    chief.receive(Goodbye(Ending.PREEMPTED))
    chief.pass_time(200, heard=[2], **sign)
    assert chief.party.end is None


def test_an_evaluator_that_was_told_to_stop_is_not_needed_for_the_chief_to():
    chief = Chief(evaluator=True).begin()
    chief.receive(Goodbye(Ending.PREEMPTED), chief.links["evaluator"])
    chief.pass_time(100, heard=[1])
    assert chief.party.asked_to_stop and chief.party.end is None


def test_a_stall_ends_the_job_also_before_the_first_step():
    chief = Chief().begin()
    chief.pass_time(599, heard=[1])
    assert chief.party.end is None
    chief.pass_time(1, heard=[1])
    assert end_of(chief) == (ExitStatus.PEER_LOST, "no step for 600 s")
    assert chief.sent_to(1, Failure) == [Failure(Cause.LOST, "no step for 600 s")]


def test_waiting_for_tasks_to_come_is_no_stall():
    chief = Chief()
    chief.pass_time(590)
    chief.begin()
    chief.pass_time(590, heard=[1])
    assert chief.party.end is None


def test_steps_and_pauses_put_a_stall_off():
    chief = Chief().begin()
    chief.pass_time(500, heard=[1])
    chief.tick(stepped=True)
    chief.pass_time(500, heard=[1])
    chief.pass_time(1000, heard=[1], paused_for="the evaluation")
    chief.pass_time(599, heard=[1])
    assert chief.party.end is None
    chief.pass_time(1, heard=[1])
    assert end_of(chief)[1] == "no step for 600 s after the evaluation"


def test_a_complete_job_does_not_stall_and_a_preempted_one_does():
    for announced, ends in ((COMPLETE, False), (PREEMPTED, True)):
        chief = Chief().begin()
        chief.party.announce(announced)
        chief.pass_time(1000, heard=[1])
        assert bool(chief.party.end) is ends


# Leaving.


def test_the_chief_waits_for_the_others_goodbyes_when_it_leaves():
    chief = Chief(workers=2).begin()
    chief.party.announce(COMPLETE)
    chief.party.leave(Goodbye(Ending.COMPLETE), chief.now)
    chief.tick()
    assert chief.sent_to(1, Announcement) == [COMPLETE] and chief.sent_to(1, Goodbye)
    chief.receive(Goodbye(Ending.COMPLETE), 1)
    chief.pass_time(5, heard=[2])
    assert not chief.party.over
    chief.close(2)
    assert chief.party.over and chief.party.end is None


def test_it_does_not_wait_for_ever():
    chief = Chief().begin()
    chief.party.leave(Goodbye(Ending.COMPLETE), chief.now)
    chief.pass_time(round(TIMES.goodbyes) - 1, heard=[1])
    assert not chief.party.over
    chief.pass_time(2, heard=[1])
    assert chief.party.over


# The side of another task.


class Other(Side):
    def __init__(self, name="worker 0", *, begun=True):
        task = make_tasks(workers=2, ps=1, evaluator=True)[name]
        super().__init__(Follower(task, LIMITS, link=LINK, times=TIMES))
        if begun:
            self.party.saw_token()
            self.receive(Go())
            assert self.party.begun


def test_a_task_is_ready_once_it_has_seen_the_token_and_begins_when_told():
    other = Other(begun=False)
    other.pass_time(2)
    assert not other.sent_to(LINK, Ready) and not other.party.begun
    other.party.saw_token()
    other.collect()
    assert other.sent_to(LINK, Ready)


def test_a_task_tells_now_and_then_that_it_waits():
    other = Other(begun=False)
    other.pass_time(65, heard=[LINK])
    assert other.told == ["Waiting for the chief (localhost:2222), who waits for others"] * 2


@pytest.mark.parametrize("begun", [False, True])
def test_the_chief_is_lost_by_a_closed_connection_or_silence(begun):
    other = Other(begun=begun)
    other.close()
    assert end_of(other) == (ExitStatus.PEER_LOST, "lost the chief (localhost:2222): its connection was closed")
    other = Other(begun=begun)
    other.pass_time(29)
    assert other.party.end is None
    other.pass_time(1)
    assert end_of(other)[1] == "lost the chief (localhost:2222): it was silent for 30 s"


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (Cause.USAGE, ExitStatus.USAGE),
        (Cause.LOST, ExitStatus.PEER_LOST),
        (Cause.ERROR, ExitStatus.PEER_LOST),
    ],
)
def test_what_the_chief_says_of_a_failure_is_passed_on(cause, status):
    other = Other()
    other.receive(Failure(cause, "why"))
    other.close()
    assert end_of(other) == (status, "why")


@pytest.mark.parametrize("message", [Welcome("again"), Ready(), AskToStop()])
def test_what_the_chief_does_not_say_is_a_loss(message):
    other = Other()
    other.receive(message)
    assert "lost the chief" in end_of(other)[1]


@pytest.mark.parametrize("name", ["worker 0", "evaluator"])
@pytest.mark.parametrize("gone", [False, True])
def test_a_task_has_a_while_to_end_by_itself_when_the_job_is_preempted(name, gone):
    other = Other(name)
    other.receive(PREEMPTED)
    assert other.party.announcement == PREEMPTED
    if gone:
        other.close()
    seconds = round(TIMES.preempted)
    other.pass_time(seconds - 1, heard=[LINK])
    assert other.party.end is None
    other.pass_time(1, heard=[LINK])
    assert end_of(other) == (ExitStatus.PREEMPTED, "the job is preempted, and this task is ended with it")
    assert gone or other.sent_to(LINK, Goodbye) == [Goodbye(Ending.PREEMPTED)]


def test_a_worker_of_a_complete_job_has_longer_and_the_evaluator_all_the_time_it_needs():
    worker, evaluator = Other("worker 1"), Other("evaluator")
    for other in (worker, evaluator):
        other.receive(COMPLETE)
        other.close()
        other.pass_time(round(TIMES.complete) - 1)
        assert other.party.end is None
        other.pass_time(1)
    assert end_of(worker)[0] is ExitStatus.COMPLETE
    evaluator.pass_time(10_000)
    assert evaluator.party.end is None


@pytest.mark.parametrize(("announced", "status"), [(COMPLETE, 0), (PREEMPTED, 75)])
def test_a_parameter_server_ends_at_once(announced, status):
    other = Other("ps 0")
    other.receive(announced)
    other.tick()
    assert end_of(other)[0] == status


def test_the_last_announcement_counts():
    evaluator = Other("evaluator")
    evaluator.receive(COMPLETE)
    evaluator.receive(PREEMPTED)
    evaluator.pass_time(round(TIMES.preempted), heard=[LINK])
    assert end_of(evaluator)[0] is ExitStatus.PREEMPTED
    worker = Other("worker 0")
    worker.receive(PREEMPTED)
    worker.pass_time(1)
    worker.receive(COMPLETE)
    worker.pass_time(round(TIMES.preempted), heard=[LINK])
    assert worker.party.end is None


def test_a_chief_that_left_without_an_announcement_ends_the_others_all_the_same():
    other = Other("evaluator")
    other.receive(Goodbye(Ending.COMPLETE))
    other.close()
    other.pass_time(round(TIMES.complete) - 1)
    assert other.party.end is None
    other.pass_time(1)
    assert end_of(other)[0] is ExitStatus.COMPLETE


def test_a_chief_that_leaves_before_the_beginning_is_a_loss():
    other = Other(begun=False)
    other.receive(Goodbye(Ending.PREEMPTED))
    assert end_of(other)[0] is ExitStatus.PEER_LOST


def test_a_task_that_leaves_is_over_once_the_chief_has_taken_note():
    other = Other()
    other.party.leave(Goodbye(Ending.COMPLETE), other.now)
    other.tick()
    assert other.sent_to(LINK, Goodbye) and not other.party.over
    other.close()
    assert other.party.over and other.party.end is None


def test_a_task_that_leaves_does_not_wait_for_a_chief_that_hangs():
    other = Other()
    other.party.leave(Goodbye(Ending.COMPLETE), other.now)
    other.tick()
    other.tick(TIMES.farewell)
    assert other.party.over


def test_an_error_that_comes_of_anothers_loss_is_told_as_the_loss():
    other = Other()
    other.party.leave(Failure(Cause.ERROR, "UnavailableError"), other.now)
    other.tick()
    assert not other.sent_to(LINK, Failure)
    other.receive(Failure(Cause.LOST, "the chief lost worker 1"))
    assert end_of(other) == (ExitStatus.PEER_LOST, "the chief lost worker 1")


def test_an_error_of_its_own_is_told_after_a_moment_whatever_others_failed_of():
    other = Other()
    other.party.leave(Failure(Cause.ERROR, "ValueError"), other.now)
    other.tick(TIMES.settling)
    assert other.sent_to(LINK, Failure) == [Failure(Cause.ERROR, "ValueError")]
    other = Other()
    other.party.leave(Failure(Cause.ERROR, "ValueError"), other.now)
    other.receive(Failure(Cause.ERROR, "worker 1 failed (ValueError)"))
    other.tick(TIMES.settling)
    assert other.party.end is None and other.party.over


def test_a_usage_failure_is_told_at_once():
    other = Other()
    other.party.leave(Failure(Cause.USAGE, "no room"), other.now)
    other.tick()
    assert other.sent_to(LINK, Failure) == [Failure(Cause.USAGE, "no room")]


# Time.


def test_time_in_which_the_process_did_not_run_counts_little():
    times = iter([100.0, 100.5, 101.0, 5000.0, 5000.5])
    clock = Clock(2.0, lambda: next(times))
    assert [clock.advance() for _ in range(4)] == [0.5, 1.0, 3.0, 3.5]

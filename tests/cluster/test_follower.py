"""The side of a task that is not the chief, with a clock of its own."""

import pytest

from cluster.membership.messages import (
    AskToStop,
    Cause,
    Ending,
    Failure,
    Goodbye,
    Ready,
    Welcome,
)
from cluster.membership.party import TIMES
from settings import ExitStatus
from tests.cluster.sides import COMPLETE, LINK, PREEMPTED, Other, end_of


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
    evaluator = Other("evaluator")
    evaluator.receive(PREEMPTED)
    evaluator.receive(COMPLETE)
    evaluator.pass_time(1000, heard=[LINK])
    assert evaluator.party.end is None
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

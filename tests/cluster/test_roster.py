"""The chief's side once the job has begun: who is lost, who leaves, and what follows. The clock is an argument."""

import pytest

from cluster.membership.messages import (
    Announcement,
    AskToStop,
    Beat,
    Cause,
    Ending,
    Failure,
    Go,
    Goodbye,
    Welcome,
)
from cluster.membership.party import TIMES, Clock
from settings import ExitStatus
from tests.cluster.sides import COMPLETE, PREEMPTED, Chief, end_of


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


def test_a_connection_that_is_closed_while_the_chief_leaves_is_no_loss():
    chief = Chief(workers=2).begin()
    chief.party.leave(Goodbye(Ending.COMPLETE), chief.now)
    chief.tick()
    chief.close(1)
    chief.close(2)
    assert chief.party.end is None and chief.party.over


def test_it_does_not_wait_for_ever():
    chief = Chief().begin()
    chief.party.leave(Goodbye(Ending.COMPLETE), chief.now)
    chief.pass_time(round(TIMES.goodbyes) - 1, heard=[1])
    assert not chief.party.over
    chief.pass_time(2, heard=[1])
    assert chief.party.over


def test_time_in_which_the_process_did_not_run_counts_little():
    times = iter([100.0, 100.5, 101.0, 5000.0, 5000.5])
    clock = Clock(2.0, lambda: next(times))
    assert [clock.advance() for _ in range(4)] == [0.5, 1.0, 3.0, 3.5]

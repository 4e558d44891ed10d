"""How tasks of a job work and end together over real sockets, in threads of this process."""

import dataclasses
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from cluster.membership import Announcement, Ending, calling, joining
from cluster.membership.messages import Hello
from cluster.task import split
from settings import Preempted, UserError
from tests.cluster.jobs import (
    COMPLETE,
    LONG,
    TIMES,
    Job,
    call_as,
    finish,
    make_limits,
    nothing,
    raising,
    train,
    until_left,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("quick")


def test_a_request_to_stop_reaches_the_chief_from_everywhere_once(tmp_path):
    calls: list[str] = []

    def body(task, members):
        if task.task.name == "worker 0":
            members.ask_to_stop()
            members.ask_to_stop()
        if task.task.is_chief:
            wait_until(lambda: calls)
            members.announce(Ending.PREEMPTED, 3)
        return members.wait_for_announcement(LONG)

    job = Job(tmp_path, evaluator=True)
    for name in job.tasks:
        job.start(name, body, on_stop_asked=lambda name=name: calls.append(name))
    assert [task.finish().result for task in job.running] == [Announcement(Ending.PREEMPTED, 3)] * 3
    assert calls == ["chief"]


def test_the_chief_asks_itself(tmp_path):
    job = Job(tmp_path)
    job.start_all(nothing, chief=lambda task, members: members.ask_to_stop() or task.asked.is_set())
    assert [task.error for task in finish(job)] == [None] * 2
    assert job.running[0].result is True


def test_nobody_can_connect_once_the_job_has_begun(tmp_path):
    def lead(task, members):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(split(task.task.watch_address))
        train(task, members)

    job = Job(tmp_path)
    job.start_all(train, chief=lead)
    assert [task.error for task in finish(job)] == [None] * 2


def test_signals_are_left_to_the_main_thread(tmp_path):
    """Neither task leaves before both threads have been looked at: one that has ended has no status."""

    def lead(task, members):
        threads = [thread for thread in threading.enumerate() if thread.name == "membership"]
        statuses = [Path(f"/proc/self/task/{thread.native_id}/status").read_text() for thread in threads]
        train(task, members)
        return statuses

    job = Job(tmp_path)
    job.start_all(train, chief=lead)
    chief, worker = finish(job)
    assert (chief.error, worker.error) == (None, None)
    assert len(chief.result) == 2
    for status in chief.result:
        (mask,) = re.findall(r"^SigBlk:\s*(\w+)$", status, re.M)
        assert all(int(mask, 16) >> (number - 1) & 1 for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1))


def test_only_the_chief_announces(tmp_path):
    job = Job(tmp_path)
    job.start_all(train, worker_0=lambda task, members: members.announce(Ending.COMPLETE, 1))
    _, worker = finish(job)
    assert isinstance(worker.error, RuntimeError)


def test_nothing_announced_is_not_waited_for_longer_than_asked(tmp_path):
    job = Job(tmp_path)
    job.start_all(train, chief=lambda task, members: (members.wait_for_announcement(0.01), train(task, members)))
    chief, _ = finish(job)
    assert chief.result == (None, COMPLETE)


def test_the_chief_waits_for_an_evaluator_that_still_evaluates(tmp_path):
    order = []

    def evaluate(task, members):
        assert members.wait_for_announcement(LONG) == COMPLETE
        order.append("evaluated")

    def lead(task, members):
        train(task, members)
        order.append("waited")

    job = Job(tmp_path, evaluator=True)
    job.start_all(train, chief=lead, evaluator=evaluate)
    assert [task.error for task in finish(job)] == [None] * 3
    assert order == ["evaluated", "waited"]


def test_a_stall_ends_all_and_steps_and_pauses_are_none(tmp_path, capfd):
    def lead(task, members):
        for _ in range(13):
            time.sleep(0.1)
            members.progress()
        with members.paused("an evaluation"), members.paused("its figure"):
            time.sleep(1.3)
        assert not task.left.is_set()
        until_left(task, members)

    job = Job(tmp_path, make_limits(stall_timeout=1))
    job.start_all(until_left, chief=lead)
    assert [task.statuses for task in finish(job)] == [[76], [76]]
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2 and all(
        line.startswith("error: no step for 1 s after its figure; this task ends with status 76") for line in lines
    )


@pytest.mark.parametrize("failing", ["chief", "worker 0", "evaluator"])
def test_what_only_the_user_can_put_right_ends_all_with_status_2(tmp_path, capfd, failing):
    job = Job(tmp_path, evaluator=True)
    error = UserError("no room on the disk;\nmake room")
    options = {failing.replace(" ", "_"): raising(error)}
    job.start_all(until_left, **options)
    for task in finish(job):
        if task.task.name == failing:
            assert task.error is error and task.statuses == []
        else:
            assert task.statuses == [2], task.task.name
    name = "the chief" if failing == "chief" else failing
    address = job.tasks[failing].address
    assert capfd.readouterr().err.splitlines() == [f"error: {name} ({address}): no room on the disk; make room"] * 2


@pytest.mark.parametrize("failing", ["chief", "worker 0"])
@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_an_error_in_a_task_ends_the_others_with_status_76(tmp_path, capfd, failing, error):
    job = Job(tmp_path, workers=2)
    job.start_all(until_left, **{failing.replace(" ", "_"): raising(error)})
    for task in finish(job):
        assert task.statuses == ([] if task.task.name == failing else [76])
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(f" ({job.tasks[failing].address}) failed ({type(error).__name__}" in line for line in lines)


def test_a_task_that_goes_without_a_word_is_lost_to_all(tmp_path, capfd):
    job = Job(tmp_path, workers=2)
    job.start("chief", until_left)
    job.start("worker 0", until_left)
    with socket.socket() as quiet:
        call_as(job, "worker 1", quiet)
        for task in job.running:
            assert task.inside.wait(LONG)
    assert [task.statuses for task in finish(job)] == [[76], [76]]
    address = job.tasks["worker 1"].address
    assert sorted(capfd.readouterr().err.splitlines()) == sorted(
        f"error: {who}lost worker 1 ({address}): its connection was closed; this task ends with status 76, so that the"
        " job is started again from its newest checkpoint"
        for who in ("", "the chief ")
    )


def test_a_task_that_is_silent_is_lost(tmp_path, capfd):
    job = Job(tmp_path, make_limits(peer_timeout=1))
    job.start("chief", until_left)
    with socket.socket() as quiet:
        call_as(job, "worker 0", quiet)
        assert job.running[0].finish().statuses == [76]
    assert "it was silent for 1 s" in capfd.readouterr().err


def test_a_clean_up_that_fails_or_hangs_holds_up_no_end(monkeypatch, tmp_path):
    monkeypatch.setattr(joining, "TIMES", dataclasses.replace(TIMES, clean_up=0.2))
    over = threading.Event()
    done = []

    def fail():
        done.append("failed")
        raise ValueError

    def hang():
        done.append("hung")
        over.wait(LONG)

    job = Job(tmp_path, workers=2)
    job.start("chief", until_left, clean_up=hang)
    job.start("worker 0", until_left, clean_up=fail)
    job.start("worker 1", raising(ValueError("x")))
    assert [task.statuses for task in finish(job)] == [[76], [76], []]
    over.set()
    assert sorted(done) == ["failed", "hung"]


def test_an_error_that_comes_of_a_loss_ends_the_task_as_the_loss_does(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(joining, "TIMES", dataclasses.replace(TIMES, settling=LONG / 2))
    job = Job(tmp_path)
    with socket.socket() as quiet:
        chief = job.start("chief", raising(ConnectionResetError("socket closed")))
        call_as(job, "worker 0", quiet)
        assert chief.inside.wait(LONG)
    assert chief.finish().statuses == [76]
    assert "lost worker 0" in capfd.readouterr().err


@pytest.mark.parametrize(("ending", "status"), [(Ending.COMPLETE, 0), (Ending.PREEMPTED, 75)])
def test_a_task_that_does_not_end_by_itself_after_the_announcement_is_ended(monkeypatch, tmp_path, ending, status):
    monkeypatch.setattr(joining, "TIMES", dataclasses.replace(TIMES, preempted=0.2, complete=0.2))

    job = Job(tmp_path)
    job.start_all(until_left, chief=lambda task, members: members.announce(ending, 7))
    chief, worker = finish(job)
    assert chief.error is None and chief.statuses == [] and worker.statuses == [status]
    assert worker.lines[-1] == f"the job is {ending.value}, and this task is ended with it, with status {status}"


def test_a_chief_that_is_preempted_takes_the_others_with_it(tmp_path):
    def lead(task, members):
        members.announce(Ending.PREEMPTED, 7)
        raise Preempted("stopped by SIGTERM")

    def follow(task, members):
        raise Preempted(f"stopped with the chief at step {members.wait_for_announcement(LONG).step}")

    job = Job(tmp_path, workers=2, evaluator=True)
    job.start_all(follow, chief=lead)
    for task in finish(job):
        assert isinstance(task.error, Preempted) and task.statuses == []


def test_an_announcement_is_heard_while_a_task_does_something_else(tmp_path):
    def follow(task, members):
        wait_until(lambda: members.announced)
        return members.announced

    job = Job(tmp_path)
    job.start_all(train, worker_0=follow)
    assert [task.result for task in finish(job)] == [COMPLETE] * 2


def test_a_hello_names_this_process(tmp_path):
    job = Job(tmp_path, workers=2)
    hello = calling.hello_of(job.tasks["worker 1"], {"boundaries": (1, 2)})
    assert hello == Hello(
        job.tasks["worker 1"].role,
        1,
        host=socket.gethostname(),
        pid=os.getpid(),
        num_tasks=3,
        run={"boundaries": [1, 2]},
    )

"""How tasks of a job come together over real sockets, in threads of this process."""

import contextlib
import dataclasses
import os
import socket
import stat
import time

import pytest

from cluster import membership
from cluster.membership import Ending, calling, joining
from cluster.membership.messages import LONGEST
from cluster.task import ALONE, split
from settings import PeerLost, Preempted, UserError
from tests.cluster.jobs import (
    COMPLETE,
    LONG,
    TIMES,
    Job,
    Running,
    finish,
    make_limits,
    nothing,
    train,
    until_left,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("quick")


def test_a_job_starts_trains_and_ends(tmp_path):
    job = Job(tmp_path, workers=2, ps=1, evaluator=True)
    job.start_all(train, ps_0=until_left)
    for task in finish(job):
        assert task.error is None, task.error
        is_ps = task.task.name == "ps 0"
        assert task.result == (None if is_ps else COMPLETE)
        assert task.statuses == ([0] if is_ps else [])


def test_nobody_begins_before_the_last_has_come(tmp_path):
    job = Job(tmp_path, workers=2)
    chief = job.start("chief", train)
    first = job.start("worker 0", train)
    wait_until(lambda: "Waiting for worker 1 (" in "".join(chief.lines[-1:]))
    assert not chief.inside.is_set() and not first.inside.is_set()
    job.start("worker 1", train)
    assert [task.error for task in finish(job)] == [None] * 3
    assert f"Waiting for the chief ({job.tasks['chief'].watch_address})" in first.lines


def test_the_others_may_come_before_the_chief(tmp_path):
    job = Job(tmp_path)
    worker = job.start("worker 0", train)
    wait_until(lambda: worker.lines)
    job.start("chief", train)
    assert [task.error for task in finish(job)] == [None] * 2


def test_a_second_job_of_the_same_processes_starts_after_the_first(tmp_path):
    job = Job(tmp_path, evaluator=True)
    for _ in range(3):
        job.running.clear()
        job.start_all(train)
        assert [task.error for task in finish(job)] == [None] * 3


def test_who_does_not_come_is_named(tmp_path):
    job = Job(tmp_path, make_limits(startup_timeout=1), workers=2)
    job.start("chief", nothing)
    job.start("worker 1", nothing, limits=make_limits())
    for task in finish(job):
        assert isinstance(task.error, PeerLost)
        assert "waited 1 s in vain for worker 0 (localhost:" in str(task.error) and "status 76" in str(task.error)


def test_a_chief_that_does_not_come_is_named(tmp_path):
    job = Job(tmp_path, make_limits(startup_timeout=1))
    job.start("worker 0", nothing)
    (worker,) = finish(job)
    assert isinstance(worker.error, PeerLost)
    assert str(worker.error).startswith(f"waited 1 s in vain for the chief ({worker.task.watch_address})")


def test_other_flags_are_refused_for_all_also_for_those_who_come_later(monkeypatch, tmp_path):
    monkeypatch.setattr(joining, "TIMES", dataclasses.replace(TIMES, latecomers=LONG))
    job = Job(tmp_path, workers=3)
    job.start("chief", nothing, run={"seed": 1, "batch_size": 128})
    job.start("worker 0", nothing, run={"seed": 1, "batch_size": 128})
    job.start("worker 1", nothing, run={"seed": 1, "batch_size": 64}).finish()
    job.start("worker 2", nothing, run={"seed": 1, "batch_size": 128})
    line = "worker 1 has --batch_size=64, the chief --batch_size=128; start all tasks with the same flags"
    for task in finish(job):
        assert isinstance(task.error, UserError) and str(task.error) == line


def test_the_chief_prepares_before_any_other_begins(tmp_path):
    def prepare():
        order.append("prepared")
        time.sleep(0.2)
        order.append("done")

    order: list[str] = []
    job = Job(tmp_path)
    for name in job.tasks:
        job.start(name, lambda task, members: order.append(task.task.name), prepare=prepare)
    assert [task.error for task in finish(job)] == [None] * 2
    assert order[:2] == ["prepared", "done"] and len(order) == 4


def test_a_chief_that_cannot_prepare_the_job_ends_all(monkeypatch, tmp_path):
    monkeypatch.setattr(joining, "TIMES", dataclasses.replace(TIMES, latecomers=LONG))

    def prepare():
        raise UserError("other flags than the run was started with")

    job = Job(tmp_path, workers=2)
    chief = job.start("chief", nothing, prepare=prepare)
    wait_until(lambda: "Waiting for" in "".join(chief.lines))
    job.start("worker 0", nothing)
    job.start("worker 1", nothing)
    for task in finish(job):
        assert isinstance(task.error, UserError) and str(task.error).endswith(
            "other flags than the run was started with"
        )


def test_two_tasks_of_one_name_are_refused(tmp_path):
    job = Job(tmp_path, workers=2)
    job.start("chief", nothing)
    job.start("worker 0", nothing)
    job.start("worker 0", nothing)
    for task in finish(job):
        assert isinstance(task.error, UserError) and "two tasks say that they are worker 0" in str(task.error)


def test_a_directory_that_is_not_shared_is_refused_by_the_task_that_does_not_see_it(tmp_path):
    job = Job(tmp_path / "chief", workers=2)
    job.start("chief", nothing)
    job.start("worker 0", nothing)
    other = tmp_path / "other"
    other.mkdir()
    # As left behind by an earlier start.
    (other / "cluster.token").write_text("0" * 32)
    job.start("worker 1", nothing, model_dir=str(other))
    words = f"worker 1 on host {socket.gethostname()} does not see --model_dir={other} as the chief does; give a"
    chief, first, second = finish(job)
    assert isinstance(second.error, UserError) and str(second.error).startswith(words)
    for task in (chief, first):
        assert isinstance(task.error, UserError)
        assert str(task.error).startswith(f"worker 1 (localhost:{split(second.task.address)[1]}): {words}")


def test_a_file_that_is_seen_late_is_waited_for(monkeypatch, tmp_path):
    looks = iter([False, False])
    original = membership.shared_token.is_seen
    monkeypatch.setattr(
        membership.shared_token, "is_seen", lambda *about: next(looks, None) is None and original(*about)
    )
    job = Job(tmp_path)
    job.start_all(train)
    assert [task.error for task in finish(job)] == [None] * 2


def test_the_token_is_gone_once_the_job_has_begun(tmp_path):
    job = Job(tmp_path / "not" / "there" / "yet")
    job.start_all(lambda task, members: os.listdir(task.model_dir) if task.task.is_chief else None)
    chief, _ = finish(job)
    assert chief.error is None and chief.result == []


def test_the_token_is_made_as_the_umask_says_and_replaces_what_an_earlier_start_left(tmp_path):
    path = tmp_path / "cluster.token"
    path.write_text("old")
    with membership.shared_token.written(str(tmp_path)) as token:
        assert path.read_text() == token and len(token) == 32
        umask = os.umask(0)
        os.umask(umask)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
        assert membership.shared_token.is_seen(str(tmp_path), token)
        assert not membership.shared_token.is_seen(str(tmp_path), "other")
    assert os.listdir(tmp_path) == []
    with membership.shared_token.written(str(tmp_path)):
        path.write_text("that of another start")
    assert path.exists()


def test_a_token_that_is_a_link_is_neither_written_nor_read(tmp_path):
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "cluster.token").symlink_to(target)
    job = Job(tmp_path / "run")
    job.start("chief", nothing)
    (chief,) = finish(job)
    assert isinstance(chief.error, UserError)
    assert "cluster.token (it is a symbolic link)" in str(chief.error) and target.read_text() == "precious"
    assert not membership.shared_token.is_seen(str(tmp_path / "run"), "precious")


def test_a_port_in_use_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(calling, "SECONDS_FOR_PORT", 0.0)
    job = Job(tmp_path)
    port = split(job.tasks["chief"].watch_address)[1]
    with socket.create_server(("", port)):
        job.start("chief", nothing)
        (chief,) = finish(job)
    assert isinstance(chief.error, UserError)
    assert str(chief.error).startswith(f"cannot listen on port {port} (Address already in use), which the chief needs")


def test_a_task_keeps_its_port_until_tensorflow_needs_it(tmp_path):
    job = Job(tmp_path)
    chief, worker = (split(task.address) for task in job.tasks.values())

    def lead(task, members):
        for place in (chief, worker):
            wait_until(lambda place=place: not is_open(place))
        train(task, members)

    job.start("chief", lead)
    wait_until(lambda: is_open(chief))
    job.start("worker 0", train)
    assert [task.error for task in finish(job)] == [None] * 2


def test_a_port_that_this_process_has_from_its_last_run_is_no_obstacle(monkeypatch, tmp_path):
    monkeypatch.setattr(calling, "SECONDS_FOR_PORT", 0.0)
    job = Job(tmp_path)
    with contextlib.ExitStack() as servers:
        for task in job.tasks.values():
            servers.enter_context(socket.create_server(("", split(task.address)[1])))
        job.start_all(train)
        assert [task.error for task in finish(job)] == [None] * 2


def is_open(place):
    with socket.socket() as call:
        return call.connect_ex(place) == 0


def test_a_signal_that_stops_a_task_at_its_start_does_not_leave_the_others_waiting(monkeypatch, tmp_path):
    def stopped(*about, **more):
        raise Preempted("stopped by SIGTERM")

    job = Job(tmp_path, workers=2)
    chief = job.start("chief", nothing)
    monkeypatch.setattr(joining, "_look_for_token", stopped)
    worker = job.start("worker 0", nothing)
    assert isinstance(worker.finish().error, Preempted)
    assert isinstance(chief.finish().error, PeerLost)
    assert "worker 0 (localhost:" in str(chief.error) and "left before the job began" in str(chief.error)


def test_strangers_are_dropped_and_the_job_begins(tmp_path):
    def dropped():
        return [line for line in chief.lines if "dropped a connection" in line]

    job = Job(tmp_path)
    chief = job.start("chief", train)
    wait_until(lambda: chief.lines)
    place = ("localhost", split(chief.task.watch_address)[1])
    beats = b'{"kind": "beat"}\n' * 100
    with contextlib.ExitStack() as stack:
        for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\n\x00", b"{" * 3 * LONGEST, beats):
            stranger = stack.enter_context(socket.create_connection(place))
            with contextlib.suppress(ConnectionError):
                stranger.sendall(words)
                assert stranger.recv(1) == b""
        assert len(dropped()) == 3
        silent = stack.enter_context(socket.create_connection(place))
        many = [stack.enter_context(socket.create_connection(place)) for _ in range(40)]
        # There is no room for so many: the oldest go first.
        assert silent.recv(1) == b""
        job.start("worker 0", train)
        assert [task.error for task in finish(job)] == [None] * 2
        assert many[-1].recv(1) == b""
    assert len(dropped()) == 3 and len(chief.lines) < 7


def test_a_task_calls_again_where_somebody_else_answers(tmp_path):
    job = Job(tmp_path)
    place = split(job.tasks["chief"].watch_address)
    with socket.create_server(("", place[1])) as impostor:
        worker = job.start("worker 0", train)
        for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b'{"kind": "go"}\n'):
            call, _ = impostor.accept()
            with call:
                call.sendall(answer)
    job.start("chief", train)
    assert [task.error for task in finish(job)] == [None] * 2
    assert worker.result == COMPLETE


def test_one_alone_opens_nothing(tmp_path):
    told: list[str] = []
    alone = Running(
        ALONE,
        make_limits(),
        lambda task, members: members,
        model_dir=str(tmp_path),
        prepare=lambda: told.append("prepared"),
    )
    members = alone.finish().result
    assert os.listdir(tmp_path) == [] and alone.lines == [] and told == ["prepared"]
    members.progress()
    with members.paused("an evaluation"):
        members.ask_to_stop()
    members.announce(Ending.COMPLETE, 7)
    members.wait_for_evaluator()
    assert members.announced is None and members.wait_for_announcement(LONG) is None
    assert not alone.asked.is_set()

"""Tasks of a job that talk to each other over real sockets, most of them in threads of this process."""

import contextlib
import dataclasses
import os
import socket
import stat
import threading
import time

import pytest

from cluster import calling, membership
from cluster.membership import Announcement, Ending
from cluster.messages import LONGEST, Hello, encode
from cluster.task import ALONE, split
from settings import PeerLost, Preempted, UserError
from tests.cluster.jobs import LONG, TIMES, Job, Running, make_limits

COMPLETE = Announcement(Ending.COMPLETE, 7)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Short times, and no thread or open file left behind."""
    monkeypatch.setattr(membership, "TIMES", TIMES)
    threads, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(LONG)
        assert not thread.is_alive(), thread
    assert len(os.listdir("/proc/self/fd")) == files


def nothing(task, members):
    return None


def until_left(task, members):
    """As a task whose main thread is held up: it does nothing until its process is ended."""
    task.inside.set()
    assert task.left.wait(LONG)


def train(task, members):
    """As a run that is complete at step 7."""
    if task.task.is_chief:
        members.announce(*dataclasses.astuple(COMPLETE))
        members.wait_for_evaluator()
        return members.announced
    return members.wait_for_announcement(LONG)


def raising(error, *, after=()):
    def body(task, members):
        for each in after:
            assert each().inside.wait(LONG)
        raise error

    return body


def wait_until(so):
    deadline = time.monotonic() + LONG
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def finish(job):
    return [task.finish() for task in job.running]


def line_of(capfd):
    return capfd.readouterr().err.splitlines()


# Starting.


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
    monkeypatch.setattr(membership, "TIMES", dataclasses.replace(TIMES, latecomers=LONG))
    job = Job(tmp_path, workers=3)
    job.start("chief", nothing, run={"seed": 1, "batch_size": 128})
    job.start("worker 0", nothing, run={"seed": 1, "batch_size": 128})
    job.start("worker 1", nothing, run={"seed": 1, "batch_size": 64}).finish()
    job.start("worker 2", nothing, run={"seed": 1, "batch_size": 128})
    line = "worker 1 has --batch_size=64, the chief --batch_size=128; start all tasks with the same flags"
    for task in finish(job):
        assert isinstance(task.error, UserError) and str(task.error) == line


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
    assert str(chief.error).startswith(f"the chief cannot listen on port {port} (Address already in use)")


def test_a_signal_that_stops_a_task_at_its_start_does_not_leave_the_others_waiting(monkeypatch, tmp_path):
    def stopped(*about, **more):
        raise Preempted("stopped by SIGTERM")

    job = Job(tmp_path, workers=2)
    chief = job.start("chief", nothing)
    monkeypatch.setattr(membership, "_look_for_token", stopped)
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
    asked = []
    alone = Running(ALONE, make_limits(), lambda task, members: members, model_dir=str(tmp_path), run={})
    members = alone.finish().result
    assert os.listdir(tmp_path) == [] and alone.lines == []
    members.progress()
    with members.paused("an evaluation"):
        members.ask_to_stop()
    members.announce(Ending.COMPLETE, 7)
    members.wait_for_evaluator()
    assert members.announced is None and members.wait_for_announcement(LONG) is None and not asked


# While it runs.


def test_a_request_to_stop_reaches_the_chief_from_everywhere_once(tmp_path):
    calls = []

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
        for _ in range(8):
            time.sleep(0.25)
            members.progress()
        with members.paused("an evaluation"), members.paused("its figure"):
            time.sleep(1.5)
        assert not task.left.is_set()
        until_left(task, members)

    job = Job(tmp_path, make_limits(stall_timeout=1))
    job.start_all(until_left, chief=lead)
    assert [task.statuses for task in finish(job)] == [[76], [76]]
    lines = line_of(capfd)
    assert len(lines) == 2 and all(
        line.startswith("error: no step for 1 s after its figure; this task ends with status 76") for line in lines
    )


# Ends.


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
    assert line_of(capfd) == [f"error: {name} ({address}): no room on the disk; make room"] * 2


@pytest.mark.parametrize("failing", ["chief", "worker 0"])
@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_an_error_in_a_task_ends_the_others_with_status_76(tmp_path, capfd, failing, error):
    job = Job(tmp_path, workers=2)
    job.start_all(until_left, **{failing.replace(" ", "_"): raising(error)})
    for task in finish(job):
        assert task.statuses == ([] if task.task.name == failing else [76])
    lines = line_of(capfd)
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
    assert sorted(line_of(capfd)) == sorted(
        f"error: {who}lost worker 1 ({address}): its connection was closed; this task ends with status 76, so that the"
        " job is started again from its newest checkpoint"
        for who in ("", "the chief ")
    )


def call_as(job, name, connection):
    """Comes into the job as a task of that name would, and then says nothing more."""
    task = job.tasks[name]
    place = split(task.watch_address)
    wait_until(lambda: connection.connect_ex(place) == 0)
    connection.settimeout(LONG)
    connection.sendall(encode(calling.hello_of(task, {"batch_size": 64})))
    assert b"welcome" in connection.recv(LONGEST)
    connection.sendall(b'{"kind": "ready"}\n')


def test_a_task_that_is_silent_is_lost(tmp_path, capfd):
    job = Job(tmp_path, make_limits(peer_timeout=1))
    job.start("chief", until_left)
    with socket.socket() as quiet:
        call_as(job, "worker 0", quiet)
        assert job.running[0].finish().statuses == [76]
    assert "it was silent for 1 s" in capfd.readouterr().err


def test_a_clean_up_that_fails_or_hangs_holds_up_no_end(monkeypatch, tmp_path):
    monkeypatch.setattr(membership, "TIMES", dataclasses.replace(TIMES, clean_up=0.2))
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
    monkeypatch.setattr(membership, "TIMES", dataclasses.replace(TIMES, settling=LONG / 2))
    job = Job(tmp_path)
    with socket.socket() as quiet:
        chief = job.start("chief", raising(ConnectionResetError("socket closed")))
        call_as(job, "worker 0", quiet)
        assert chief.inside.wait(LONG)
    assert chief.finish().statuses == [76]
    assert "lost worker 0" in capfd.readouterr().err


@pytest.mark.parametrize(("ending", "status"), [(Ending.COMPLETE, 0), (Ending.PREEMPTED, 75)])
def test_a_task_that_does_not_end_by_itself_after_the_announcement_is_ended(monkeypatch, tmp_path, ending, status):
    monkeypatch.setattr(membership, "TIMES", dataclasses.replace(TIMES, preempted=0.2, complete=0.2))

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

"""The queue: put and take."""

import json
import os
import socket
import stat

from control import requests
from control.requests import Taken
from tests.control.common import HALF, SESSION, folder_of, names, put, take


def test_a_request_comes_out_once_as_it_went_in(tmp_path):
    identity = put(tmp_path)
    assert take(tmp_path) == [Taken(id=identity, who="ada@host", request=HALF, refusal=None)]
    assert take(tmp_path) == [] and names(tmp_path) == []


def test_requests_come_out_in_order_of_making(tmp_path):
    """Also across a change in the number of digits of the time, and within one process."""
    times = [10**19, 9, 10**18, 10**18 + 1]
    by_time = {time: put(tmp_path, time_ns=lambda time=time: time) for time in times}
    assert [taken.id for taken in take(tmp_path)] == [by_time[time] for time in sorted(times)]
    ids = [put(tmp_path) for _ in range(20)]
    assert [taken.id for taken in take(tmp_path)] == ids


def test_requests_of_one_instant_are_both_there(tmp_path):
    assert put(tmp_path, time_ns=lambda: 5) != put(tmp_path, time_ns=lambda: 5)
    assert len(take(tmp_path)) == 2


def test_a_host_name_cannot_leave_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "../a.b" + "c" * 300)
    put(tmp_path)
    assert len(take(tmp_path)) == 1


def test_a_request_tells_when_it_was_made(tmp_path):
    identity = put(tmp_path, time_ns=lambda: 1_735_787_045 * 10**9 + 123_456_789)
    fields = json.loads((folder_of(tmp_path) / f"{identity}.json").read_text())
    assert (fields["made"], fields["who"], fields["session"]) == ("2025-01-02T03:04:05+00:00", "ada@host", SESSION)


def test_a_file_appears_whole_and_with_the_usual_permissions(tmp_path, monkeypatch):
    """The data is on disk before the name is there."""
    sizes, before = [], []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        sizes.append(os.fstat(descriptor).st_size)
        fsync(descriptor)

    def watched_replace(old, new):
        before.extend([*sizes, *names(tmp_path)])
        replace(old, new)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    identity = put(tmp_path)
    size, temporary = before
    assert size == (folder_of(tmp_path) / f"{identity}.json").stat().st_size
    assert temporary.startswith(".")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((folder_of(tmp_path) / f"{identity}.json").stat().st_mode) == 0o666 & ~umask


def test_no_folder_is_no_requests(tmp_path):
    assert take(tmp_path / "none") == [] == take(tmp_path)
    (tmp_path / requests.FOLDER).write_text("a file")
    assert take(tmp_path) == []

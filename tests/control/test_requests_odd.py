"""The queue: whatever anybody may put into its folder, the training job goes on."""

import json
import os
import random
import socket

import pytest

from control import requests
from control.requests import Answer
from tests.control.common import HALF, NOW, SESSION, fail, folder_of, names, put, refused, take


def test_what_is_no_request_is_left_alone(tmp_path):
    others = [".1-h-2-ab.json.77", ".nfs0001", "1-h-2-ab.answer.json", "notes.txt"]
    for name in others:
        (folder_of(tmp_path) / name).write_text("{")
        os.utime(folder_of(tmp_path) / name, (NOW - 3600, NOW - 3600))
    assert take(tmp_path) == []
    assert names(tmp_path) == sorted(others)


def test_what_the_dead_left_behind_is_swept_out_after_an_hour(tmp_path):
    dead = [".1-h-2-ab.json.77", ".1-h-2-ab.answer.json.77", "1-h-2-ab.answer.json", "a\nb.answer.json"]
    others = [".1-h-2-ab.json.77.mine", ".nfs0001", "notes.txt"]
    for name in dead + others:
        (folder_of(tmp_path) / name).write_text("{")
        os.utime(folder_of(tmp_path) / name, (NOW - 3601, NOW - 3601))
    (folder_of(tmp_path) / "directory.answer.json").mkdir()
    os.utime(folder_of(tmp_path) / "directory.answer.json", (0, 0))
    assert take(tmp_path, now=NOW) == []
    assert names(tmp_path) == sorted([*others, "directory.answer.json"])


def test_a_request_to_another_start_of_the_run_is_stale(tmp_path):
    put(tmp_path, session="2025-01-01T00:00:00+00:00")
    taken = refused(tmp_path)
    assert "stale: it was made for the start of 2025-01-01T00:00:00+00:00, this one began 2025-01-02" in taken.refusal
    assert taken.who == "ada@host"


@pytest.mark.parametrize(
    ("content", "phrase"),
    [(b"{", "not JSON"), (b"{}" + b" " * 4094, "the keys must be"), (b"{}" + b" " * 4095, "longer than 4096 bytes")],
)
def test_a_file_that_is_no_proper_request_is_refused_by_name(tmp_path, content, phrase):
    (folder_of(tmp_path) / "mine.json").write_bytes(content)
    taken = refused(tmp_path)
    assert taken.refusal.startswith("request 'mine.json' refused: ") and phrase in taken.refusal
    assert (taken.id, taken.who) == ("mine", "unknown")
    assert names(tmp_path) == []


def test_a_bad_request_does_not_hold_up_the_good_ones(tmp_path):
    (folder_of(tmp_path) / "0.json").write_text("{")
    (folder_of(tmp_path) / "9.json").write_text("{")
    put(tmp_path, time_ns=lambda: 5)
    assert [taken.request for taken in take(tmp_path)] == [None, HALF, None]


def make_link(path):
    target = path.with_name("target.txt")
    target.write_text("{}")
    path.symlink_to(target)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def make_directory(path):
    path.mkdir()
    (path / "inside").write_text("")


@pytest.mark.parametrize(
    "make", [make_link, make_directory, make_socket, os.mkfifo, lambda path: path.symlink_to(path.parent)]
)
def test_only_regular_files_are_read(tmp_path, monkeypatch, make):
    """A pipe without a writer would stop the training job, a link would let it read anything."""
    monkeypatch.chdir(tmp_path)  # The path of a socket must be short.
    make(folder_of(tmp_path) / "odd.json")
    assert "'odd.json' refused: not a regular file" in refused(tmp_path).refusal
    assert take(tmp_path) == [], "it is refused once"
    assert "odd.json" not in names(tmp_path)


def test_a_pipe_with_a_silent_writer_is_refused(tmp_path):
    path = folder_of(tmp_path) / "odd.json"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    try:
        assert "not a regular file" in refused(tmp_path).refusal
    finally:
        os.close(descriptor)


def test_no_file_stays_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    for make in (make_link, make_directory, os.mkfifo, lambda path: path.write_text("{}")):
        make(folder_of(tmp_path) / f"{make.__name__}.json")
    assert len(take(tmp_path)) == 4
    assert os.listdir("/proc/self/fd") == before


def test_a_file_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    put(tmp_path)
    monkeypatch.setattr(os, "open", fail(PermissionError(13, "Permission denied")))
    assert "not a regular file that can be read (Permission denied)" in refused(tmp_path).refusal
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [FileNotFoundError(2, "gone"), PermissionError(13, "Permission denied")])
def test_what_cannot_be_claimed_is_not_obeyed(tmp_path, monkeypatch, error):
    """It was withdrawn while it was read; or it would be obeyed again every second."""
    put(tmp_path)
    monkeypatch.setattr(type(tmp_path), "unlink", fail(error))
    assert take(tmp_path) == []


def test_a_request_withdrawn_after_the_listing_is_no_request(tmp_path, monkeypatch):
    put(tmp_path)
    monkeypatch.setattr(os, "open", fail(FileNotFoundError(2, "gone")))
    assert take(tmp_path) == []


def mutated(rng, content):
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(content) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            content[place : place + rng.randint(1, 9)] = b""
        elif kind == 1:
            content[place:place] = rng.randbytes(rng.randint(1, 5))
        elif kind == 2:
            content[place : place + 1] = bytes([rng.choice(b'{}[]":,-.0eE9\\utN')])
        else:
            content[place:place] = content[rng.randrange(len(content) + 1) :][: rng.randint(1, 30)]
    return bytes(content)


def odd_value(rng, depth=0):
    kind = rng.randrange(9 if depth < 3 else 7)
    if kind == 7:
        return [odd_value(rng, depth + 1) for _ in range(rng.randrange(3))]
    if kind == 8:
        return {str(number): odd_value(rng, depth + 1) for number in range(rng.randrange(3))}
    number = rng.choice([0, -1, 10**400, 1e308, 1e-320, float("nan"), -float("inf"), 2**63])
    text = rng.choice(["", "set", "\x00", "\ud83d", "\n", "a" * 300, "1", SESSION])
    return [None, True, False, number, text, rng.random(), rng.choice(["scale", "release"])][kind]


def cases(rng, valid):
    for _ in range(250):
        yield mutated(rng, valid)
    for _ in range(250):
        fields = json.loads(valid)
        for key in rng.sample(sorted(fields), rng.randint(1, 2)):
            fields[key] = odd_value(rng)
        yield json.dumps(fields).encode()
    for _ in range(100):
        yield rng.randbytes(rng.randrange(40))
    for depth in range(1, 1500, 50):
        yield valid.replace(b"0.5", b"[" * depth + b"]" * depth)


def test_take_never_raises_and_says_in_one_line_what_was_wrong(tmp_path):
    rng = random.Random(7)
    path = folder_of(tmp_path) / f"{put(tmp_path)}.json"
    accepted = 0
    for content in cases(rng, path.read_bytes()):
        path.write_bytes(content)
        (taken,) = take(tmp_path)
        assert (taken.request is None) == (taken.refusal is not None), content
        if taken.request is None:
            assert taken.refusal.isprintable() and path.name in taken.refusal and len(taken.refusal) < 600, content
        else:
            accepted += 1
            assert taken.request.value is None or 0 < taken.request.value < float("inf"), content
        assert not path.exists()
    assert 0 < accepted < 200, "both kinds are among the cases"


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.json", b"a\nb.json", b"\x1b[2J.json", b"x" * 250 + b".json", b"..x.json.json"]
)
def test_no_name_of_a_file_does_harm(tmp_path, name):
    (folder_of(tmp_path) / os.fsdecode(name)).write_text("{")
    for taken in take(tmp_path):
        assert taken.refusal.isprintable()
        requests.answer(str(tmp_path), taken.id, Answer(accepted=False, message=taken.refusal))
    assert not (folder_of(tmp_path) / os.fsdecode(name)).exists() or name.startswith(b".")

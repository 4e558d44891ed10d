import json
import os

import pytest

from control import journal
from control.journal import Change, Source
from control.state import State
from settings import UserError
from tests.control.common import NEUTRAL


def change(step, *, source=Source.PERSON, what="scale 0.5", state=NEUTRAL):
    return Change(step=step, state=state, who="ada@host", what=what, source=source)


def plateau(step):
    return change(step, source=Source.PLATEAU)


SOME = [change(3, state=State(0.1, 1.0, 0.5)), plateau(5), change(9, state=State(None, 0.25, 1.0), what="é")]


def test_what_is_written_is_read(tmp_path):
    journal.write(str(tmp_path), SOME)
    assert journal.read(str(tmp_path)) == SOME
    journal.write(str(tmp_path), SOME[:1])
    assert journal.read(str(tmp_path)) == SOME[:1]
    assert os.listdir(tmp_path) == ["learning_rate_changes.json"]


def test_the_file_is_a_list_for_people_to_read(tmp_path):
    journal.write(str(tmp_path), [change(3, state=State(0.1, 1.0, 0.5))])
    assert json.loads((tmp_path / journal.FILE_NAME).read_text()) == [
        {
            "step": 3,
            "state": {"rate": 0.1, "factor": 1.0, "plateau": 0.5},
            "who": "ada@host",
            "what": "scale 0.5",
            "source": "person",
        }
    ]


def test_no_file_is_no_changes(tmp_path):
    assert journal.read(str(tmp_path)) == []


def test_a_write_that_fails_keeps_the_old_file_and_is_said(tmp_path, monkeypatch):
    journal.write(str(tmp_path), SOME)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write \S+learning_rate_changes.json \(No space left on device\)"):
        journal.write(str(tmp_path), [])
    assert journal.read(str(tmp_path)) == SOME


def entry(**changes):
    state = {"rate": None, "factor": 1.0, "plateau": 1.0}
    return {"step": 3, "state": state, "who": "a", "what": "b", "source": "person", **changes}


def entry_with_state(**changes):
    return entry(state={**entry()["state"], **changes})


def test_the_entry_that_the_damaged_ones_are_made_from_is_good(tmp_path):
    (tmp_path / journal.FILE_NAME).write_text(json.dumps([entry()]))
    assert journal.read(str(tmp_path))[0].step == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        b"[3]",
        b"[{}]",
        *(
            json.dumps([damaged]).encode()
            for damaged in [
                entry(step="3"),
                entry(step=True),
                entry(step=-1),
                entry(state=None),
                entry(state={}),
                entry(who=None),
                entry(what=7),
                entry(source="nobody"),
                entry_with_state(rate=0),
                entry_with_state(rate="0.1"),
                entry_with_state(rate=True),
                entry_with_state(factor=None),
                entry_with_state(factor=float("nan")),
                entry_with_state(factor=10**400),
                entry_with_state(plateau=-1.0),
                entry_with_state(plateau=float("inf")),
            ]
        ),
    ],
)
def test_a_damaged_file_is_named_with_the_way_out(tmp_path, content):
    (tmp_path / journal.FILE_NAME).write_bytes(content)
    with pytest.raises(UserError, match=r"learning_rate_changes.json cannot be read \(.+\);.* move it away") as error:
        journal.read(str(tmp_path))
    assert str(error.value).isprintable()


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    os.mkdir(tmp_path / journal.FILE_NAME)
    with pytest.raises(UserError, match=r"cannot be read \(.*Is a directory"):
        journal.read(str(tmp_path))


def test_pending_are_the_later_changes_by_people():
    changes = [change(3), change(4), plateau(5), change(9), change(12)]
    assert journal.pending(changes, step=4) == [change(9), change(12)]
    assert journal.pending(changes, step=12) == []


def test_a_new_change_comes_last():
    assert journal.record([change(3), plateau(5)], change(6)) == [change(3), plateau(5), change(6)]


def test_a_person_replaces_what_a_life_of_the_run_that_went_back_had_at_the_step_or_later():
    before = [change(3), change(6, what="old"), plateau(6), change(8), plateau(9)]
    assert journal.record(before, change(6, what="new")) == [change(3), change(6, what="new")]


def test_a_plateau_leaves_what_people_asked_for():
    before = [plateau(3), change(6), plateau(6), change(8), plateau(9)]
    assert journal.record(before, plateau(6)) == [plateau(3), change(6), plateau(6), change(8)]
    assert journal.record([change(8)], plateau(6)) == [plateau(6), change(8)]


def test_a_record_does_not_touch_the_list_that_it_is_given():
    before = [change(3), change(6)]
    journal.record(before, change(2))
    assert before == [change(3), change(6)]

import pytest

from control import json_lines, rollbacks
from settings import UserError


def test_entries_come_back_in_order(tmp_path):
    path = tmp_path / "file"
    for number in range(3):
        json_lines.append(path, {"number": number})
    assert json_lines.read(path) == [{"number": 0}, {"number": 1}, {"number": 2}]


def test_no_file_is_no_entries(tmp_path):
    assert json_lines.read(tmp_path / "file") == []


def test_a_torn_line_harms_no_other(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b'{"number": 0}\n{"num')
    json_lines.append(path, {"number": 2})
    assert json_lines.read(path) == [{"number": 0}, {"number": 2}]


@pytest.mark.parametrize("line", [b"[1]", b"7", b"null", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_entry_is_left_out(tmp_path, line):
    path = tmp_path / "file"
    path.write_bytes(line + b'\n{"number": 1}\n')
    assert json_lines.read(path) == [{"number": 1}]


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(UserError, match="cannot write .*file"):
        json_lines.append(tmp_path / "missing" / "file", {})


def test_rollbacks_are_counted_over_all_starts(tmp_path):
    assert rollbacks.read(str(tmp_path)) == []
    for step in (7, 9):
        rollbacks.append(str(tmp_path), rollbacks.Rollback(diverged_at=step, back_to=step - 2))
    assert rollbacks.read(str(tmp_path)) == [rollbacks.Rollback(7, 5), rollbacks.Rollback(9, 7)]

import json
import math
import os
from typing import Any

import numpy as np
import pytest

from control import evaluations
from settings import UserError


def test_what_is_appended_is_read_by_step(tmp_path):
    evaluations.append(str(tmp_path), 300, {"loss": 1.5, "accuracy": 0.25})
    evaluations.append(str(tmp_path), 600, {"loss": 1.25, "accuracy": 0.5})
    assert evaluations.read(str(tmp_path)) == {
        300: {"loss": 1.5, "accuracy": 0.25},
        600: {"loss": 1.25, "accuracy": 0.5},
    }


def test_an_evaluation_is_a_line(tmp_path):
    evaluations.append(str(tmp_path), 300, {"loss": 1.5})
    evaluations.append(str(tmp_path), 600, {"loss": 1.25})
    lines = (tmp_path / evaluations.FILE_NAME).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 300, "loss": 1.5}, {"step": 600, "loss": 1.25}]


def test_numbers_of_numpy_are_numbers(tmp_path):
    """An Estimator gives them; JSON does not know them."""
    result: dict[str, Any] = {"global_step": np.int64(3), "loss": np.float32(0.5)}
    evaluations.append(str(tmp_path), result.pop("global_step"), result)
    assert evaluations.read(str(tmp_path)) == {3: {"loss": 0.5}}


def test_a_metric_that_is_not_finite_survives(tmp_path):
    evaluations.append(str(tmp_path), 3, {"loss": math.nan, "accuracy": math.inf})
    found = evaluations.read(str(tmp_path))[3]
    assert math.isnan(found["loss"]) and found["accuracy"] == math.inf


def test_the_last_evaluation_of_a_step_wins(tmp_path):
    for step, loss in [(3, 1.0), (6, 0.5), (3, 2.0)]:
        evaluations.append(str(tmp_path), step, {"loss": loss})
    assert evaluations.read(str(tmp_path)) == {3: {"loss": 2.0}, 6: {"loss": 0.5}}


def test_no_file_is_no_evaluations(tmp_path):
    assert evaluations.read(str(tmp_path)) == {}


def test_a_line_torn_anywhere_spoils_nothing_else(tmp_path):
    """Wherever the second of two lines is cut off, the first is read, and so is what is appended after it."""
    path = tmp_path / evaluations.FILE_NAME
    first, second, third = {"loss": 1.5}, {"loss": 1.25}, {"loss": 1.0}
    evaluations.append(str(tmp_path), 300, first)
    whole = len(path.read_bytes())
    evaluations.append(str(tmp_path), 600, second)
    content = path.read_bytes()
    for end in range(whole, len(content) + 1):
        path.write_bytes(content[:end])
        torn = end < len(content) - 1
        assert evaluations.read(str(tmp_path)) == ({300: first} if torn else {300: first, 600: second})
        evaluations.append(str(tmp_path), 900, third)
        assert evaluations.read(str(tmp_path)) == {300: first, **({} if torn else {600: second}), 900: third}
        assert b"\n\n" not in path.read_bytes()


@pytest.mark.parametrize(
    "line",
    [
        *(b"\x00\x00\x00", b"\xff", b"[]", b"3", b"{}", b"[" * 100_000),
        *(b'{"loss": 1}', b'{"step": "3", "loss": 1}', b'{"step": true}', b'{"step": 3, "loss": null}'),
        *(b'{"step": 3, "loss": "x"}', b'{"step": 3, "loss": 1' + b"0" * 400 + b"}"),
    ],
)
def test_a_line_that_is_no_evaluation_is_left_out(tmp_path, line):
    (tmp_path / evaluations.FILE_NAME).write_bytes(line + b"\n")
    evaluations.append(str(tmp_path), 6, {"loss": 0.5})
    assert evaluations.read(str(tmp_path)) == {6: {"loss": 0.5}}


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    os.mkdir(tmp_path / evaluations.FILE_NAME)
    with pytest.raises(UserError, match=r"evaluations.jsonl cannot be read \(Is a directory\)"):
        evaluations.read(str(tmp_path))
    with pytest.raises(UserError, match=r"cannot write \S+evaluations.jsonl \(Is a directory\)"):
        evaluations.append(str(tmp_path), 3, {"loss": 1.0})

"""Rows in every form, read back by somebody else's parser."""

import csv
import io
import json
import os
import re

import numpy as np
import pytest

from serving import Failure, Prediction, write
from settings import OutputFormat

NAMES = ("cat", "Katze, große", "猫")
PROBABILITIES = np.array([0.1, 2 / 3, 1 - 0.1 - 2 / 3], np.float32)
ODD_PATHS = [
    "plain.png",
    "two\nlines.png",
    "carriage\rreturn.png",
    'comma, "quotes" and \\.png',
    "\x1b[31mred.png",
    "größe 猫.png",
    os.fsdecode(b"no text \xff\xfe.png"),
]


def written(results, form, *, classes_shown=2, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    counts = write(results, form=form, class_names=NAMES, classes_shown=classes_shown, file=file)
    return file.buffer.getvalue().decode(encoding), counts


def odd_results():
    return [Prediction(path, PROBABILITIES) for path in ODD_PATHS] + [Failure(path, "it is\nodd") for path in ODD_PATHS]


def test_json_lines_are_read_back_with_every_byte_of_a_path():
    text, counts = written(odd_results(), OutputFormat.JSON_LINES, encoding="ascii")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [os.fsencode(line["path"]) for line in lines] == [os.fsencode(path) for path in ODD_PATHS * 2]
    for line in lines[: len(ODD_PATHS)]:
        assert line["class"] == "Katze, große"
        assert np.float32(line["probability"]) == PROBABILITIES[1]
        assert tuple(line["probabilities"]) == NAMES
        np.testing.assert_array_equal(np.array(list(line["probabilities"].values()), np.float32), PROBABILITIES)
    assert [line["error"] for line in lines[len(ODD_PATHS) :]] == ["it is\nodd"] * len(ODD_PATHS)
    assert {"path", "error"} == set(lines[-1])
    assert counts == (len(ODD_PATHS), len(ODD_PATHS))


def test_csv_is_read_back():
    text, counts = written(odd_results(), OutputFormat.CSV)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert [row["path"] for row in rows] == [*ODD_PATHS[:-1], r"no text \udcff\udcfe.png"] * 2
    for row in rows[: len(ODD_PATHS)]:
        assert (row["class"], row["error"]) == ("Katze, große", "")
        numbers = [float(row[f"probability_{name}"]) for name in NAMES]
        np.testing.assert_array_equal(np.array(numbers, np.float32), PROBABILITIES)
        assert row["probability"] == row["probability_Katze, große"]
    for row in rows[len(ODD_PATHS) :]:
        assert row.pop("path") and row.pop("error") == "it is\nodd"
        assert set(row.values()) == {""}
    assert counts == (len(ODD_PATHS), len(ODD_PATHS))


def test_csv_has_its_header_without_rows():
    text, counts = written([], OutputFormat.CSV)
    header = ["path", "class", "probability", *(f"probability_{name}" for name in NAMES), "error"]
    assert list(csv.reader(io.StringIO(text))) == [header]
    assert counts == (0, 0)


def test_the_table_has_a_line_a_file_and_its_likeliest_classes_first():
    text, _ = written(odd_results(), OutputFormat.TABLE)
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == 2 * len(ODD_PATHS)
    assert {c for c in text if not c.isprintable()} == {"\n"}
    assert re.fullmatch(r"plain\.png +Katze, große +66\.7%  猫 +23\.3%", lines[0])
    assert re.fullmatch(r"two\\nlines\.png +error: it is\\nodd", lines[len(ODD_PATHS) + 1])


def test_the_tables_columns_are_aligned_on_a_terminal():
    orders = [
        Prediction(path, PROBABILITIES[order]) for path in ("a.png", "猫.png") for order in ([0, 1, 2], [1, 0, 2])
    ]
    text, _ = written(orders, OutputFormat.TABLE, classes_shown=9)
    # A terminal gives a character of these two columns.
    lines = [line.replace("猫", "猫.") for line in text.splitlines()]
    assert len({tuple(match.end() for match in re.finditer("%", line)) for line in lines}) == 1
    assert all(line.count("%") == len(NAMES) for line in lines)


def test_characters_that_a_terminal_lacks_are_escaped():
    text, _ = written(odd_results(), OutputFormat.TABLE, encoding="ascii")
    assert r"gr\xf6\xdfe \u732b.png" in text


@pytest.mark.parametrize("form", OutputFormat)
def test_a_row_is_out_before_the_next_prediction_is_made(form):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="utf-8")

    def results():
        for path in ("a.png", "b.png"):
            yield Prediction(path, PROBABILITIES)
            assert path.encode() in raw.getvalue()

    assert write(results(), form=form, class_names=NAMES, classes_shown=1, file=file).predicted == 2

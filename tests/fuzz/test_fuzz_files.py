"""Whatever stands in the files of a run: what is documented comes of it, or the one error."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flags
import run_record
from control import evaluations, journal, json_lines, request_format, state
from settings import Network
from settings.compute import LARGEST, SMALLEST
from tests.fuzz.common import any_json, check_line, damaged, fuzz, one_line_at_most

SESSION = "2025-01-02T03:04:05+00:00"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def as_bytes(values):
    return values.map(json.dumps).map(str.encode)


def contents(good):
    """Of a file of JSON: any bytes, any JSON, and nearly `good`."""
    return st.one_of(st.binary(max_size=80), as_bytes(any_json), as_bytes(damaged(good)))


MESSAGE = request_format.Message(state.Request(state.Action.SET, 0.05), session=SESSION, who="a@b", made="2025")


@given(contents(json.loads(request_format.encode(MESSAGE))))
@settings(fuzz, max_examples=200)
def test_any_request_is_read_or_refused_in_one_line(content):
    try:
        message = request_format.decode(content)
    except ValueError as error:
        check_line(str(error))
    else:
        assert request_format.decode(request_format.encode(message).encode()) == message


positive = st.floats(SMALLEST, LARGEST)


@given(
    st.one_of(
        st.builds(state.Request, st.sampled_from([state.Action.SET, state.Action.SCALE]), positive),
        st.just(state.Request(state.Action.RELEASE, None)),
    ),
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=200),
)
@fuzz
def test_a_request_is_read_as_it_was_written(request_, who):
    message = request_format.Message(request_, session=SESSION, who=who, made="2025")
    assert request_format.decode(request_format.encode(message).encode()) == message


CHANGE = {
    "step": 3,
    "state": {"rate": 0.1, "factor": 1.0, "plateau": 0.5},
    "who": "ada@host",
    "what": "scale 0.5",
    "source": "person",
}


@given(contents([CHANGE, CHANGE]))
@settings(fuzz, max_examples=200)
def test_any_journal_is_read_or_refused_in_one_line(folder, content):
    (folder / journal.FILE_NAME).write_bytes(content)
    with one_line_at_most():
        changes = journal.read(str(folder))
        journal.write(str(folder), changes)
        assert journal.read(str(folder)) == changes
        another = journal.Change(5, state.State(rate=None, factor=1.0, plateau=1.0), "a", "b", journal.Source.PERSON)
        assert another in journal.pending(journal.record(changes, another), step=4)


@given(st.lists(contents({"step": 3, "loss": 0.5, "accuracy": 0.25}), max_size=6).map(b"\n".join))
@settings(fuzz, max_examples=200)
def test_any_lines_are_read(folder, content):
    path = folder / evaluations.FILE_NAME
    path.write_bytes(content)
    assert all(isinstance(entry, dict) for entry in json_lines.read(path))
    found = evaluations.read(str(folder))
    assert all(type(step) is int for step in found)
    assert all(type(value) is float for metrics in found.values() for value in metrics.values())
    evaluations.append(str(folder), 7, {"loss": 0.5})
    # As text, in which one NaN equals another.
    assert str(evaluations.read(str(folder))) == str({**found, 7: {"loss": 0.5}}), "what was there does no harm"


RECORD = {
    "hyper_parameters": {"network": "resnet8", "image_size": 16},
    "sessions": [
        {
            "started": SESSION,
            "host": "h",
            "pid": 7,
            "flags": {"dataset": "shapes10", "data_dir": None, "image_size": 16},
            "git_commit": "unknown",
            "versions": {"python": "3.11"},
        }
    ],
    "classes": {"class_names": ["a", "b"], "stored_size": [20, 20]},
}


@given(contents(RECORD))
@settings(fuzz, max_examples=300)
def test_any_record_of_a_run_is_read_or_refused_in_one_line(folder, content):
    (folder / run_record.FILE_NAME).write_bytes(content)
    command = flags.parse(["main.py", "--model_dir=run"])
    assert command is not None
    with one_line_at_most():
        record = run_record.read(str(folder))
        assert record.sessions[-1].pid > 0
        run_record.environment(record)
        data = flags.recalled_data(command, record.sessions[-1].flags)
        assert type(data.dataset) is str and 8 <= data.image_size <= 1024
        assert flags.recalled("network", record.hyper_parameters) in list(Network)

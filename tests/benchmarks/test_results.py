import dataclasses

from benchmarks import results
from benchmarks.results import Part, Precision
from tests.benchmarks.records import make_record


def test_records_come_back_as_they_were(tmp_path):
    records = [make_record(), make_record(part=Part.INPUT, precision=Precision.BFLOAT16)]
    results.save(records, tmp_path / "results.json")
    assert results.load(tmp_path / "results.json") == records
    assert results.load(tmp_path / "none.json") == []


def test_a_part_measured_anew_replaces_the_old():
    old = make_record()
    new = dataclasses.replace(old, date="2024-02-02")
    other = [
        dataclasses.replace(old, part=Part.INPUT),
        dataclasses.replace(old, precision=Precision.BFLOAT16),
        dataclasses.replace(old, device="a GPU"),
    ]
    merged = results.merged([old, *other], [new])
    assert old not in merged
    assert all(record in merged for record in [new, *other])


def test_records_are_in_the_order_of_the_page():
    wrong = [make_record(part=part, precision=p) for part in reversed(Part) for p in reversed(Precision)]
    found = results.merged(wrong, [])
    assert [(each.part, each.precision) for each in found] == [(part, p) for part in Part for p in Precision]


def test_rounds_are_those_of_the_program_with_most():
    assert make_record().rounds == 3
    assert make_record(numbers={}).rounds == 0

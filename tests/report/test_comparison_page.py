"""The page of several runs, read back as a browser would."""

import pytest

import report
from summaries import tags
from tests.report.makers import record, session, small_png, write_events, write_picture
from tests.report.parsed import embedded, parse

NAMES = ["constant", "<i>step</i>", "unborn"]
MISTAKES = small_png(0.5)


def write_run(folder, *, loss):
    write_events(folder, 1, {100: 1.0, 200: loss})
    write_events(folder, 1, {100: 0.1, 200: 0.01}, tag=tags.LEARNING_RATE)
    write_events(folder / "eval", 1, {200: loss})


def record_of(schedule):
    return record(hyper_parameters={"dataset": "cifar10", **schedule}, sessions=[session()])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "compare"
    for number, loss in enumerate((1.0, 0.5)):
        write_run(folder / str(number), loss=loss)
    write_picture(folder / "1" / "eval", 9, MISTAKES, tag=tags.MISTAKES, step=200)
    return folder


def compare(runs, path, *, records):
    report.compare(runs, records=records, control=NAMES[0], target_accuracy=None, batch_size=64, path=str(path))
    return parse(path.with_suffix(".html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(folder):
    records = {
        NAMES[0]: record_of({"learning_rate": 0.1}),
        NAMES[1]: record_of({"boundaries": [100], "values": [0.1, 0.01]}),
    }
    runs = {name: str(folder / str(number)) for number, name in enumerate(NAMES)}
    return compare(runs, folder / "compare.png", records=records)


def test_the_comparison_comes_first_and_then_each_run(page):
    assert page.only("title").text == page.only("h1").text == "compare: 3 runs side by side"
    assert [node.text for node in page.every("h2")] == ["Comparison", *NAMES]
    index, *of_runs = page.every("nav")
    assert [node.text for node in index.every("a")] == ["Comparison", *NAMES]
    assert [node.every("a")[0].text for node in of_runs] == ["Curves", "Curves", "Flags"]


def test_ids_are_unique_and_every_link_leads_to_one(page):
    ids = [node.attributes["id"] for node in page.every() if "id" in node.attributes]
    assert len(set(ids)) == len(ids)
    assert {node.attributes["href"].removeprefix("#") for node in page.every("a")} == set(ids)


def test_the_comparison_has_the_figure_and_the_table(page, folder):
    shown = page.only("section", id="comparison")
    assert embedded(shown.only("img")) == (folder / "compare.png").read_bytes()
    table, _ = shown.every("table")
    assert [row[0] for row in table.rows()] == ["run", "constant (control)", NAMES[1], "unborn"]
    assert table.rows()[2][4] == "0.500"
    assert shown.only("li").text == f"{NAMES[1]}: validation loss -0.500 against constant at the end"


def test_what_differs_is_told_apart(page):
    differences = page.only("section", id="comparison").every("table")[1]
    assert differences.only("caption").text == "What differs"
    assert differences.rows() == [
        ["", *NAMES[:2]],  # Of the third there is no record.
        ["--learning_rate", "0.1", "-"],
        ["--boundaries", "-", "100"],
        ["--values", "-", "0.1, 0.01"],
    ]


def test_each_run_has_its_own_sections_and_pictures(page, folder):
    first, second = (page.only("section", id=f"run-{number}") for number in (1, 2))
    assert [node.text for node in second.every("h3")][:3] == ["Curves", "Numbers", "Learning rate"]
    for section, run in ((first, folder / "0"), (second, folder / "1")):
        assert embedded(section.every("img")[0]) == (run / "report.png").read_bytes()
    assert [embedded(image) for image in second.only("section", id="run-2-mistakes").every("img")] == [MISTAKES]
    assert not first.only("section", id="run-1-mistakes").every("img")
    assert [row[0] for row in second.every("table")[0].rows()][1] == "before step 100"
    assert "step 100" not in first.every("table")[0].text


def test_a_run_that_has_not_begun_says_so(page):
    section = page.only("section", id="run-3")
    assert section.only("p", class_="summary").text == "no curves yet"
    assert not section.every("img", "table")


def test_names_are_no_markup_and_nothing_is_fetched(page):
    assert not page.every("i", "script")
    values = [value for node in page.every() for name, value in node.attributes.items() if name in ("src", "href")]
    assert values and all(value.startswith(("data:", "#")) for value in values)


def test_runs_that_differ_in_nothing_have_no_table_of_it(tmp_path):
    write_run(tmp_path / "run", loss=0.5)
    runs = dict.fromkeys(NAMES[:2], str(tmp_path / "run"))
    page = compare(runs, tmp_path / "compare.png", records=dict.fromkeys(runs, record()))
    assert len(page.only("section", id="comparison").every("table")) == 1


def test_the_control_alone_is_compared_too(tmp_path):
    write_run(tmp_path / "run", loss=0.5)
    page = compare({NAMES[0]: str(tmp_path / "run")}, tmp_path / "compare.png", records={})
    assert [node.text for node in page.every("h2")] == ["Comparison", NAMES[0]]

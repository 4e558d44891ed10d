"""The page of one run, read back as a browser would."""

import struct

import pytest

import report
from report.numbers import table_rows
from summaries import tags
from tests.report.makers import record, session, small_png, write_events, write_picture
from tests.report.parsed import embedded, parse

SECTIONS = ["Curves", "Numbers", "Learning rate", "Mistakes", "Classes", "Speed", "Flags", "Environment"]
HOSTILE = "<script>alert('&amp;')</script>"
NAME = "a <b>run</b> of $x$ & $\\nonsense{$"
MATRIX, MISTAKES = small_png(0.25), small_png(0.75)


def write_run(folder):
    """A run of 400 steps with everything that a page can show."""
    steps = range(20, 401, 20)
    curves = {
        tags.LOSS: {step: 1.0 if step <= 100 else 0.5 for step in steps},
        tags.LEARNING_RATE: {step: 0.1 if step <= 100 else 0.01 for step in steps},
        tags.IMAGES_PER_SECOND: {20: 0.0, 200: 50.0, 300: 80.0, 400: 100.0},
        tags.STEP_MILLISECONDS: {200: 1280.0, 300: 800.0, 400: 640.0},
        tags.INPUT_WAIT: {200: 0.125, 400: 0.375},
        tags.MEMORY: {200: 2.5, 400: 1.5},
        tags.GPU_MEMORY: {200: 10.25, 400: 10.5},
    }
    validation = {
        tags.LOSS: {100: 1.5, 400: 0.75},
        tags.ACCURACY: {100: 0.25, 300: 0.75, 400: 0.5},
        tags.of(tags.CLASS_ACCURACY, "unseen"): {400: float("nan")},
        tags.of(tags.CLASS_ACCURACY, "cat"): {100: 0.25, 400: 0.75},
        tags.of(tags.CLASS_ACCURACY, HOSTILE): {100: 0.75, 400: 0.25},
    }
    for place, split in ((folder, curves), (folder / "eval", validation)):
        for number, (tag, points) in enumerate(split.items(), start=1):
            write_events(place, number, points, tag=tag)
    write_picture(folder / "eval", 50, MATRIX, tag=tags.CONFUSION_MATRIX, step=400)
    write_picture(folder / "eval", 51, MISTAKES, tag=tags.MISTAKES, step=300)


def hostile_record():
    flags = {**session()["flags"], "data_dir": HOSTILE, "manual_dir": '"><img src=//host/x>', "release": False}
    hyper_parameters = {**record().hyper_parameters, "warmup": 0}
    changes = [(300, f"someone: set 0.003 {HOSTILE}")]
    return record(hyper_parameters=hyper_parameters, sessions=[session(flags=flags)], changes=changes)


def write_report(folder, told):
    report.report(str(folder), record=told, from_step=0)
    return parse((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / NAME.replace("/", "\u2215")  # That is a name a directory can have.
    write_run(run)
    return run


@pytest.fixture(scope="module")
def page(folder):
    return write_report(folder, hostile_record())


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The page of a run whose event files hold a train loss, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    write_events(folder, 1, {100: 1.0, 200: 0.5})
    return write_report(folder, record(hyper_parameters={}, sessions=[]))


def section(page, title):
    return page.only("section", id=f"run-1-{title.lower().replace(' ', '-')}")


class TestWhole:
    def test_nothing_is_fetched_and_nothing_runs(self, page):
        for node in page.every():
            assert node.name not in {"script", "iframe", "object", "embed", "base", "form"}
            for name, value in node.attributes.items():
                assert not name.startswith("on") and name not in {"srcset", "action", "poster", "background"}
                assert name not in {"src", "href"} or value.startswith(("data:", "#"))

    def test_ids_are_unique_and_every_link_leads_to_one(self, page):
        ids = [node.attributes["id"] for node in page.every() if "id" in node.attributes]
        assert len(set(ids)) == len(ids)
        links = [node.attributes["href"] for node in page.every("a")]
        assert links == [f"#{node.attributes['id']}" for node in page.every("section")]

    def test_sections_are_headed_and_linked_in_their_order(self, page):
        assert [node.text for node in page.every("h2")] == SECTIONS
        assert [node.text for node in page.only("nav").every("a")] == SECTIONS

    def test_the_name_of_the_run_stands_over_it(self, page, folder):
        assert page.only("title").text == page.only("h1").text == folder.name

    def test_every_figure_is_a_png_inside_the_page_and_beside_it(self, page, folder):
        figures = page.every("figure")
        assert len(figures) == len(page.every("img")) == 4
        for figure in figures:
            image = figure.only("img")
            content = embedded(image)
            assert content.startswith(b"\x89PNG\r\n\x1a\n")
            size = struct.unpack(">II", content[16:24])
            assert (image.attributes["width"], image.attributes["height"]) == tuple(map(str, size))
            assert image.attributes["alt"].strip() and figure.only("figcaption").text.strip()
        beside = {path.name: path.read_bytes() for path in folder.glob("*.png")}
        assert {name: content for name, content in beside.items() if content in (MATRIX, MISTAKES)} == {
            "report_confusion_matrix.png": MATRIX,
            "report_mistakes.png": MISTAKES,
        }
        assert sorted(beside.values()) == sorted(embedded(image) for image in page.every("img"))

    def test_hostile_values_are_shown_and_are_no_markup(self, page):
        assert not page.only("body").every("script", "b")
        for title, times in (("Learning rate", 1), ("Classes", 1), ("Flags", 1)):
            assert section(page, title).text.count(HOSTILE) == times
        assert '"><img src=//host/x>' in section(page, "Flags").text

    def test_a_flag_that_is_no_text_does_not_keep_the_page_from_being_written(self, tmp_path):
        write_events(tmp_path, 1, {100: 1.0})
        flags = {**session()["flags"], "data_dir": "/data/\udcff"}
        assert "/data/\\udcff" in section(write_report(tmp_path, record(sessions=[session(flags=flags)])), "Flags").text


class TestResults:
    def test_summary_tells_what_how_far_and_how_good(self, page):
        assert page.only("p", class_="summary").text == (
            "resnet18, cifar10, batch size 64, 400 of 400 steps."
            " Validation accuracy 50.0% at the end, at best 75.0% (step 300)."
        )

    def test_numbers_are_those_of_the_printed_table(self, page, folder):
        shown = section(page, "Numbers")
        assert shown.only("table").rows() == [list(row) for row in table_rows(report.read_curves(folder), [100, 300])]
        assert shown.only("table").rows()[1] == ["before step 100", "1.000", "1.500", "-", "25.0%"]
        lines = [node.text for node in shown.every("li")]
        assert lines[0] == "Step 100: train loss 1.000 -> 0.500 (-50%), validation loss 1.500 -> 0.750 (-50%)"
        assert [line.split(":")[0] for line in lines] == ["Step 100", "Step 300"]

    def test_learning_rate_has_its_flags_and_its_changes(self, page):
        shown = section(page, "Learning rate")
        expected = [["schedule", "value"], ["--boundaries", "100"], ["--values", "0.1, 0.01"], ["--warmup", "0"]]
        assert shown.only("table").rows() == expected
        assert [node.text for node in shown.every("li")] == [f"Step 300: someone: set 0.003 {HOSTILE}"]

    def test_mistakes_are_the_pictures_of_the_event_files(self, page):
        shown = section(page, "Mistakes")
        assert [embedded(image) for image in shown.every("img")] == [MATRIX, MISTAKES]
        assert [node.text.rpartition(" ")[2] for node in shown.every("figcaption")] == ["400.", "300."]
        assert "Not in" not in shown.text

    def test_one_picture_of_two_is_shown_and_the_other_is_missed(self, tmp_path):
        write_events(tmp_path, 1, {100: 1.0})
        write_picture(tmp_path / "eval", 1, MATRIX, tag=tags.CONFUSION_MATRIX, step=100)
        shown = section(write_report(tmp_path, record()), "Mistakes")
        assert embedded(shown.only("img")) == MATRIX
        assert shown.only("p").text == "Not in the event files: most confident mistakes."

    def test_classes_are_sorted_worst_first_and_unknown_ones_last(self, page):
        shown = section(page, "Classes")
        assert shown.only("table").rows()[1:] == [[HOSTILE, "25.0%", ""], ["cat", "75.0%", ""], ["unseen", "nan", ""]]
        assert [node.attributes["style"][6:] for node in shown.every("span")] == ["25.0%", "75.0%", "0.0%"]
        assert shown.only("p").text == "Of the validation split after step 400."

    def test_of_very_many_classes_the_worst_are_shown(self, tmp_path):
        write_events(tmp_path, 1, {100: 1.0})
        for number in range(45):
            write_events(
                tmp_path / "eval", number, {100: number / 64}, tag=tags.of(tags.CLASS_ACCURACY, f"{number:02}")
            )
        shown = section(write_report(tmp_path, record()), "Classes")
        assert [row[0] for row in shown.only("table").rows()[1:]] == [f"{number:02}" for number in range(40)]
        assert shown.only("p").text.startswith("The worst 40 of 45 classes")

    def test_speed(self, page):
        assert section(page, "Speed").only("table").rows()[1:] == [
            ["images a second, median", "80.0"],
            ["minutes inside training steps", "6.7"],  # 200 steps at 50 images a second, 100 at 80 and 100 at 100.
            ["milliseconds a step, median", "800.0"],
            ["share of time waiting for input, median", "25.0%"],
            ["memory at most, GiB", "2.50"],
            ["GPU memory at most, GiB", "10.50"],
        ]


class TestRecord:
    def test_flags_are_all_there_and_hyper_parameters_apart(self, page):
        own, others = [node.rows()[1:] for node in section(page, "Flags").every("table")]
        assert own == [
            ["--batch_size", "64"],
            ["--boundaries", "100"],
            ["--dataset", "cifar10"],
            ["--values", "0.1, 0.01"],
            ["--warmup", "0"],
        ]
        assert others == [
            ["--data_dir", HOSTILE],
            ["--network", "resnet18"],
            ["--train_steps", "400"],
            ["--manual_dir", '"><img src=//host/x>'],
            ["--release", "false"],
        ]

    def test_environment_of_each_start_without_the_machine(self, tmp_path):
        write_events(tmp_path, 1, {100: 1.0})
        again = session(
            started="2024-05-07T00:00:00.000+00:00",
            host="another-host",
            flags={**session()["flags"], "train_steps": 800},
            versions={"python": "3.11.8", "tensorflow": "2.15.1"},
        )
        page = write_report(tmp_path, record(sessions=[session(), again, again]))
        assert ["--train_steps", "800"] in section(page, "Flags").every("table")[1].rows()
        shown = section(page, "Environment")
        packages, starts = [node.rows() for node in shown.every("table")]
        assert packages[1:] == [["python", "3.11.8"], ["tensorflow", "2.15.1"]]
        assert starts == [
            ["started", "git commit", "what is not as at the start before"],
            [session()["started"], "0123abc+", ""],
            [again["started"], "0123abc+", "--train_steps 400 \u2192 800; python 3.11.7 \u2192 3.11.8"],
            [again["started"], "0123abc+", "nothing"],
        ]
        assert "host" not in shown.text and "4242" not in shown.text


class TestBare:
    def test_what_is_not_there_is_said(self, bare):
        told = {title: [node.text for node in section(bare, title).every("p")] for title in SECTIONS}
        assert told == {
            "Curves": [],
            "Numbers": [],
            "Learning rate": ["Not in the event files: learning rate."],
            "Mistakes": ["Not in the event files: confusion matrix, most confident mistakes."],
            "Classes": ["Not in the event files: accuracy of single classes."],
            "Speed": ["Not in the event files: images a second, milliseconds a step, memory."],
            "Flags": ["There is no record of the run's flags."],
            "Environment": ["There is no record of the run's starts."],
        }
        assert len(bare.every("img")) == 1

    def test_the_summary_says_what_is_known(self, bare):
        assert bare.only("p", class_="summary").text == "200 steps. No validation accuracy yet."

    def test_no_boundary_is_spoken_of(self, bare):
        assert bare.only("figcaption").text == "Loss and accuracy, train, up to step 200."

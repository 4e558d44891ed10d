"""Runs side by side, read from event files: what is printed, and what is written."""

import pytest

import report
from settings import UserError
from summaries import tags
from tests.report.makers import write_events


def write_run(folder, *, accuracy, loss, last_step=200):
    write_events(folder, 1, {100: 2.0, last_step: 1.0})
    write_events(folder, 1, {100: 80.0, last_step: 40.0}, tag=tags.IMAGES_PER_SECOND)
    write_events(folder / "eval", 1, dict(zip((100, last_step), accuracy, strict=True)), tag=tags.ACCURACY)
    write_events(folder / "eval", 1, dict(zip((100, last_step), loss, strict=True)))


@pytest.fixture
def runs(tmp_path):
    """Name -> model_dir of a control, a better run, one that has not begun and an empty directory."""
    write_run(tmp_path / "constant", accuracy=(0.75, 0.625), loss=(1.0, 1.25))
    write_run(tmp_path / "cosine", accuracy=(0.5, 0.875), loss=(1.5, 0.75))
    (tmp_path / "empty").mkdir()
    return {name: str(tmp_path / name) for name in ("constant", "cosine", "none", "empty")}


def compare(runs, tmp_path, *, control="constant", target=None, records=None):
    return report.compare(
        runs,
        records=records or {},
        control=control,
        target_accuracy=target,
        batch_size=64,
        path=str(tmp_path / "compare.png"),
    )


TABLE = [
    "run                 final accuracy  best accuracy  at step  final loss  best loss  target at step  minutes  steps",
    "constant (control)           62.5%          75.0%      100       1.250      1.000             100      4.0    200",
    "cosine                       87.5%          87.5%      200       0.750      0.750             200      4.0    200",
    "none                             -              -        -           -          -               -        -      -",
    "empty                            -              -        -           -          -               -        -      -",
]
ABOUT = "Accuracy and loss are those of the validation split, minutes those inside training steps."
DIFFERENCE = "cosine: validation accuracy +25.0 points, validation loss -0.500 against constant at the end"


def test_whole(runs, tmp_path):
    assert compare(runs, tmp_path).splitlines() == [
        *TABLE,
        "Target: an accuracy of 75.0%, the best of constant.",
        ABOUT,
        "",
        DIFFERENCE,
        "",
        f"Figure:   {tmp_path}/compare.png",
        f"Markdown: {tmp_path}/compare.md",
        f"Report:   {tmp_path}/compare.html",
    ]


def test_markdown_is_the_same_table_and_stands_beside_the_figure(runs, tmp_path):
    compare(runs, tmp_path)
    text = (tmp_path / "compare.md").read_text()
    heading, rule, *rest = text.splitlines()
    assert rule == "| --- " + "| ---: " * 8 + "|"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in (heading, *rest[:4])]
    assert [" ".join(row).split() for row in rows] == [line.split() for line in TABLE]
    assert rest[4:] == ["", "Target: an accuracy of 75.0%, the best of constant.", ABOUT, "", f"- {DIFFERENCE}"]
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert not list(tmp_path.glob("*.tmp"))


def test_a_given_target_is_told_and_the_first_step_there_is_shown(runs, tmp_path):
    lines = compare(runs, tmp_path, target=0.8).splitlines()
    assert "Target: an accuracy of 80.0%." in lines
    assert [line.split()[-3] for line in lines[1:3]] == ["-", "200"]


def test_a_control_without_curves_gives_no_target_and_no_differences(runs, tmp_path):
    text = compare(runs, tmp_path, control="none")
    assert "none (control)" in text
    assert "No target: none has no validation accuracy yet." in text
    assert "against" not in text


def test_runs_of_unequal_length_are_told_apart(runs, tmp_path):
    write_run(tmp_path / "long", accuracy=(0.5, 0.5), loss=(1.0, float("nan")), last_step=3_000)
    text = compare({**runs, "long": str(tmp_path / "long")}, tmp_path)
    assert "long: validation accuracy -12.5 points against constant (step 3,000 against step 200)" in text


def test_a_bar_in_a_name_does_not_break_the_markdown(runs, tmp_path):
    runs = {"constant": runs["constant"], "a|b": runs["cosine"]}
    compare(runs, tmp_path)
    assert "| a\\|b | 87.5% |" in (tmp_path / "compare.md").read_text()


def test_no_curves_at_all_is_an_error_that_names_the_directories(runs, tmp_path):
    with pytest.raises(UserError, match="no curves in any of .*none, .*empty; train one") as error:
        compare({name: runs[name] for name in ("none", "empty")}, tmp_path, control="none")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "compare.png").exists()


def test_a_control_that_is_not_among_the_runs_is_an_error(runs, tmp_path):
    with pytest.raises(UserError, match="no control run 'flat' among the runs constant, cosine, none, empty; name one"):
        compare(runs, tmp_path, control="flat")

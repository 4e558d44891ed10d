"""The modes beside training, through main, on a tiny network."""

import re
import shutil

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

import modes
import report
from control import evaluations, journal
from settings import Mode, Preempted
from summaries import tags
from tests.common import call_main
from tests.test_end_to_end import TINY


def tiny(mode, folder, data_dir, *arguments):
    shared = [f"--data_dir={data_dir}", *TINY, "--summaries=minimal"]
    return [f"--mode={mode}", f"--model_dir={folder}", *shared, *arguments]


def test_show_schedule_prints_and_draws_without_a_model(shapes10_dir, tmp_path):
    done = call_main(*tiny("show_schedule", tmp_path, shapes10_dir, "--train_steps=1.25e", "--warmup=4"))
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[1:] == [
        ["0", "0.00", "0.025"],
        ["3", "0.19", "0.1"],
        ["9", "0.56", "0.1"],
        ["10", "0.62", "0.01"],
        ["19", "1.19", "0.01"],
        ["Figure:", f"{tmp_path}/schedule.png"],
    ]
    assert (tmp_path / "schedule.png").stat().st_size > 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["schedule.png"]


def test_show_schedule_prepares_no_data(tmp_path):
    done = call_main(*tiny("show_schedule", tmp_path / "run", tmp_path / "data", "--train_steps=20"))
    assert done.stdout.splitlines()[1].split() == ["0", "-", "0.1"]
    assert not (tmp_path / "data").exists()


@pytest.fixture(scope="module")
def found(shapes10_dir, tmp_path_factory):
    """A range test beside a run that stands there, and what it printed."""
    folder = tmp_path_factory.mktemp("find") / "run"
    folder.mkdir()
    (folder / "checkpoint").write_text("of a real run")
    arguments = ["--find_steps=120", "--find_smallest=1e-4", "--find_largest=100", "--train_steps=11", "--boundaries=5"]
    return folder, call_main(*tiny("find_learning_rate", folder, shapes10_dir, *arguments))


def test_a_range_test_is_refused_before_the_last_one_is_removed(found, shapes10_dir, monkeypatch):
    folder, _ = found
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"] * 3)
    done = call_main(*tiny("find_learning_rate", folder, shapes10_dir, "--batch_size=16"), check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "error: --batch_size=16 cannot be split evenly over 3 replicas; give a multiple of 3\n",
    )
    assert (folder.with_name("run-find_learning_rate") / "find_learning_rate.png").exists()


@pytest.mark.parametrize(
    ("flags", "again"), [([], "the same command"), (["--overwrite"], "the same command without --overwrite")]
)
def test_a_run_that_was_stopped_says_what_goes_on_from_there(flags, again, monkeypatch, tmp_path):
    def stopped(command):
        raise Preempted("stopped at step 7")

    monkeypatch.setitem(modes.MODES, Mode.TRAIN_AND_EVALUATE, stopped)
    done = call_main(f"--model_dir={tmp_path}", *flags, check=False)
    assert (done.returncode, done.stderr) == (75, f"stopped at step 7; {again} goes on from there\n")


def test_a_range_test_suggests_rates_that_can_be_pasted(found):
    _, done = found
    assert re.search(r"step \d+: the loss has exploded at learning rate [\d.]+", done.stdout)
    flags = re.findall(
        r"--learning_rate=([\d.e-]+) or, stepping down, --values=([\d.e-]+),([\d.e-]+)$", done.stdout, re.M
    )
    assert len(flags) == 2, done.stdout
    for rate, first, second in flags:
        assert 1e-4 < float(rate) < 10
        assert float(first) == float(rate) == pytest.approx(10 * float(second))


def test_a_range_test_leaves_the_run_alone(found):
    folder, _ = found
    assert [path.name for path in folder.iterdir()] == ["checkpoint"]
    beside = folder.with_name("run-find_learning_rate")
    assert (beside / "find_learning_rate.png").stat().st_size > 10_000
    assert not list(beside.glob("model.ckpt*"))


def test_a_range_test_shows_in_tensorboard(found):
    folder, done = found
    events = event_accumulator.EventAccumulator(str(folder.with_name("run-find_learning_rate"))).Reload()
    assert events.Tags()["images"] == [tags.RANGE_TEST]
    rates = [event.value for event in events.Scalars(tags.LEARNING_RATE)]
    assert f"step {len(rates)}: the loss has exploded" in done.stdout
    assert rates[0] == pytest.approx(1e-4)
    assert rates[1] / rates[0] == pytest.approx(1e6 ** (1 / 119), rel=1e-4)


PLATEAU = [
    "--learning_rate_schedule=plateau",
    "--plateau_patience=8",
    "--plateau_factor=0.5",
    "--minimum_learning_rate=0.02",
    # Always one: no evaluation but the first is an improvement.
    "--plateau_metric=accuracy",
    "--validation_split=test[:1]",
]


@pytest.mark.slow
def test_a_plateau_steps_down_and_survives_a_resume(shapes10_dir, tmp_path):
    """What follows from the evaluations that there were is worked out here anew, over both processes."""
    for train_steps in (20, 44):
        call_main(*tiny("train_and_evaluate", tmp_path, shapes10_dir, *PLATEAU, f"--train_steps={train_steps}"))
    found = evaluations.read(str(tmp_path))
    assert min(found) == 8
    assert max(found) == 44
    expected, best, waiting_since = [], -1.0, 0
    for step, metrics in found.items():
        if metrics[tags.ACCURACY] > best:
            best, waiting_since = metrics[tags.ACCURACY], step
        elif step - waiting_since >= 8:
            expected.append(step)
            waiting_since = step
    factors = [max(0.5 ** (n + 1), 0.2) for n in range(len(expected))]
    changes = [(c.step, c.state.plateau) for c in journal.read(str(tmp_path))]
    told = [(step + 1, pytest.approx(f)) for step, f in zip(expected, factors, strict=True) if step < 44]
    assert changes == [point for i, point in enumerate(told) if i < 3]
    assert len(changes) >= 2, "the metric of one example hardly moves"
    rate = report.read_curves(str(tmp_path)).train[tags.LEARNING_RATE]
    assert rate.values[-1] == pytest.approx(0.1 * changes[-1][1])


RUNS = ["--train_steps=8", "--run=step --boundaries=50%", "--run=cosine --learning_rate_schedule=cosine"]


@pytest.fixture(scope="module")
def compared(shapes10_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    return folder, call_main(*tiny("compare", folder, shapes10_dir, *RUNS))


def test_compared_runs_share_all_but_the_schedule(compared):
    folder, _ = compared
    runs = {name: report.read_curves(str(folder / name)) for name in ("constant", "step", "cosine")}
    first = [run.train[tags.LOSS].values[0] for run in runs.values()]
    assert first == pytest.approx([first[0]] * 3, rel=0.02), "the same weights and examples to begin with"
    rates = {name: run.train[tags.LEARNING_RATE].values[-1] for name, run in runs.items()}
    assert rates["constant"] == pytest.approx(0.1)
    assert rates["step"] == pytest.approx(0.01)
    assert rates["cosine"] < 0.01


def test_a_comparison_ends_with_table_and_figure(compared):
    folder, done = compared
    for row in ("constant (control)", "step", "cosine"):
        assert re.search(rf"^{re.escape(row)} +[\d.]+%", done.stdout, re.M), done.stdout
    assert "== step (2 of 3)" in done.stdout
    assert re.search(r"^cosine: validation accuracy [+-]?[\d.]+ points, validation loss", done.stdout, re.M)
    assert (folder / "compare.png").stat().st_size > 10_000
    assert (folder / "compare.md").read_text().startswith("| run |")


def test_the_report_of_a_directory_of_runs_shows_them_side_by_side(compared, tmp_path):
    """Against the run at a constant rate, whatever comes first by name."""
    folder, _ = compared
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    for page in moved.glob("compare.*"):
        page.unlink()
    (moved / "constant").rename(moved / "z_constant")
    said = call_main("--mode=report", f"--model_dir={moved}").stdout
    rows = [line.split("  ")[0] for line in said.splitlines()[1:4]]
    assert rows == ["cosine", "step", "z_constant (control)"], said
    assert (moved / "compare.html").stat().st_size > 10_000
    assert "\nstep (control) " in call_main("--mode=report", f"--model_dir={moved}", "--control=step").stdout
    refused = call_main("--mode=report", f"--model_dir={moved}", "--control=constant", check=False)
    assert refused.returncode == 2
    assert "--control=constant: no run in" in refused.stderr


def test_a_comparison_goes_on_where_it_stopped(compared, shapes10_dir, tmp_path):
    """One run complete, one not there: only that one is trained, and the table is as before."""
    folder, done = compared
    begun = shutil.copytree(folder, tmp_path / "begun")
    shutil.rmtree(begun / "cosine")
    again = call_main(*tiny("compare", begun, shapes10_dir, *RUNS))
    assert again.stdout.count("is complete at step 8") == 2
    assert again.stdout.count("step 8/8") == 1
    row = re.compile(r"^constant \(control\).*", re.M)
    assert row.findall(again.stdout) == row.findall(done.stdout) != []


@pytest.mark.slow
def test_a_diverging_run_does_not_end_the_comparison(shapes10_dir, tmp_path):
    runs = ["--run=wild --boundaries=50% --values=1e30,1e29", "--run=tame --boundaries=50%"]
    done = call_main(*tiny("compare", tmp_path, shapes10_dir, "--train_steps=8", *runs))
    assert re.search(r"^wild ended early: loss is (nan|inf) at step \d: training has diverged", done.stdout, re.M)
    assert re.search(r"^wild  +-", done.stdout, re.M)
    assert re.search(r"^tame  +[\d.]+%", done.stdout, re.M)


def test_a_run_that_cannot_be_opened_does_not_end_the_comparison(compared, shapes10_dir, tmp_path):
    folder, _ = compared
    begun = shutil.copytree(folder, tmp_path / "begun")
    (begun / "cosine" / "run.json").write_text("{")
    done = call_main(*tiny("compare", begun, shapes10_dir, *RUNS))
    assert "cosine ended early: " in done.stdout
    assert re.search(r"^step +[\d.]+%", done.stdout, re.M), done.stdout


def test_hparams_of_all_runs_share_their_columns(compared):
    folder, _ = compared
    for name in ("constant", "step", "cosine"):
        events = event_accumulator.EventAccumulator(str(folder / name)).Reload()
        found = events.Tags()
        assert "_hparams_/session_start_info" in found["tensors"]
        assert "_hparams_/session_end_info" in found["tensors"]

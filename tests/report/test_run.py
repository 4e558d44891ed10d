"""What the report of a run prints."""

import shlex
import subprocess
import sys
from pathlib import Path

import report
from tests.common import ROOT
from tests.report.makers import losses, record, write_events

NO_BOUNDARY = record(hyper_parameters={})


def test_report_tells_the_numbers_the_figure_and_the_tensorboard_command(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    run = tmp_path / "my run"
    write_events(run, 1, {100: 1.0, 200: 0.5})
    text = report.report(str(run), record=record(), from_step=0)
    assert text.startswith(report.table(losses({100: 1.0, 200: 0.5}), [100]) + "\n")
    assert text.endswith(
        f"Figure:      {run}/report.png\nReport:      {run}/report.html\nTensorBoard: tensorboard --logdir '{run}'"
    )
    assert (run / "report.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert (run / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert not list(run.glob("*.tmp"))


def test_off_the_path_the_command_names_the_program_that_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    write_events(tmp_path, 1, {100: 1.0})
    command = report.report(str(tmp_path), record=NO_BOUNDARY, from_step=0).rpartition("TensorBoard: ")[2]
    program, *arguments = shlex.split(command)
    assert Path(program).resolve() == Path(sys.executable).with_name("tensorboard").resolve()
    assert arguments == ["--logdir", str(tmp_path)]


def test_a_run_without_boundaries_is_reported(tmp_path):
    write_events(tmp_path, 1, {100: 1.0, 200: 0.5})
    text = report.report(str(tmp_path), record=NO_BOUNDARY, from_step=0)
    assert text.splitlines()[1].split()[:4] == ["end,", "step", "200", "0.500"]
    assert "boundary" not in text and "Before" not in text
    assert (tmp_path / "report.png").is_file()


def test_importing_the_room_does_not_import_tensorflow():
    program = "import sys, report; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60).returncode == 0


def test_a_change_of_the_learning_rate_is_a_boundary(tmp_path):
    write_events(tmp_path, 1, {100: 1.0, 150: 0.75, 200: 0.5})
    text = report.report(str(tmp_path), record=record(changes=[(150, "someone: set 0.003")]), from_step=0)
    assert [line.split(":")[0] for line in text.splitlines() if line.startswith("Step")] == ["Step 100", "Step 150"]

"""Curves out of hand-made event files, numbers against sums done by hand, and what a reader of the figure sees."""

import dataclasses
import shlex
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

import report
from settings import UserError
from summaries import tags

START = event_pb2.SessionLog(status=event_pb2.SessionLog.START)


def write_events(directory, number, points, *, tag=tags.LOSS, start=None, time=None):
    """Writes event file `number` of `directory` with `points` {step: value}, after a SessionLog START at `start`."""
    directory.mkdir(parents=True, exist_ok=True)
    time = number if time is None else time
    events = [event_pb2.Event(wall_time=time, file_version="brain.Event:2")]
    if start is not None:
        events.append(event_pb2.Event(wall_time=time, step=start, session_log=START))
    for step, value in points.items():
        summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])
        events.append(event_pb2.Event(wall_time=time, step=step, summary=summary))
    path = directory / f"events.out.tfevents.{number:010d}.host.{tag}"
    with path.open("wb") as file:
        for event in events:
            RecordWriter(file).write(event.SerializeToString())
    return path


def curve(points):
    return report.Curve(np.array(list(points), np.int64), np.array(list(points.values()), np.float64))


def losses(train, validation=None):
    splits = [{tags.LOSS: curve(points)} if points else {} for points in (train, validation)]
    return report.Curves(*splits)


def rising(stop, every=2):
    """A curve whose value at a step is the step, so that a mean tells which steps went into it."""
    return curve({step: step for step in range(every, stop + 1, every)})


def cliff(stop=200, every=2, boundary=100):
    """Loss 1, then 0.5; accuracy 0.4, then 0.7; learning rate 0.1, then 0.01 (float32, as event files hold it)."""
    steps = np.arange(every, stop + 1, every)
    high, low = float(np.float32(0.1)), float(np.float32(0.01))
    levels = {tags.LOSS: [1.0, 0.5], tags.ACCURACY: [0.4, 0.7], tags.LEARNING_RATE: [high, low]}
    train = {tag: report.Curve(steps, np.where(steps <= boundary, pair[0], pair[1])) for tag, pair in levels.items()}
    validation = {tag: report.Curve(train[tag].steps[9::10], train[tag].values[9::10] + 0.1) for tag in list(train)[:2]}
    return report.Curves(train, validation)


def with_train(curves, tag, points):
    return dataclasses.replace(curves, train={**curves.train, tag: curve(points)})


class TestReadCurves:
    def test_train_is_in_the_directory_and_validation_in_eval(self, tmp_path):
        write_events(tmp_path, 1, {10: 2.0, 20: 1.5})
        write_events(tmp_path, 1, {10: 0.25}, tag=tags.ACCURACY)
        write_events(tmp_path / "eval", 2, {20: 1.75})
        write_events(tmp_path / "tmp_worker_1", 2, {30: 9.0})
        curves = report.read_curves(str(tmp_path))
        assert set(curves.train) == {tags.LOSS, tags.ACCURACY}
        assert set(curves.validation) == {tags.LOSS}
        loss = curves.train[tags.LOSS]
        assert (loss.steps.dtype, loss.values.dtype) == (np.int64, np.float64)
        assert (loss.steps.tolist(), loss.values.tolist()) == ([10, 20], [2.0, 1.5])
        assert curves.train[tags.ACCURACY].values.tolist() == [0.25]
        assert curves.validation[tags.LOSS].values.tolist() == [1.75]

    def test_a_resume_replaces_all_points_after_its_checkpoint(self, tmp_path):
        write_events(tmp_path, 1, {10: 5, 20: 4, 30: 3, 40: 2, 50: 1})
        write_events(tmp_path, 2, {45: 7}, start=31)  # Another summary interval: 40 and 50 are never written again.
        loss = report.read_curves(str(tmp_path)).train[tags.LOSS]
        assert (loss.steps.tolist(), loss.values.tolist()) == ([10, 20, 30, 45], [5, 4, 3, 7])

    def test_overlapping_files_without_a_start_give_one_point_a_step(self, tmp_path):
        write_events(tmp_path, 1, {10: 5, 20: 4, 30: 3, 40: 2})
        write_events(tmp_path, 2, {20: 8, 30: 7})
        loss = report.read_curves(str(tmp_path)).train[tags.LOSS]
        assert (loss.steps.tolist(), loss.values.tolist()) == ([10, 20, 30], [5, 8, 7])

    def test_the_latest_written_wins_whatever_its_file_is_called(self, tmp_path):
        write_events(tmp_path, 1, {20: 8, 30: 7}, time=9)
        write_events(tmp_path, 2, {10: 5, 20: 4}, time=3)
        loss = report.read_curves(str(tmp_path)).train[tags.LOSS]
        assert (loss.steps.tolist(), loss.values.tolist()) == ([10, 20, 30], [5, 8, 7])

    def test_a_record_cut_short_by_a_kill_does_not_hide_the_rest(self, tmp_path):
        killed = write_events(tmp_path, 1, {10: 5, 20: 4, 30: 3})
        killed.write_bytes(killed.read_bytes()[:-5])
        write_events(tmp_path, 2, {30: 2, 40: 1})
        assert report.read_curves(str(tmp_path)).train[tags.LOSS].values.tolist() == [5, 4, 2, 1]

    def test_no_point_of_a_long_run_is_left_out(self, tmp_path):
        write_events(tmp_path, 1, dict.fromkeys(range(10_010), 1.0))  # TensorBoard keeps 10,000 unless told.
        assert report.read_curves(str(tmp_path)).train[tags.LOSS].steps.size == 10_010

    def test_a_resume_is_read_without_a_word(self, tmp_path, caplog):
        write_events(tmp_path, 1, {10: 5, 20: 4})
        write_events(tmp_path, 2, {20: 7}, start=11)
        report.read_curves(str(tmp_path))
        assert not caplog.records

    @pytest.mark.parametrize("folder", [None, ".", "eval"])
    def test_no_training_is_an_error_that_names_the_directory(self, tmp_path, folder):
        run = tmp_path / "run"
        if folder:
            run.mkdir()
        if folder == "eval":
            write_events(run / "eval", 1, {10: 1.0})
        with pytest.raises(UserError, match="give the model_dir") as error:
            report.read_curves(str(run))
        assert repr(str(run)) in str(error.value)
        assert "\n" not in str(error.value)
        assert ("no such directory" in str(error.value)) == (folder is None)


class TestDrops:
    def test_means_over_a_tenth_on_each_side_with_the_boundary_before(self):
        (drop,) = report.drops(rising(200), [100], 200)
        assert drop == report.Drop(100, before=96, after=106, before_points=5, after_points=5)  # 92..100 and 102..110

    def test_a_stretch_runs_from_boundary_to_boundary(self):
        first, second = report.drops(rising(200), [100, 150], 200)
        assert first == report.Drop(100, before=96, after=103, before_points=5, after_points=2)  # 102, 104
        assert second == report.Drop(150, before=148, after=153, before_points=3, after_points=2)  # 146..150; 152, 154

    def test_an_empty_tenth_takes_the_nearest_point_on_its_side(self):
        (drop,) = report.drops(rising(300, every=60), [150], 300)
        assert drop == report.Drop(150, before=120, after=180, before_points=1, after_points=1)

    def test_an_evaluation_at_the_boundary_is_before_it(self):
        (drop,) = report.drops(rising(300, every=60), [120], 300)
        assert (drop.before, drop.after) == (120, 180)

    def test_a_side_without_points_has_no_mean(self):
        assert report.drops(curve({50: 1.0}), [100], 200) == (report.Drop(100, 1.0, None, 1, 0),)
        assert report.drops(curve({150: 1.0}), [100], 200) == (report.Drop(100, None, 1.0, 0, 1),)

    def test_boundaries_not_passed_are_left_out(self):
        assert report.drops(rising(100), [100, 120], 100) == ()
        assert [drop.boundary for drop in report.drops(rising(102), [100, 120], 102)] == [100]


class TestTable:
    def test_whole(self):
        assert report.table(cliff(), [100]).splitlines() == [
            "                 train loss  validation loss  train accuracy  validation accuracy",
            "before step 100       1.000            1.100           40.0%                50.0%",
            "after step 100        0.500            0.600           70.0%                80.0%",
            "end, step 200         0.500            0.600           70.0%                80.0%",
            "best, step 120                                                              80.0%",
            "Before and after: means over a tenth of the stretch on that side, or the nearest point.",
            "",
            "Step 100: train loss 1.000 -> 0.500 (-50%), validation loss 1.100 -> 0.600 (-45%)",
        ]

    def test_without_validation(self):
        lines = report.table(losses({1_000: 3.0, 2_000: 1.5}), [1_000]).splitlines()
        assert lines[1].split() == ["before", "step", "1,000", "3.000", "-", "-", "-"]
        assert lines[3].split() == ["end,", "step", "2,000", "1.500", "-", "-", "-"]
        assert lines[-1] == "Step 1,000: train loss 3.000 -> 1.500 (-50%)"
        assert "best" not in "".join(lines)

    def test_a_boundary_not_passed_says_where_the_run_is(self):
        text = report.table(losses({10: 2.0, 20: 1.0}, {20: 1.5}), [20, 400])
        assert "Step 20: not passed yet, the run is at step 20\nStep 400: not passed yet" in text
        assert "before" not in text.lower()

    def test_the_run_ends_with_its_last_evaluation(self):
        assert "end, step 25 " in report.table(losses({10: 2.0, 20: 1.0}, {25: 1.5}), [])

    def test_only_losses_and_no_boundary_is_two_lines(self):
        assert len(report.table(losses({10: 2.0}), []).splitlines()) == 2

    def test_nan_is_shown_and_is_never_the_best(self):
        curves = cliff()
        accuracy = report.Curve(np.array([50, 150, 200]), np.array([0.3, np.nan, np.nan]))
        curves = with_train(curves, tags.LOSS, {100: 2.0, 200: float("nan")})
        text = report.table(dataclasses.replace(curves, validation={tags.ACCURACY: accuracy}), [100])
        assert "Step 100: train loss 2.000 -> nan" in text
        assert "nan%" not in text
        assert [line.split() for line in text.splitlines() if "best" in line] == [["best,", "step", "50", "30.0%"]]

    def test_accuracy_that_is_all_nan_has_no_best(self):
        curves = dataclasses.replace(cliff(), validation={tags.ACCURACY: curve({200: float("nan")})})
        assert "best" not in report.table(curves, [100])

    def test_a_huge_loss_keeps_the_columns_narrow(self):
        assert "1.23e+08" in report.table(losses({10: 123456789.0}), [])


class TestFigure:
    def figure(self, curves, boundaries=(100,), from_step=0):
        return report.figure(curves, boundaries, from_step=from_step, title="a run")

    def lines(self, ax):
        return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}

    def texts(self, ax):
        return [text.get_text() for text in ax.texts]

    def test_axes_are_labelled_and_share_their_steps(self):
        picture = self.figure(cliff())
        loss, _, *rates = picture.axes
        assert [ax.get_ylabel() for ax in picture.axes[:3]] == ["loss", "top-1 accuracy (%)", "learning\nrate"]
        assert [ax.get_xlabel() for ax in rates] == ["global step"] * 2
        assert {ax.get_xlim() for ax in picture.axes} == {(-2.0, 204.0)}
        assert [text.get_text() for text in loss.get_legend().get_texts()] == ["train", "validation"]
        assert picture.get_suptitle() == "a run"

    def test_curves_start_at_from_step(self):
        loss, accuracy, *_ = self.figure(cliff(), from_step=40).axes
        train, validation = self.lines(loss)["train"], self.lines(accuracy)["validation"]
        assert train.get_xdata()[[0, -1]].tolist() == [40, 200]
        assert validation.get_xdata()[0] == 40
        assert validation.get_ydata()[0] == pytest.approx(50)  # percent

    def test_validation_has_markers_and_lies_over_train(self):
        train, validation = self.lines(self.figure(cliff()).axes[0]).values()
        assert validation.get_marker() == "o"
        assert train.get_marker() != "o"
        assert validation.get_zorder() > train.get_zorder()
        assert validation.get_color() != train.get_color()

    def test_a_single_train_point_is_visible(self):
        train = self.lines(self.figure(losses({10: 1.0})).axes[0])["train"]
        assert train.get_marker() == "o"

    def test_every_axes_has_a_dashed_line_at_each_passed_boundary_in_view(self):
        for ax in self.figure(cliff(), [30, 100, 150, 200, 900], from_step=40).axes:
            dashed = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
            assert dashed == [100, 150]

    def test_a_boundary_is_labelled_with_the_rate_before_and_after(self):
        loss, accuracy, *_ = self.figure(cliff()).axes
        assert self.texts(loss) == self.texts(accuracy) == ["step 100: learning rate 0.1 \u2192 0.01"]

    def test_labels_of_near_boundaries_are_stacked(self):
        labels = self.figure(cliff(), [50, 100, 110]).axes[0].texts
        assert [label.get_text() for label in labels] == ["0.1 \u2192 0.1", "0.1 \u2192 0.01", "0.01 \u2192 0.01"]
        heights = [label.xyann[1] for label in labels]
        assert heights[0] == heights[1] < heights[2]

    def test_without_learning_rate_or_accuracy_one_chart_is_left(self):
        (loss,) = self.figure(losses({50: 2.0, 200: 1.0})).axes
        assert self.texts(loss) == ["step 100"]
        assert loss.get_xlabel() == "global step"

    @pytest.mark.parametrize(("lowest", "scale"), [(0.01, "linear"), (0.001, "log"), (0.0, "linear")])
    def test_rates_more_than_ten_times_apart_are_drawn_on_a_log_axis(self, lowest, scale):
        rates = {100: float(np.float32(0.1)), 200: float(np.float32(lowest))}
        rate = self.figure(with_train(cliff(), tags.LEARNING_RATE, rates)).axes[2]
        assert rate.get_yscale() == scale
        assert rate.get_yticks().tolist() == sorted(rates.values())

    def test_the_rate_steps_down_at_the_boundary(self):
        for rates in ({50: 0.1, 100: 0.1, 150: 0.01}, {50: 0.1, 150: 0.01}):  # With a point there, and without.
            rate = self.figure(with_train(cliff(), tags.LEARNING_RATE, rates)).axes[2].lines[0]
            assert rate.get_drawstyle() == "steps-pre"  # The value at a step holds back to the step before it.
            assert (rate.get_xdata().tolist(), rate.get_ydata().tolist()) == ([50, 100, 150], [0.1, 0.1, 0.01])

    def test_a_rate_that_begins_after_a_boundary_or_before_the_view_is_drawn_where_it_is(self):
        curves = with_train(cliff(), tags.LEARNING_RATE, {150: 0.01, 200: 0.01})
        assert self.figure(curves).axes[2].lines[0].get_xdata().tolist() == [150, 200]
        curves = with_train(cliff(), tags.LEARNING_RATE, {10: 0.01})
        assert self.figure(curves, from_step=50).axes[2].lines[0].get_xdata().size == 0

    def test_a_wild_start_leaves_the_chart_and_is_told(self):
        points = {step: 1.0 if step <= 100 else 0.5 for step in range(2, 201, 2)}
        loss = self.figure(losses(points | {2: 30.0, 4: 5.0, 6: float("nan")})).axes[0]
        assert loss.get_ylim()[1] == pytest.approx(1.05)
        assert self.texts(loss)[-1] == "\u2191 up to 30 (points off the chart: 2)"

    @pytest.mark.parametrize("wild", [{2: 2.4}, {60: 30.0}])
    def test_a_mild_start_and_a_later_spike_stay_on_the_chart(self, wild):
        points = {step: 1.0 if step <= 100 else 0.5 for step in range(2, 201, 2)}
        loss = self.figure(losses(points | wild)).axes[0]
        assert loss.get_ylim()[1] > max(wild.values())

    def test_a_run_of_nothing_but_nan_is_drawn(self):
        assert self.figure(losses({10: float("nan"), 20: float("nan")})).axes

    def test_nothing_from_from_step_on_is_an_error(self):
        with pytest.raises(UserError, match="from_step 200, the run is at step 200; give a smaller"):
            self.figure(cliff(), from_step=200)


class TestDraw:
    def draw(self, path):
        report.draw(cliff(), [100], str(path), from_step=0, title="a run")

    def test_the_file_is_a_png_of_sane_size_and_nothing_is_left_beside_it(self, tmp_path):
        self.draw(tmp_path / "report.png")
        content = (tmp_path / "report.png").read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert 20_000 < len(content) < 500_000
        width, height = struct.unpack(">II", content[16:24])
        assert width == 1800
        assert 600 < height < 1000
        assert [path.name for path in tmp_path.iterdir()] == ["report.png"]

    def test_a_failed_drawing_leaves_the_old_file(self, tmp_path, monkeypatch):
        def half_a_figure(_, path, **options):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        (tmp_path / "report.png").write_bytes(b"old")
        monkeypatch.setattr(report.Figure, "savefig", half_a_figure)
        with pytest.raises(UserError, match="No space left on device; give a directory"):
            self.draw(tmp_path / "report.png")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]

    def test_a_place_that_cannot_be_written_is_an_error_that_names_it(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(UserError, match=r"cannot write the figure .*file/report\.png'"):
            self.draw(tmp_path / "file" / "report.png")


def test_report_tells_the_numbers_the_figure_and_the_tensorboard_command(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    run = tmp_path / "my run"
    write_events(run, 1, {100: 1.0, 200: 0.5})
    text = report.report(str(run), boundaries=[100], from_step=0)
    assert text.startswith(report.table(losses({100: 1.0, 200: 0.5}), [100]) + "\n")
    assert text.endswith(f"Figure:      {run}/report.png\nTensorBoard: tensorboard --logdir '{run}'")
    assert (run / "report.png").is_file()


def test_off_the_path_the_command_names_the_program_that_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    write_events(tmp_path, 1, {100: 1.0})
    command = report.report(str(tmp_path), boundaries=[], from_step=0).rpartition("TensorBoard: ")[2]
    program, *arguments = shlex.split(command)
    assert Path(program).resolve() == Path(sys.executable).with_name("tensorboard").resolve()
    assert arguments == ["--logdir", str(tmp_path)]

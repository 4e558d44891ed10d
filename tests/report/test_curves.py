"""Curves out of hand-made event files."""

import numpy as np
import pytest

import report
from settings import UserError
from summaries import tags
from tests.report.makers import write_events


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

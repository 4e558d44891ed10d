"""Event files on a file system that takes no more of them: one line, and nothing beside it."""

import logging

import pytest
import tensorflow as tf

from settings import UserError
from tests.file_sizes import limited
from training import event_files

LIMIT = 4096  # bytes


def write_too_much(folder):
    writer = tf.compat.v1.summary.FileWriterCache.get(str(folder))
    for step in range(10):
        value = tf.compat.v1.Summary.Value(tag="x" * (LIMIT // 4), simple_value=1.0)
        writer.add_summary(tf.compat.v1.Summary(value=[value]), step)
        writer.flush()


def test_a_file_that_cannot_grow_is_one_line(tmp_path, caplog, capfd):
    told = rf"cannot write {tmp_path}/events\S+ \(File too large\); make room there"
    with limited(LIMIT), pytest.raises(UserError, match=told), event_files.closed_in_the_end():
        write_too_much(tmp_path)
    assert caplog.text == ""
    assert "Traceback" not in capfd.readouterr().err


def test_afterwards_errors_are_logged_as_before(tmp_path, caplog):
    error = f"{tmp_path}/other; No space left on device"
    with event_files.closed_in_the_end():
        logging.getLogger("tensorflow").error("of something else")
        logging.getLogger("tensorflow").error(error)
    assert [record.getMessage() for record in caplog.records] == ["of something else"]
    logging.getLogger("tensorflow").error(error)
    assert [record.getMessage() for record in caplog.records][1:] == [error]

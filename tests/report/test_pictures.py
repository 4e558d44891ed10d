"""Which picture is read from event files."""

import pytest

from report.pictures import Picture, read_pictures
from summaries import tags
from tests.report.makers import small_png, write_events, write_picture

FIRST, SECOND, THIRD = (small_png(shade) for shade in (0.2, 0.5, 0.8))


@pytest.fixture
def evaluations(tmp_path):
    return tmp_path / "eval"


def test_the_newest_picture_of_each_tag(tmp_path, evaluations):
    for number, png in enumerate((FIRST, SECOND, THIRD), start=1):
        write_picture(evaluations, number, png, tag=tags.CONFUSION_MATRIX, step=100 * number)
    write_picture(evaluations, 4, FIRST, tag=tags.MISTAKES, step=200)
    assert read_pictures(str(tmp_path)) == {
        tags.CONFUSION_MATRIX: Picture(300, THIRD),
        tags.MISTAKES: Picture(200, FIRST),
    }


def test_after_a_restart_the_one_written_last_counts(tmp_path, evaluations):
    write_picture(evaluations, 1, FIRST, tag=tags.MISTAKES, step=300)
    write_picture(evaluations, 2, SECOND, tag=tags.MISTAKES, step=200, start=100)
    assert read_pictures(str(tmp_path)) == {tags.MISTAKES: Picture(200, SECOND)}


def test_a_restart_that_has_not_come_to_a_picture_keeps_the_old_one(tmp_path, evaluations):
    write_picture(evaluations, 1, FIRST, tag=tags.MISTAKES, step=300)
    write_events(evaluations, 2, {150: 1.0}, start=100)
    assert read_pictures(str(tmp_path)) == {tags.MISTAKES: Picture(300, FIRST)}


def test_pictures_of_training_are_not_those_of_the_validation_split(tmp_path):
    write_picture(tmp_path, 1, FIRST, tag=tags.MISTAKES, step=100)
    assert read_pictures(str(tmp_path)) == {}


def test_evaluations_without_pictures_have_none(tmp_path, evaluations):
    write_events(evaluations, 1, {100: 1.0})
    assert read_pictures(str(tmp_path)) == {}

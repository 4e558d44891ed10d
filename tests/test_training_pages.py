"""The pages of text that frame a run's curves."""

import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import metadata

from cluster import distribution
from settings import PiecewiseConstant, SummaryLevel
from summaries import tags
from tests.common import make_devices, make_learning_rate, make_model, make_settings
from training.pages import Recorded, pages

RECORDED = Recorded(
    flags={"batch_size": 64, "boundaries": [1001], "data_dir": None},
    hyper_parameters={"batch_size": 64, "boundaries": [1001]},
    environment={"host": "a|b", "python": "3.11"},
    session="now",
)
STEP_DOWN = PiecewiseConstant(boundaries=(1001,), values=(0.1, 0.01))


def make_pages(*, level=SummaryLevel.STANDARD, learning_rate=None):
    """Of a run of 2,000 steps, four of them an epoch."""
    settings = make_settings(
        model=make_model(learning_rate=learning_rate or make_learning_rate(STEP_DOWN)),
        train_steps=2000,
        summaries=level,
        cpu_replicas=2,
    )
    return pages(settings, RECORDED, ["cat", "dog"], steps_per_epoch=4)


def values(summaries):
    return [value for summary in summaries for value in summary.value]


def text(framing, tag):
    """The lines of the only page under a tag of what a run begins with."""
    [page] = [value for value in values(framing.first) if value.tag == tag]
    assert page.metadata.plugin_data.plugin_name == "text"
    return tf.make_ndarray(page.tensor).item().decode().splitlines()


def test_a_run_begins_with_its_flags_its_environment_and_its_own_devices():
    framing = make_pages()
    assert text(framing, tags.FLAGS) == [
        "| flag | value |",
        "| --- | --- |",
        "| batch_size | 64 |",
        "| boundaries | [1001] |",
        "| data_dir | None |",
    ]
    assert text(framing, tags.ENVIRONMENT) == [
        "| what | value |",
        "| --- | --- |",
        "| host | a\\|b |",
        "| python | 3.11 |",
        f"| devices | {distribution.describe_devices(make_devices(num_gpus=None, cpu_replicas=2))} |",
    ]


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, ["| 0 | 0.00 | 0.1 |", "| 1,000 | 250.00 | 0.1 |", "| 1,001 | 250.25 | 0.01 |"]),
        (
            {"warmup": 10, "scale": 0.5},
            ["| 0 | 0.00 | 0.005 |", "| 9 | 2.25 | 0.05 |", "| 1,000 | 250.00 | 0.05 |", "| 1,001 | 250.25 | 0.005 |"],
        ),
    ],
)
def test_the_schedule_is_a_table_of_step_epoch_and_rate_around_each_change(changes, rows):
    """The last row is the rate of the last update."""
    lines = text(make_pages(learning_rate=make_learning_rate(STEP_DOWN, **changes)), tags.SCHEDULE)
    last_rate = rows[-1].split("|")[3].strip()
    assert lines == [
        "| step | epoch | learning rate |",
        "| --- | --- | --- |",
        *rows,
        f"| 1,999 | 499.75 | {last_rate} |",
    ]


def test_a_run_begins_with_its_hyper_parameters():
    framing = make_pages()
    [start] = [value for value in values(framing.first) if value.tag == metadata.SESSION_START_INFO_TAG]
    told = metadata.parse_session_start_info_plugin_data(start.metadata.plugin_data.content).hparams
    assert told.keys() == RECORDED.hyper_parameters.keys(), "not every flag is one"
    assert told["batch_size"].number_value == 64


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (SummaryLevel.MINIMAL, []),
        (SummaryLevel.STANDARD, ["class_accuracy/cat", "class_accuracy/dog"]),
        (SummaryLevel.FULL, ["class_accuracy/cat", "class_accuracy/dog"]),
    ],
)
def test_evaluations_write_the_accuracy_of_each_class_but_for_minimal_summaries(level, expected):
    """The pages are the same at each level."""
    framing = make_pages(level=level)
    assert list(framing.elsewhere) == expected
    assert [value.tag for value in values(framing.first)] == [
        tags.FLAGS,
        tags.ENVIRONMENT,
        tags.SCHEDULE,
        metadata.SESSION_START_INFO_TAG,
    ]

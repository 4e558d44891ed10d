"""The HParams page, as TensorBoard's own backend makes it of the runs in a parent directory."""

import tensorflow as tf
from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

from summaries import events, hparams, tags

STEPPED = {"boundaries": [1_234_567, 2_000_000], "values": [0.1, 0.01], "batch_size": 64, "dataset": "shapes10"}
COSINE = {"learning_rate": 0.1, "staircase": True, "data_dir": None, "batch_size": 128, "dataset": "shapes10"}


def write(folder, *summaries, step):
    """Adds them to the one event file of a folder, whose name a second writer of the same second would take too."""
    with tf.Graph().as_default():
        writer = tf.compat.v1.summary.FileWriterCache.get(str(folder))
        for summary in summaries:
            writer.add_summary(summary, step)
        writer.flush()


def page(folder):
    """(experiment, session groups by name) of a --logdir."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    everything = api_pb2.ListSessionGroupsRequest(slice_size=100, allowed_statuses=api_pb2.Status.values())
    here = context.RequestContext()
    experiment = get_experiment.Handler(here, backend, "", api_pb2.GetExperimentRequest()).run()
    groups = list_session_groups.Handler(here, backend, "", everything).run().session_groups
    return experiment, {group.name: group for group in groups}


def hyper_parameters(group):
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}


def metrics(group):
    return {(value.name.group, value.name.tag): (value.training_step, value.value) for value in group.metric_values}


def test_the_page_shows_what_each_run_was_told_lists_as_text(tmp_path):
    """Boundaries to the step, however late; a run has only what it was told, and None is a word."""
    write(tmp_path / "a", hparams.beginning(STEPPED), step=0)
    write(tmp_path / "b", hparams.beginning(COSINE), step=0)
    _, groups = page(tmp_path)
    assert {name: hyper_parameters(group) for name, group in groups.items()} == {
        "a": {**STEPPED, "boundaries": "1234567, 2000000", "values": "0.1, 0.01"},
        "b": {**COSINE, "data_dir": "None"},
    }


def test_hyper_parameters_have_types_and_ranges_over_all_runs_to_filter_by(tmp_path):
    write(tmp_path / "a", hparams.beginning(STEPPED), step=0)
    write(tmp_path / "b", hparams.beginning(COSINE), step=0)
    columns = {info.name: info for info in page(tmp_path)[0].hparam_infos}
    number, boolean, text = api_pb2.DATA_TYPE_FLOAT64, api_pb2.DATA_TYPE_BOOL, api_pb2.DATA_TYPE_STRING
    assert {name: info.type for name, info in columns.items()} == {
        "batch_size": number,
        "boundaries": text,
        "data_dir": text,
        "dataset": text,
        "learning_rate": number,
        "staircase": boolean,
        "values": text,
    }
    sizes = columns["batch_size"].domain_interval
    assert (sizes.min_value, sizes.max_value) == (64, 128)
    assert [value.string_value for value in columns["dataset"].domain_discrete.values] == ["shapes10"]


def test_the_metrics_are_the_newest_loss_and_accuracy_of_training_and_validation(tmp_path):
    write(tmp_path / "a", hparams.beginning(STEPPED), step=0)
    for step in (5, 10):
        write(tmp_path / "a", events.scalars({tags.LOSS: 5 / step, tags.ACCURACY: step / 16}), step=step)
        write(tmp_path / "a" / "eval", events.scalars({tags.LOSS: 2.5 / step, tags.ACCURACY: step / 32}), step=step)
    experiment, groups = page(tmp_path)
    expected = {
        ("", tags.LOSS): (10, 0.5),
        ("", tags.ACCURACY): (10, 0.625),
        ("eval", tags.LOSS): (10, 0.25),
        ("eval", tags.ACCURACY): (10, 0.3125),
    }
    assert metrics(groups["a"]) == expected
    assert {(info.name.group, info.name.tag) for info in experiment.metric_infos} == set(expected)


def test_only_a_complete_run_is_a_success(tmp_path):
    for name in ("complete", "stopped"):
        write(tmp_path / name, hparams.beginning(STEPPED), step=0)
    write(tmp_path / "complete", hparams.end(), step=10)
    _, groups = page(tmp_path)
    status = {name: group.sessions[0].status for name, group in groups.items()}
    assert status == {"complete": api_pb2.STATUS_SUCCESS, "stopped": api_pb2.STATUS_UNKNOWN}


def test_a_resumed_run_is_one_run(tmp_path):
    for step in (0, 5):
        write(tmp_path / "a", hparams.beginning(STEPPED), step=step)
    write(tmp_path / "a", hparams.end(), step=10)
    (group,) = page(tmp_path)[1].values()
    assert len(group.sessions) == 1

"""TensorBoard's own ways of reading what was written: its Python reader, and the fast one that it takes by default."""

import contextlib
import time

import pytest
import tensorflow as tf
from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.data import server_ingester
from tensorboard.plugins import base_plugin
from tensorboard.util import grpc_util

CONTEXT = context.RequestContext()


def write(folder, *summaries):
    """Writes summaries at steps 1, 2, 3, ... as a run does."""
    with tf.Graph().as_default(), tf.compat.v1.summary.FileWriter(str(folder)) as writer:
        for step, summary in enumerate(summaries, start=1):
            writer.add_summary(summary, step)


def python_reader(folder):
    runs = plugin_event_multiplexer.EventMultiplexer()
    runs.AddRunsFromDirectory(str(folder))
    runs.Reload()
    return data_provider.MultiplexerDataProvider(runs, str(folder))


@contextlib.contextmanager
def fast_reader(folder):
    try:
        binary = server_ingester.get_server_binary()
    except server_ingester.NoDataServerError:
        pytest.skip("TensorBoard has no data server for this machine")
    options = {"reload_interval": 0, "channel_creds_type": grpc_util.ChannelCredsType.LOCAL}
    ingester = server_ingester.SubprocessServerDataIngester(binary, str(folder), **options)
    ingester.start()
    try:
        yield ingester.data_provider
    finally:
        ingester._stdin_handle.close()  # It ends with its standard input.


def soon(read):
    """What `read()` gives once it gives anything: the fast reader answers before it has read all files."""
    deadline = time.monotonic() + 20
    while not (found := read()):
        assert time.monotonic() < deadline, "the fast reader found nothing"
        time.sleep(0.02)
    return found


def plugin_context(folder, **values):
    """What a plugin is made with, to be asked as TensorBoard's pages ask it."""
    return base_plugin.TBContext(logdir=str(folder), data_provider=python_reader(folder), **values)

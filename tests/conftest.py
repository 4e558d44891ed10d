"""What all tests share. TensorFlow is quiet and in graph mode, as in a run."""

import contextlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
import tensorflow as tf

import input_fn
from tests.common import make_data
from tests.processes import Process

tf.compat.v1.disable_eager_execution()


@pytest.fixture(scope="session")
def shapes10_dir(tmp_path_factory):
    """A data directory in which shapes10 stands prepared."""
    folder = tmp_path_factory.mktemp("data")
    input_fn.describe(make_data(data_dir=str(folder)))
    return folder


@pytest.fixture
def start():
    """Starts processes that do not outlive the test."""
    with contextlib.ExitStack() as stack:

        def started(*arguments, **environment):
            process = Process(*arguments, **environment)
            stack.callback(process.close)
            return process

        yield started

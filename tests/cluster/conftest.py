"""What tests of a job's tasks in threads share."""

import os
import threading

import pytest

from cluster.membership import joining
from tests.cluster.jobs import LONG, TIMES


@pytest.fixture
def quick(monkeypatch):
    """Short times, and no thread or open file left behind."""
    monkeypatch.setattr(joining, "TIMES", TIMES)
    threads, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(LONG)
        assert not thread.is_alive(), thread
    assert len(os.listdir("/proc/self/fd")) == files

"""Processes of main.py as a user starts them, and what they say."""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

from tests.common import ROOT


class Process:
    """`main.py` as it runs, line by line. It is killed after ten minutes, so that no test waits for ever.

    `inside`: a command that it is started by, and that makes way for it.
    """

    def __init__(self, *arguments, inside=(), **environment):
        self._process = subprocess.Popen(
            [*inside, sys.executable, "-u", "main.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert self._process.stdout
        self._output = self._process.stdout
        self._watchdog = threading.Timer(600, self._process.kill)
        self._watchdog.start()
        self.said: list[str] = []

    def wait_for(self, pattern):
        """The match of the first line from here on that has the pattern."""
        for line in self._output:
            self.said.append(line)
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"ended before it said {pattern!r}:\n{''.join(self.said)}")

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self.close()

    def signal(self, number):
        self._process.send_signal(number)

    def finish(self):
        """Lets it end, and returns its exit status."""
        self.said += self._output
        return self._process.wait()

    def close(self):
        self._watchdog.cancel()
        self._process.kill()
        self._process.wait()
        self._output.close()


def free_ports(count):
    """As many ports in a row that nobody uses, and one more after them: the chief's membership server's."""
    for first in range(21_000 + os.getpid() % 4_000, 32_000, count + 1):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count + 1):
                stack.enter_context(socket.socket()).bind(("", port))
            return list(range(first, first + count))
    raise AssertionError("no ports are free")


def tf_config(cluster, role, index=0):
    return json.dumps({"cluster": cluster, "task": {"type": role, "index": index}})


def cluster_of(*, workers=1, ps=0, evaluator=False):
    """A cluster on this machine: a chief, so many workers beside it and ps tasks, perhaps an evaluator."""
    counts = {"chief": 1, "worker": workers, "ps": ps, "evaluator": int(evaluator)}
    addresses = iter([f"localhost:{port}" for port in free_ports(sum(counts.values()))])
    return {role: list(itertools.islice(addresses, count)) for role, count in counts.items() if count}


def start_cluster(start, arguments, scratch, *, workers=1, ps=0, evaluator=False):
    """All tasks of a cluster: the chief, workers, ps tasks, the evaluator."""
    cluster = cluster_of(workers=workers, ps=ps, evaluator=evaluator)
    return [
        start(*arguments, TF_CONFIG=tf_config(cluster, role, index), TMPDIR=str(scratch))
        for role, found in cluster.items()
        for index in range(len(found))
    ]

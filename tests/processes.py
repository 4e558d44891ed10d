"""Processes of main.py as a user starts them, and what they say."""

import contextlib
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
    """`main.py` as it runs, line by line. It is killed after four minutes, so that no test waits for ever."""

    def __init__(self, *arguments, **environment):
        self._process = subprocess.Popen(
            [sys.executable, "-u", "main.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert self._process.stdout
        self._output = self._process.stdout
        self._watchdog = threading.Timer(240, self._process.kill)
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
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]


def start_cluster(start, arguments, scratch):
    ports = free_ports(2)
    cluster = {"chief": [f"localhost:{ports[0]}"], "worker": [f"localhost:{ports[1]}"]}

    def task(role):
        config = json.dumps({"cluster": cluster, "task": {"type": role, "index": 0}})
        return start(*arguments, TF_CONFIG=config, TMPDIR=str(scratch))

    return task("chief"), task("worker")

"""The queue: several real processes ask at once."""

import subprocess
import sys

from control import requests
from control.requests import Answer
from tests.common import ROOT
from tests.control.common import SESSION, names, take

ASKERS, EACH = 4, 12
ASKER = """
import sys, time
from control import requests
from control.state import Action, Request

model_dir, session, first, each = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for value in range(first, first + each):
    answer = requests.ask(
        model_dir, Request(Action.SET, float(value)), session=session, who="a@b", wait_seconds=60,
        sleep=lambda seconds: time.sleep(seconds / 100),
    )
    assert answer.message == str(float(value)), answer
"""


def running(processes):
    return None in [process.poll() for process in processes]


def test_of_many_processes_that_ask_at_once_none_is_lost_and_none_comes_twice(tmp_path):
    """Each asker checks that the answer is the one to its own request."""
    starts = [1 + number * EACH for number in range(ASKERS)]
    arguments = [[str(tmp_path), SESSION, str(start), str(EACH)] for start in starts]
    processes = [subprocess.Popen([sys.executable, "-c", ASKER, *each], cwd=ROOT) for each in arguments]
    values = []
    while running(processes):
        for taken in take(tmp_path):
            assert taken.request is not None, taken.refusal
            values.append(taken.request.value)
            requests.answer(str(tmp_path), taken.id, Answer(True, str(taken.request.value)))
    assert [process.returncode for process in processes] == [0] * ASKERS
    assert sorted(values) == list(range(1, 1 + ASKERS * EACH))
    assert names(tmp_path) == []


PUTTER = """
import sys
from control import requests
from control.state import Action, Request

for value in range(int(sys.argv[3]), int(sys.argv[3]) + int(sys.argv[4])):
    requests.put(sys.argv[1], Request(Action.SET, float(value)), session=sys.argv[2], who="a@b")
"""


def test_a_flood_of_requests_is_taken_whole(tmp_path):
    starts = [1, 101, 201]
    arguments = [[str(tmp_path), SESSION, str(start), "100"] for start in starts]
    processes = [subprocess.Popen([sys.executable, "-c", PUTTER, *each], cwd=ROOT) for each in arguments]
    found = []
    while running(processes):
        found += take(tmp_path)
    found += take(tmp_path)
    assert not [taken.refusal for taken in found if taken.refusal], "no file is seen half written"
    values = [taken.request.value for taken in found]
    assert sorted(values) == list(range(1, 301))
    for start in starts:
        own = [value for value in values if start <= value < start + 100]
        assert own == sorted(own), "the requests of one process come in its order"

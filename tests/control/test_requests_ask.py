"""The queue: ask and answer, against a clock that stands still unless somebody sleeps."""

import pytest

from control import requests
from control.requests import Answer
from control.state import Action, Request
from settings import UserError
from tests.control.common import HALF, SESSION, fail, names, take


class Clock:
    """A clock that only sleep moves. Before the n-th sleep ends, `events[n]` happens."""

    def __init__(self, *events):
        self.now = 0.0
        self.events = list(events)

    def sleep(self, seconds):
        self.now += seconds
        if self.events:
            self.events.pop(0)()


def ask(model_dir, *events, request=HALF, wait_seconds=1.0):
    """Asks while `events` happen, and returns the answer and the time it took."""
    clock = Clock(*events)
    answer = requests.ask(
        str(model_dir),
        request,
        session=SESSION,
        who="ada@host",
        wait_seconds=wait_seconds,
        clock=lambda: clock.now,
        sleep=clock.sleep,
    )
    return answer, clock.now


def nothing():
    pass


def serve(model_dir, answer):
    """What the run does in a poll: everything in the queue gets this answer."""

    def poll():
        for taken in take(model_dir):
            requests.answer(str(model_dir), taken.id, answer)

    return poll


@pytest.mark.parametrize("said", [Answer(True, "from step 7 on: 0.05"), Answer(False, "request refused: é")])
def test_the_answer_comes_back_and_nothing_stays(tmp_path, said):
    answer, seconds = ask(tmp_path, nothing, nothing, serve(tmp_path, said))
    assert answer == said
    assert seconds == pytest.approx(0.3), "it looks ten times a second"
    assert names(tmp_path) == []


def test_an_answer_to_somebody_else_is_not_mine(tmp_path):
    def other():
        requests.answer(str(tmp_path), "1-h-2-ab", Answer(True, "yours"))

    with pytest.raises(UserError, match="no training run answered"):
        ask(tmp_path, other)
    assert names(tmp_path) == ["1-h-2-ab.answer.json"]


def test_a_request_that_nobody_takes_is_withdrawn(tmp_path):
    with pytest.raises(
        UserError, match=r"no training run answered from --model_dir=\S+ within 0.99 s.*withdrawn"
    ) as error:
        ask(tmp_path, *[nothing] * 10, fail(AssertionError("it waits too long")), wait_seconds=0.99)
    assert "\n" not in str(error.value)
    assert names(tmp_path) == [] and take(tmp_path) == []


def test_an_answer_at_the_last_moment_counts(tmp_path):
    """The run took the request as the wait ended: it cannot be withdrawn, so its answer is waited for."""
    taken = []
    said = Answer(True, "late")
    last = [nothing] * 9 + [lambda: taken.extend(take(tmp_path))] + [nothing] * 30
    answer, seconds = ask(tmp_path, *last, lambda: requests.answer(str(tmp_path), taken[0].id, said))
    assert answer == said
    assert seconds == pytest.approx(4.1)


def test_a_request_that_was_taken_and_never_answered_is_told_apart(tmp_path):
    with pytest.raises(UserError, match="took the request and did not say"):
        ask(tmp_path, lambda: take(tmp_path))


def test_a_wait_that_is_interrupted_withdraws(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        ask(tmp_path, fail(KeyboardInterrupt()))
    assert names(tmp_path) == []


def test_a_request_that_makes_no_sense_is_not_even_put(tmp_path):
    with pytest.raises(UserError, match="set needs a positive, finite number, not -1"):
        ask(tmp_path, request=Request(Action.SET, -1))
    assert not (tmp_path / requests.FOLDER).exists()


def test_a_model_dir_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UserError, match=r"cannot ask in \S+/none/learning_rate_requests \(No such file or directory\)"):
        ask(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_answer_that_cannot_be_written_does_not_stop_the_run(tmp_path):
    requests.answer(str(tmp_path / "none"), "1", Answer(True, ""))
    requests.answer(str(tmp_path), "x" * 300, Answer(True, ""))
    assert not (tmp_path / "none").exists()

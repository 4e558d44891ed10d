import os
import signal

import pytest

from control import preemption
from settings import Preempted


@pytest.mark.parametrize("number", preemption.SIGNALS)
def test_a_signal_ends_what_the_process_is_at(number):
    with preemption.watched() as signals:
        with pytest.raises(Preempted, match=f"stopped by {number.name}"):
            os.kill(os.getpid(), number)
        assert signals.asked is number


def test_preempted_is_no_failure_that_a_handler_would_swallow():
    assert not issubclass(Preempted, Exception)


def test_a_deferred_signal_is_noted_only():
    with preemption.watched() as signals:
        signals.deferred = True
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.asked is signal.SIGTERM


def test_a_stretch_that_raises_is_not_begun_after_a_signal():
    with preemption.watched() as signals:
        signals.deferred = True
        os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(Preempted), signals.raising():
            pytest.fail("begun")
        assert signals.deferred


def test_inside_of_a_deferred_stretch_one_can_raise():
    with preemption.watched() as signals:
        signals.deferred = True
        with pytest.raises(Preempted), signals.raising():
            os.kill(os.getpid(), signal.SIGTERM)
        assert signals.deferred, "it is deferred again after the stretch"


def test_another_thread_can_ask_as_a_signal_does():
    with preemption.watched() as signals, pytest.raises(Preempted, match="stopped by SIGTERM"):
        signals.ask()


@pytest.mark.parametrize("state", [{"asked": signal.SIGUSR1}, {"heeded": True}], ids=str)
def test_who_stops_already_is_not_asked_again(state):
    with preemption.watched() as signals:
        vars(signals).update(state)
        signals.ask()


def test_a_second_interrupt_is_left_to_the_system():
    with preemption.watched() as signals:
        signals.deferred = True
        os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) == signals.handle


def test_the_handlers_from_before_come_back():
    before = [signal.getsignal(number) for number in preemption.SIGNALS]
    with preemption.watched() as signals:
        signals.deferred = True
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in preemption.SIGNALS] == before

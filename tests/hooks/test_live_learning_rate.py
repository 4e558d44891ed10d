"""The hook on a graph of two variables, in real sessions, with real request, checkpoint and event files.

The schedule is 100 + step, so that every update has a rate of its own, and factors of powers of two are exact.
"""

import itertools
import json
import random

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

import hooks
from control import evaluations, journal, requests
from control.journal import Source
from hooks.live_learning_rate import POLL_SECONDS
from model_fn.live_rate import LiveRate
from settings import Action, Plateau, PlateauMetric, Request
from summaries import collect, tags

SESSION = "2025-01-02T03:04:05+00:00"
HALF = Request(Action.SCALE, 0.5)
SEVEN = Request(Action.SET, 7.0)
RELEASE = Request(Action.RELEASE, None)


class KilledError(Exception):
    """The process is gone: no hook gets to its end."""


def every(seconds):
    """A clock that each look moves on by so many seconds."""
    return map(seconds.__mul__, itertools.count()).__next__


def train(folder, *, until, killed_at=None, before=None, schedule=None, interval=1000, save_steps=1000, **changes):
    """Trains from the newest checkpoint to global step `until`, or until killed; returns the rate used by global step.

    `before[step]()`, where there is one, is called just before the update that begins at that global step.
    """
    rates = {}
    changes = {"clock": every(POLL_SECONDS), "last_step": until, **changes}
    ends = {"interval": interval, "last_step": changes["last_step"]}
    with tf.Graph().as_default():
        global_step = tf.compat.v1.train.create_global_step()
        step = tf.identity(global_step)
        live = LiveRate(tf.cast(step, tf.float32) + 100)
        collect.scalar(tags.LEARNING_RATE, live.rate)
        with tf.control_dependencies([step]):
            train_op = tf.group(global_step.assign_add(1), live.update(live.message))
        creator = tf.compat.v1.train.ChiefSessionCreator(checkpoint_dir=str(folder))
        session_hooks = [
            hooks.SummaryHook(str(folder), first=[], last=[], batch_size=1, **ends),
            hooks.LiveLearningRateHook(str(folder), session=SESSION, schedule=schedule, interval=interval, **changes),
            tf.compat.v1.train.CheckpointSaverHook(str(folder), save_steps=save_steps),
        ]
        try:
            with tf.compat.v1.train.MonitoredSession(creator, session_hooks) as session:
                now = newest_step(folder)
                while now < until:
                    if now == killed_at:
                        raise KilledError
                    (before or {}).get(now, lambda: None)()
                    used, rate, _ = session.run([step, live.rate, train_op])
                    assert used == now, "each update counts one step"
                    rates[now] = float(rate)
                    now += 1
        except KilledError:
            pass
    close_event_files(folder)
    return rates


def newest_step(folder):
    return int(tf.train.latest_checkpoint(str(folder)).rpartition("-")[2])


def close_event_files(folder):
    """A file's name holds the second it was begun in; two processes never share one, two runs in a test may."""
    tf.compat.v1.summary.FileWriterCache.clear()
    for path in folder.glob("events.out.tfevents.*.*"):
        if path.suffix != ".closed":
            number = len(list(folder.glob("*.closed")))
            path.rename(folder / f"events.out.tfevents.{number:010d}.closed")


def scheduled(*steps, factor=1.0):
    return {step: (100 + step) * factor for step in steps}


def fixed(*steps, rate=7.0):
    return dict.fromkeys(steps, rate)


class Person:
    """Somebody who asks at set steps, and reads the answers."""

    def __init__(self, folder, *, session=SESSION):
        self._folder = folder
        self._session = session
        self.ids = []

    def asks(self, *wanted):
        def ask():
            for request in wanted:
                self.ids.append(requests.put(str(self._folder), request, session=self._session, who="ada@host"))

        return ask

    def answers(self):
        """(accepted, message) of each request in the order of asking, None where there is no answer."""
        paths = [self._folder / requests.FOLDER / f"{identity}.answer.json" for identity in self.ids]
        fields = [json.loads(path.read_text()) if path.exists() else None for path in paths]
        return [(field["accepted"], field["message"]) if field else None for field in fields]


def in_event_files(folder):
    return event_accumulator.EventAccumulator(str(folder)).Reload()


def points(folder):
    return [(e.step, e.value) for e in in_event_files(folder).Scalars(tags.LEARNING_RATE)]


def texts(folder):
    found = in_event_files(folder)
    if tags.LEARNING_RATE_CHANGES not in found.Tags()["tensors"]:
        return []
    events = found.Tensors(tags.LEARNING_RATE_CHANGES)
    return [(e.step, tf.make_ndarray(e.tensor_proto).item().decode()) for e in events]


def kept(folder):
    return [(c.step, c.what, c.source) for c in journal.read(str(folder))]

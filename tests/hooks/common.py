"""A real session for a hook, and what it has written."""

import contextlib
from pathlib import Path

import tensorflow as tf


@contextlib.contextmanager
def session_at(step, hook):
    """A session of the current graph with `hook`, and with the global step at `step`, as after a checkpoint."""
    global_step = tf.compat.v1.train.get_or_create_global_step()
    scaffold = tf.compat.v1.train.Scaffold(init_fn=lambda _, session: global_step.load(step, session))
    creator = tf.compat.v1.train.ChiefSessionCreator(scaffold)
    with tf.compat.v1.train.MonitoredSession(creator, [hook]) as session:
        yield session


def train(hook, offer, *, steps, first_step=0):
    """Makes `steps` updates, the first of them with the global step at `first_step`.

    `offer` adds to the graph what the hook looks for. It is given the step before the update, and may return an
    operation that each update has to wait for.
    """
    with tf.Graph().as_default():
        global_step = tf.compat.v1.train.create_global_step()
        before = tf.identity(global_step)
        needed = offer(before)
        with tf.control_dependencies([before] if needed is None else [before, needed]):
            train_op = global_step.assign_add(1)
        with session_at(first_step, hook) as session:
            for _ in range(steps):
                session.run(train_op)


def written(folder):
    """(step, summary value) of all that stands in the event files of a folder, in order."""
    tf.compat.v1.summary.FileWriterCache.clear()
    return [
        (event.step, value)
        for path in sorted(Path(folder).glob("events*"))
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    ]

"""The learning rate over a run to come: at which steps to look, what it is there, which of them to tell."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from model_fn.schedules import make_schedule
from settings import LearningRate, PiecewiseConstant, Schedule

# Each step of runs as long as this; of longer ones as many, evenly spread, and both sides of every edge.
_MOST_STEPS = 20_000
# As many changes can be told one by one; a rate that changes more often is told at tenths of the run.
_MOST_CHANGES = 20


def drawn_steps(learning_rate: LearningRate, *, train_steps: int) -> np.ndarray:
    """[n] int64, rising from 0 to `train_steps - 1`: numbers of finished updates at which to ask for the rate."""
    spread = np.linspace(0, train_steps - 1, min(train_steps, _MOST_STEPS)).round().astype(np.int64)
    edges = [learning_rate.warmup, *_edges(learning_rate.schedule, train_steps=train_steps)]
    sides = [step for edge in edges for step in (edge - 1, edge) if 0 <= step < train_steps]
    return np.union1d(spread, np.array(sides, np.int64))


def _edges(schedule: Schedule, *, train_steps: int) -> Sequence[int]:
    """Steps at which the rate may jump. A rate that jumps all the time is seen well enough without them."""
    if isinstance(schedule, PiecewiseConstant):
        return schedule.boundaries
    if getattr(schedule, "staircase", False) or getattr(schedule, "cycle", False):
        every = schedule.decay_steps  # type: ignore[union-attr]
        return range(0, train_steps, every)[:_MOST_STEPS]
    return ()


def rates(learning_rate: LearningRate, steps: np.ndarray) -> np.ndarray:
    """[n] float32: the rate of the update that follows each of the n numbers of finished updates."""
    # The first session of a process decides how it takes GPU memory. That is for training's to say.
    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        schedule = make_schedule(learning_rate)
        return session.run(tf.map_fn(schedule, tf.constant(steps, tf.int64), fn_output_signature=tf.float32))


def told_points(learning_rate: LearningRate, steps: np.ndarray, rates: np.ndarray) -> list[tuple[int, float]]:
    """(step, rate) where the curve is worth a line: its ends, the end of the warm-up, and both sides of each change.

    Where it changes all the time, tenths of it stand for the changes.
    """
    after_warmup = int(np.searchsorted(steps, learning_rate.warmup))
    # The last step of the warm-up is at the full rate already.
    first = max(after_warmup - 1, 0)
    changes = np.flatnonzero(np.diff(rates[first:])) + first
    if len(changes) <= _MOST_CHANGES:
        places = {place for change in changes for place in (change, change + 1)}
    else:
        places = set(np.linspace(0, len(steps) - 1, 11).round().astype(int))
    if learning_rate.warmup:
        places |= {first}
    return [(int(steps[place]), float(rates[place])) for place in sorted({0, len(steps) - 1, *places})]

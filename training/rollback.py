"""What a diverged run does with --on_nan=rollback: back to its last good checkpoint, and on at half the rate."""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

import checkpoints
import hooks
from control import journal, rollbacks, state
from model_fn import live_rate
from settings import Action, OnNan, Request, Settings, UserError

FACTOR = 0.5


def go_back(settings: Settings, diverged: hooks.Diverged) -> None:
    """Sets aside the checkpoints after the last good one, and has the learning rate halved from there on.

    A run that comes no further than the last time goes back further than the last time: weights can be past help while
    they are still finite.
    The journal of changes holds the halving, which the run makes when it goes on, as it does after any interruption.

    Raises:
      UserError: the run is to stop; there is nothing left to go back to; too many rollbacks.
    """
    model_dir, limit = settings.model_dir, settings.divergence.max_rollbacks
    if settings.divergence.on_nan is OnNan.STOP:
        raise UserError(f"{diverged}, and --on_nan=rollback goes back and on at half the rate") from diverged
    done = rollbacks.read(model_dir)
    if len(done) >= limit:
        raise UserError(f"{diverged}; it has been rolled back {len(done)} times, as --max_rollbacks={limit} allows")
    good = diverged.checkpoint
    if done and diverged.step <= done[-1].diverged_at:
        good = checkpoints.newest_finite(model_dir, before=checkpoints.prefix_of(model_dir, done[-1].back_to))
    if good is None:
        raise UserError(f"{diverged}; there is no earlier checkpoint to roll back to") from diverged
    step = checkpoints.global_step(good)
    _halve(model_dir, good, step=step, why=f"the loss was no number at step {diverged.step}")
    checkpoints.set_aside(model_dir, checkpoints.later_than(good))
    rollbacks.append(model_dir, rollbacks.Rollback(diverged_at=diverged.step, back_to=step))
    print(
        f"step {diverged.step}: the loss is no number; back to step {step} and on at half the learning rate"
        f" (rollback {len(done) + 1} of at most {limit})",
        flush=True,
    )


def _halve(model_dir: str, good: str, *, step: int, why: str) -> None:
    changes = journal.read(model_dir)
    change = journal.Change(
        step=step + 1,
        state=_halved(changes, good),
        who="rollback",
        what=f"scale {FACTOR:g} because {why}",
        source=journal.Source.ROLLBACK,
    )
    journal.write(model_dir, journal.record(changes, change))


def _halved(changes: Sequence[journal.Change], checkpoint: str) -> state.State:
    """Half of what was in force when the run diverged. What a plateau does is its own, and decided anew."""
    rate, factor, plateau = (float(x) for x in tf.train.load_variable(checkpoint, live_rate.STATE))
    before = changes[-1].state if changes else state.State(rate or None, factor, plateau)
    return state.apply(dataclasses.replace(before, plateau=plateau), Request(Action.SCALE, FACTOR))

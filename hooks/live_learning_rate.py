"""Changes the learning rate while a run trains: as people ask (`--mode=set_learning_rate`), and at plateaus."""

import collections
import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
import tqdm

import model_fn
from control import evaluations, journal, plateau, requests, state
from hooks.due import Due
from settings import Metric, Plateau, Request
from summaries import events, tags

POLL_SECONDS = 1.0


class _Step(NamedTuple):
    """A change on its way, whom to answer, and for one that the journal has already, why it is told again."""

    change: journal.Change
    request_id: str | None
    again: str = ""


class LiveLearningRateHook(tf.compat.v1.train.SessionRunHook):
    """Sends each change into the graph at one step; from the next update on it is in force on every replica.

    Give it to the chief alone. Each change is kept three times: in the graph's state, which checkpoints hold; in
    `control.journal`, from which a run that goes on from an older checkpoint makes it again at its step; and in the
    event file, as two points of the rate and a text that says who asked for what. It writes no point at a multiple of
    `interval` or at `last_step`: those are SummaryHook's.

    `session` is this start of the run, as `run.json` has it: requests to an earlier one are refused. `schedule` is the
    plateau, if that is what the run has.
    """

    def __init__(
        self,
        model_dir: str,
        *,
        session: str,
        schedule: Plateau | None,
        interval: int,
        last_step: int,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._model_dir = model_dir
        self._session = session
        self._schedule = schedule
        self._due = Due(interval, last_step)
        self._clock = clock
        self._polled = -POLL_SECONDS
        self._asked: collections.deque[tuple[requests.Taken, Request]] = collections.deque()
        self._evaluations: dict[int, float] = {}
        self._evaluations_seen: tuple[int, int] | None = None
        self._sending: _Step | None = None
        self._in_force: tuple[_Step, float | None] | None = None
        self._waiting: dict[int, str] = {}

    def begin(self):
        self._graph = model_fn.live_rate_handles()
        self._global_step = tf.compat.v1.train.get_global_step()
        self._writer = tf.compat.v1.summary.FileWriterCache.get(self._model_dir)

    def after_create_session(self, session, coord):
        self._step, (rate, factor, at_plateau) = session.run([self._global_step, self._graph.state])
        self._state = state.State(float(rate) if rate else None, float(factor), float(at_plateau))
        self._changes = journal.read(self._model_dir)
        self._again = collections.deque(journal.pending(self._changes, step=int(self._step)))
        # A session that was lost in the middle of a change is begun anew: what it was about to tell may not be so.
        self._sending = self._in_force = None
        for change in self._changes:
            if change.step == self._step:
                # The checkpoint holds it, and the process may have ended before it was told.
                self._in_force = (_Step(change, self._waiting.get(change.step), ", kept by the checkpoint"), None)

    def before_run(self, run_context):
        self._poll()
        self._sending = self._next()
        if self._sending is None:
            return tf.compat.v1.train.SessionRunArgs(self._graph.rate) if self._in_force else None
        if not self._sending.again:
            # Before it takes effect: a change that a killed process has made is made again, not lost.
            self._changes = journal.record(self._changes, self._sending.change)
            journal.write(self._model_dir, self._changes)
        new = self._sending.change.state
        message = [1.0, new.rate or 0.0, new.factor, new.plateau]
        return tf.compat.v1.train.SessionRunArgs(self._graph.rate, feed_dict={self._graph.message: message})

    def after_run(self, run_context, run_values):
        self._step += 1
        if run_values.results is None:
            return
        rate = float(run_values.results)
        self._write_rate(rate)
        if self._in_force:
            self._tell(*self._in_force, after=rate)
            self._in_force = None
        if self._sending:
            self._state = self._sending.change.state
            self._in_force = (self._sending, rate)

    def end(self, session):
        if self._in_force:
            step, _ = self._in_force
            self._say(step, f"step {step.change.step}: in force if training goes on from here, where it has ended")
        late = requests.take(self._model_dir, session=self._session, now=time.time())
        for taken in [*(taken for taken, _ in self._asked), *late]:
            requests.answer(self._model_dir, taken.id, requests.Answer(False, taken.refusal or "training has ended"))

    def _poll(self) -> None:
        now = self._clock()
        if now - self._polled < POLL_SECONDS:
            return
        self._polled = now
        for taken in requests.take(self._model_dir, session=self._session, now=time.time()):
            if taken.request is None:
                self._refuse(taken, taken.refusal or "no request")
            else:
                self._asked.append((taken, taken.request))

    def _next(self) -> _Step | None:
        """At most one change a step, those of people first: each then has a step of its own in the journal."""
        while self._asked:
            taken, request = self._asked.popleft()
            # What is still to be made again was in force already when the person asked.
            base = self._again[-1].state if self._again else self._state
            try:
                asked = state.apply(dataclasses.replace(base, plateau=self._state.plateau), request)
            except ValueError as error:
                self._refuse(taken, str(error))
                continue
            self._again.clear()
            return self._new(asked, taken.who, _in_words(request), journal.Source.PERSON, taken.id)
        if self._again and self._again[0].step <= self._step + 1:
            change = self._again.popleft()
            made_again = dataclasses.replace(change.state, plateau=self._state.plateau)
            asker = self._waiting.get(change.step)
            return _Step(dataclasses.replace(change, state=made_again), asker, ", made again")
        return self._next_of_plateau() if self._schedule else None

    def _next_of_plateau(self) -> _Step | None:
        assert self._schedule is not None
        metric = self._schedule.plateau_metric
        steps = plateau.reductions(
            self._read_evaluations(tags.of_metric(metric)),
            patience=self._schedule.plateau_patience,
            lower_is_better=metric is Metric.LOSS,
            upto_step=int(self._step),
        )
        factor = plateau.plateau_factor(
            len(steps),
            factor=self._schedule.plateau_factor,
            learning_rate=self._schedule.learning_rate,
            minimum_learning_rate=self._schedule.minimum_learning_rate,
        )
        # The graph's state is in float32.
        if factor > self._state.plateau * (1 - 1e-6):
            return None
        what = f"{metric.value} of validation no better for {self._schedule.plateau_patience} steps"
        reduced = dataclasses.replace(self._state, plateau=factor)
        return self._new(reduced, "plateau", what, journal.Source.PLATEAU, None)

    def _read_evaluations(self, metric: str) -> dict[int, float]:
        """The metric by step. Asks the file system each step, and reads when the file has changed."""
        try:
            found = os.stat(Path(self._model_dir) / evaluations.FILE_NAME)
        except OSError:
            return {}
        if self._evaluations_seen != (found.st_mtime_ns, found.st_size):
            self._evaluations_seen = (found.st_mtime_ns, found.st_size)
            by_step = evaluations.read(self._model_dir)
            self._evaluations = {step: metrics[metric] for step, metrics in by_step.items() if metric in metrics}
        return self._evaluations

    def _new(self, new: state.State, who: str, what: str, source: journal.Source, request_id: str | None) -> _Step:
        change = journal.Change(step=int(self._step) + 1, state=new, who=who, what=what, source=source)
        if request_id:
            self._waiting[change.step] = request_id
        return _Step(change, request_id)

    def _write_rate(self, rate: float) -> None:
        if not self._due.at(self._step):
            self._writer.add_summary(events.scalars({tags.LEARNING_RATE: rate}), self._step)

    def _tell(self, step: _Step, before: float | None, *, after: float) -> None:
        change = step.change
        if change.source is journal.Source.PLATEAU and change.state.rate is not None:
            self._say(step, f"step {change.step}: learning rate stays {after:g}, lower from its release on")
            return
        was = "" if before is None else f"{before:g} "
        self._say(step, f"step {change.step}: learning rate {was}-> {after:g}")

    def _say(self, step: _Step, message: str) -> None:
        change = step.change
        said = f"{message} ({change.what}, {change.who}{step.again})"
        tqdm.tqdm.write(said)
        self._writer.add_summary(events.text(tags.LEARNING_RATE_CHANGES, said), change.step)
        self._writer.flush()
        if step.request_id:
            requests.answer(self._model_dir, step.request_id, requests.Answer(True, message))
            self._waiting.pop(change.step, None)

    def _refuse(self, taken: requests.Taken, why: str) -> None:
        tqdm.tqdm.write(f"step {self._step}: learning rate unchanged: {why} ({taken.who})")
        requests.answer(self._model_dir, taken.id, requests.Answer(False, why))


def _in_words(request: Request) -> str:
    return request.action.value if request.value is None else f"{request.action.value} {request.value:g}"

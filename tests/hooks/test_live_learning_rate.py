"""The hook on a graph of two variables, in real sessions, with real request, checkpoint and event files.

The schedule is 100 + step, so that every update has a rate of its own; factors are powers of two, and exact.
"""

import itertools
import json
import os
import random

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import plugin_event_accumulator

import hooks
from control import evaluations, journal, plateau, requests
from control.journal import Source
from hooks.live_learning_rate import POLL_SECONDS
from model_fn.live_rate import LiveRate
from settings import Action, Metric, Plateau, Request
from summaries import collect, tags

SESSION = "2025-01-02T03:04:05+00:00"
HALF = Request(Action.SCALE, 0.5)
SEVEN = Request(Action.SET, 7.0)
RELEASE = Request(Action.RELEASE, None)
# Down at an evaluation 4 steps after the best one: to 1/2, 1/4, and no further than 1/5.
DOWN = Plateau(
    learning_rate=100.0,
    minimum_learning_rate=20.0,
    plateau_patience=4,
    plateau_factor=0.5,
    plateau_metric=Metric.LOSS,
)


class KilledError(Exception):
    """The process is gone: no hook gets to its end."""


def every(seconds):
    """A clock that each look moves on by so many seconds."""
    ticks = itertools.count()
    return lambda: next(ticks) * seconds


def train(
    folder,
    *,
    until,
    before=None,
    killed_at=None,
    fails_at=-1,
    schedule=None,
    interval=1000,
    save_steps=1000,
    clock=None,
):
    """Trains from the newest checkpoint to global step `until`; returns the rate that each update used.

    Args:
      folder: the model_dir.
      until: the last step of the run.
      before: what to call just before the update that begins at a global step, by that step.
      killed_at: the process ends before this update, and no hook gets to its end.
      fails_at: the update raises, as where a device is lost.
      schedule: the plateau.
      interval: steps from point to point of the ordinary curve, which SummaryHook draws here as in a run.
      save_steps: steps from checkpoint to checkpoint.
      clock: that of the hook; by itself it lets the hook look for requests at each step.
    """
    rates = {}
    ends = {"interval": interval, "last_step": until}
    with tf.Graph().as_default():
        global_step = tf.compat.v1.train.create_global_step()
        step = tf.identity(global_step)
        live = LiveRate(tf.cast(step, tf.float32) + 100)
        collect.scalar(tags.LEARNING_RATE, live.rate)
        number = tf.where(tf.equal(step, fails_at), float("nan"), 0.0)
        with tf.control_dependencies([step, tf.debugging.check_numerics(number, "a device is lost")]):
            train_op = tf.group(global_step.assign_add(1), live.update(live.message))
        session_hooks = [
            hooks.SummaryHook(
                str(folder),
                pages=hooks.Pages(first=[], elsewhere=[]),
                steps_per_epoch=1,
                only=hooks.MINIMAL,
                batch_size=1,
                **ends,
            ),
            hooks.LiveLearningRateHook(
                str(folder), session=SESSION, schedule=schedule, clock=clock or every(POLL_SECONDS), **ends
            ),
            tf.compat.v1.train.CheckpointSaverHook(str(folder), save_steps=save_steps, save_graph_def=False),
        ]
        creator = tf.compat.v1.train.ChiefSessionCreator(checkpoint_dir=str(folder))
        try:
            with tf.compat.v1.train.MonitoredSession(creator, session_hooks) as session:
                for now in range(newest_step(folder), until):
                    if now == killed_at:
                        raise KilledError
                    (before or {}).get(now, lambda: None)()
                    rates[now] = float(session.run([live.rate, train_op])[0])
        except (KilledError, tf.errors.InvalidArgumentError):
            pass
    close_event_files(folder)
    return rates


def newest_step(folder):
    """CheckpointSaverHook has written one when the session begins, of step 0 at least."""
    return int(tf.train.latest_checkpoint(str(folder)).rpartition("-")[2])


def close_event_files(folder):
    """A file's name holds the second it was begun in; two processes never share one, two sessions in a test may."""
    tf.compat.v1.summary.FileWriterCache.clear()
    number = len(list(folder.glob("*.closed")))
    for path in folder.glob("events.out.tfevents.*.*"):
        if path.suffix != ".closed":
            path.rename(folder / f"events.out.tfevents.{number:010d}.closed")


def in_turn(*calls):
    """One call of all that are not None."""
    return lambda: [call() for call in calls if call is not None]


def scheduled(first, end, factor=1.0):
    return {step: (100 + step) * factor for step in range(first, end)}


def fixed(first, end, rate=7.0):
    return dict.fromkeys(range(first, end), rate)


class Person:
    """Somebody who asks, and reads the answers."""

    def __init__(self, folder):
        self._folder = folder
        self._ids = []

    def asks(self, *wanted, session=SESSION):
        """To be called when they are to be asked, in this order."""

        def ask():
            for request in wanted:
                self._ids.append(requests.put(str(self._folder), request, session=session, who="ada@host"))

        return ask

    def puts_a_file(self, text):
        def put():
            (self._folder / requests.FOLDER).mkdir(exist_ok=True)
            (self._folder / requests.FOLDER / "odd.json").write_text(text)
            self._ids.append("odd")

        return put

    def answers(self):
        """(accepted, message) of each request in the order of asking, None where there is no answer."""
        paths = [self._folder / requests.FOLDER / f"{identity}.answer.json" for identity in self._ids]
        fields = [json.loads(path.read_text()) if path.exists() else None for path in paths]
        return [(field["accepted"], field["message"]) if field else None for field in fields]


def in_event_files(folder, tag):
    """(step, what stands there) under a tag, as TensorBoard reads it."""
    everything = {plugin_event_accumulator.TENSORS: 0}
    found = plugin_event_accumulator.EventAccumulator(str(folder), size_guidance=everything).Reload()
    if tag not in found.Tags()["tensors"]:
        return []
    return [(e.step, tf.make_ndarray(e.tensor_proto).item()) for e in found.Tensors(tag)]


def points(folder):
    return in_event_files(folder, tags.LEARNING_RATE)


def texts(folder):
    return [(step, text.decode()) for step, text in in_event_files(folder, tags.LEARNING_RATE_CHANGES)]


def in_journal(folder):
    return [(change.step, change.what, change.source) for change in journal.read(str(folder))]


def test_without_requests_the_schedule_is_left_alone_and_nothing_is_written(tmp_path, capsys):
    assert train(tmp_path, until=4) == scheduled(0, 4)
    assert points(tmp_path) == [(4, 103)], "the ordinary curve's last point alone"
    assert (texts(tmp_path), in_journal(tmp_path), capsys.readouterr().out) == ([], [], "")


def test_each_change_is_in_force_from_the_step_after_the_one_that_took_it(tmp_path, capsys):
    """Requests made before updates 2, 4, 6 and 8: the next updates use them, and the schedule goes on beneath."""
    ada = Person(tmp_path)
    before = {2: ada.asks(HALF), 4: ada.asks(SEVEN), 6: ada.asks(HALF), 8: ada.asks(RELEASE)}
    rates = train(tmp_path, until=12, before=before)
    assert rates == {
        **scheduled(0, 3),
        **scheduled(3, 5, 0.5),
        **fixed(5, 7),
        **fixed(7, 9, 3.5),
        **scheduled(9, 12),
    }
    said = [
        "step 3: learning rate 102 -> 51.5",
        "step 5: learning rate 52 -> 7",
        "step 7: learning rate 7 -> 3.5",
        "step 9: learning rate 3.5 -> 109",
    ]
    assert ada.answers() == [(True, message) for message in said]
    asked = ["scale 0.5", "set 7", "scale 0.5", "release"]
    printed = [f"{message} ({what}, ada@host)" for message, what in zip(said, asked, strict=True)]
    assert capsys.readouterr().out.splitlines() == printed
    assert texts(tmp_path) == list(zip([3, 5, 7, 9], printed, strict=True)), "who, what and the step, at that step"
    assert in_journal(tmp_path) == list(zip([3, 5, 7, 9], asked, [Source.PERSON] * 4, strict=True))


def test_two_requests_at_once_are_both_made_one_a_step_in_order(tmp_path):
    ada = Person(tmp_path)
    rates = train(tmp_path, until=8, before={3: ada.asks(SEVEN, HALF)})
    assert rates == {**scheduled(0, 4), **fixed(4, 5), **fixed(5, 8, 3.5)}
    assert ada.answers() == [(True, "step 4: learning rate 103 -> 7"), (True, "step 5: learning rate 7 -> 3.5")]
    assert points(tmp_path) == [(4, 103), (5, 7), (6, 3.5), (8, 3.5)], "each point once, at the end the ordinary one"


def test_refusals_are_answered_and_printed_and_change_nothing(tmp_path, capsys):
    """A file that is no request, one for an earlier start, and a factor that float32 does not hold."""
    ada = Person(tmp_path)
    huge = Request(Action.SCALE, 2.0**100)
    before = {
        1: ada.puts_a_file("{"),
        2: ada.asks(SEVEN, session="2024-12-31T00:00:00+00:00"),
        3: ada.asks(huge),
        5: ada.asks(huge),
    }
    rates = train(tmp_path, until=9, before=before)
    assert rates == {**scheduled(0, 4), **scheduled(4, 9, 2.0**100)}
    odd, stale, held, too_large = ada.answers()
    expected = [
        (odd, 1, "unknown", "request 'odd.json' refused: not JSON"),
        (stale, 2, "ada@host", "stale: it was made for the start of 2024-12-31"),
        (too_large, 5, "ada@host", "the factor would be 1.60694e+60; it must be between"),
    ]
    assert held == (True, f"step 4: learning rate 103 -> {104 * 2.0**100:g}")
    printed = capsys.readouterr().out.splitlines()
    for (accepted, message), step, who, why in expected:
        assert not accepted and why in message
        assert f"step {step}: learning rate unchanged: {message} ({who})" in printed
    assert len(printed) == 4 and len(texts(tmp_path)) == len(in_journal(tmp_path)) == 1


def test_a_refused_request_does_not_hold_up_the_one_behind_it(tmp_path):
    ada = Person(tmp_path)
    too_large = Request(Action.SET, 1e39)
    assert train(tmp_path, until=5, before={1: ada.asks(too_large, SEVEN)}) == {**scheduled(0, 2), **fixed(2, 5)}
    assert [accepted for accepted, _ in ada.answers()] == [False, True]


def test_points_stand_just_before_and_after_a_change_and_never_twice(tmp_path):
    """Changes whose points meet those of the ordinary curve: at 5 before, at 10 after, and at the last step."""
    ada = Person(tmp_path)
    before = {4: ada.asks(HALF), 8: ada.asks(HALF), 11: ada.asks(RELEASE)}
    rates = train(tmp_path, until=13, interval=5, before=before)
    found = points(tmp_path)
    assert [step for step, _ in found] == [5, 6, 9, 10, 12, 13]
    assert [rate for _, rate in found] == [rates[step - 1] for step, _ in found], (
        "the rate of the update that ends there"
    )
    assert [rate for _, rate in found] == [104, 52.5, 54, 27.25, 27.75, 112]


def test_a_change_is_in_the_journal_before_its_step_has_run(tmp_path, capsys):
    """The step that takes the request fails: the next start makes the change, at its step."""
    ada = Person(tmp_path)
    assert train(tmp_path, until=10, save_steps=4, before={6: ada.asks(HALF)}, fails_at=6) == scheduled(0, 6)
    assert in_journal(tmp_path) == [(7, "scale 0.5", Source.PERSON)]
    assert capsys.readouterr().out == "" and ada.answers() == [None], "nothing is said of what is not in force"
    assert train(tmp_path, until=10) == {**scheduled(4, 7), **scheduled(7, 10, 0.5)}
    assert capsys.readouterr().out == "step 7: learning rate 106 -> 53.5 (scale 0.5, ada@host, made again)\n"


def test_a_resume_makes_a_change_again_at_its_own_step_and_says_so(tmp_path, capsys):
    """Killed at step 7, resumed from 4; the changes of steps 3 and 6 were made before and after that checkpoint."""
    ada = Person(tmp_path)
    before = {2: ada.asks(HALF), 5: ada.asks(SEVEN)}
    rates = train(tmp_path, until=12, save_steps=4, before=before, killed_at=7)
    answers = ada.answers()
    capsys.readouterr()
    for until in (9, 12):
        rates.update(train(tmp_path, until=until, save_steps=4))
        assert rates == {**scheduled(0, 3), **scheduled(3, 6, 0.5), **fixed(6, until)}
    again = "step 6: learning rate 52.5 -> 7 (set 7, ada@host, made again)"
    assert capsys.readouterr().out.splitlines() == [again], "once, and not again after a checkpoint that holds it"
    assert ada.answers() == answers
    first_text = (3, "step 3: learning rate 102 -> 51.5 (scale 0.5, ada@host)")
    assert texts(tmp_path) == [first_text, (6, again)]
    assert points(tmp_path) == [(3, 102), (4, 51.5), (6, 52.5), (7, 7), (9, 7), (12, 7)]
    assert in_journal(tmp_path) == [(3, "scale 0.5", Source.PERSON), (6, "set 7", Source.PERSON)]


def test_each_of_several_changes_is_made_again_at_its_own_step_in_each_life(tmp_path):
    """Every life begins at step 0, where the one checkpoint is, and the second ends among the changes."""
    ada = Person(tmp_path)
    before = {4: ada.asks(HALF, SEVEN), 7: ada.asks(RELEASE)}
    rates = {**scheduled(0, 5), **scheduled(5, 6, 0.5), **fixed(6, 8), **scheduled(8, 12)}
    assert train(tmp_path, until=12, before=before, killed_at=10) == {step: rates[step] for step in range(10)}
    assert train(tmp_path, until=12, killed_at=6) == {step: rates[step] for step in range(6)}
    assert train(tmp_path, until=12) == rates


def test_a_change_that_the_checkpoint_just_holds_is_told_and_not_made_again(tmp_path, capsys):
    """It is sent by the last update before the checkpoint of step 4, and in force from step 4 on."""
    ada = Person(tmp_path)
    train(tmp_path, until=8, save_steps=4, before={3: ada.asks(HALF)}, killed_at=6)
    capsys.readouterr()
    assert train(tmp_path, until=8) == scheduled(4, 8, 0.5)
    assert capsys.readouterr().out == "step 4: learning rate -> 52 (scale 0.5, ada@host, kept by the checkpoint)\n"


def test_a_new_request_takes_the_place_of_changes_to_be_made_again_and_goes_on_from_the_last(tmp_path):
    """Halves from 5 and from 6 on, killed at 7 and resumed from 4: another half then means an eighth, at once."""
    ada = Person(tmp_path)
    first = train(tmp_path, until=12, save_steps=4, before={4: ada.asks(HALF), 5: ada.asks(HALF)}, killed_at=7)
    assert first == {**scheduled(0, 5), **scheduled(5, 6, 0.5), **scheduled(6, 7, 0.25)}
    second = train(tmp_path, until=12, save_steps=100, before={4: ada.asks(HALF)}, killed_at=10)
    assert second == {**scheduled(4, 5), **scheduled(5, 10, 0.125)}
    assert in_journal(tmp_path) == [(5, "scale 0.5", Source.PERSON)]
    assert train(tmp_path, until=12) == {**scheduled(4, 5), **scheduled(5, 12, 0.125)}, "the journal says so too"


def test_a_refused_request_leaves_what_is_to_be_made_again(tmp_path):
    ada = Person(tmp_path)
    train(tmp_path, until=12, save_steps=4, before={5: ada.asks(SEVEN)}, killed_at=7)
    too_large = ada.asks(Request(Action.SCALE, 1e38))
    assert train(tmp_path, until=9, before={4: too_large}) == {**scheduled(4, 6), **fixed(6, 9)}
    assert ada.answers()[1][1].startswith("the learning rate would be 7e+38"), (
        "of the rate that is to be in force again"
    )


def test_requests_are_looked_for_once_in_poll_seconds(tmp_path):
    """A quarter of that passes from step to step: looks at updates 0, 4 and 8."""
    ada = Person(tmp_path)
    before = {1: ada.asks(HALF), 5: ada.asks(HALF)}
    rates = train(tmp_path, until=12, before=before, clock=every(POLL_SECONDS / 4))
    assert rates == {**scheduled(0, 5), **scheduled(5, 9, 0.5), **scheduled(9, 12, 0.25)}


def test_the_end_answers_whoever_still_waits(tmp_path):
    """Two requests before the last update: the first is kept for a longer run, the second had no step."""
    ada = Person(tmp_path)
    train(tmp_path, until=6, before={5: ada.asks(HALF, SEVEN)})
    in_force = "step 6: in force if training goes on from here, where it has ended"
    assert ada.answers() == [(True, in_force), (False, "training has ended")]
    assert train(tmp_path, until=8) == scheduled(6, 8, 0.5), "it is in the checkpoint"


def test_answers_that_nobody_read_for_an_hour_are_swept_away(tmp_path):
    ada = Person(tmp_path)
    train(tmp_path, until=4, before={1: ada.asks(HALF), 2: ada.asks(HALF)})
    old, new = sorted((tmp_path / requests.FOLDER).iterdir())
    os.utime(old, (new.stat().st_atime, new.stat().st_mtime - requests.LEFT_OVER_SECONDS - 60))
    train(tmp_path, until=5)
    assert [*(tmp_path / requests.FOLDER).iterdir()] == [new]


def evaluates(folder, step, value):
    """What an evaluation of the checkpoint of `step` finds, loss and accuracy going together."""
    metrics = {tags.LOSS: value, tags.ACCURACY: -value}
    return lambda: evaluations.append(str(folder), step, metrics)


def evaluations_by_step(folder, values):
    return {step: evaluates(folder, step, value) for step, value in values.items()}


# No evaluation is better than that at step 2: down at 6, 10 and 14, and in force from the update after that on.
NO_BETTER = {2: 5.0, 4: 6.0, 6: 5.0, 8: 5.5, 10: 9.0, 12: 5.0, 14: 5.0, 16: 5.0, 18: 5.0}
STEPPED_DOWN = {**scheduled(0, 7), **scheduled(7, 11, 0.5), **scheduled(11, 15, 0.25), **scheduled(15, 20, 0.2)}


@pytest.mark.parametrize("metric", Metric)
def test_a_plateau_steps_down_at_the_next_update_until_the_minimum(tmp_path, metric, capsys):
    schedule = Plateau(**{**vars(DOWN), "plateau_metric": metric})
    rates = train(tmp_path, until=20, schedule=schedule, before=evaluations_by_step(tmp_path, NO_BETTER))
    assert rates == pytest.approx(STEPPED_DOWN, rel=1e-6)
    printed = capsys.readouterr().out.splitlines()
    why = f"({metric.value} of validation no better for 4 steps, plateau)"
    assert printed == [
        f"step 7: learning rate 106 -> 53.5 {why}",
        f"step 11: learning rate 55 -> 27.75 {why}",
        f"step 15: learning rate 28.5 -> 23 {why}",
    ]
    assert texts(tmp_path) == list(zip([7, 11, 15], printed, strict=True))
    assert [source for _, _, source in in_journal(tmp_path)] == [Source.PLATEAU] * 3
    assert [step for step, _ in points(tmp_path)] == [7, 8, 11, 12, 15, 16, 20]


@pytest.mark.parametrize(
    ("metric", "value"),
    [(Metric.LOSS, lambda step: -step), (Metric.ACCURACY, lambda step: -step)],
)
def test_a_metric_that_gets_better_is_no_plateau(tmp_path, metric, value):
    """`evaluates` turns the sign for accuracy, so that both get better here."""
    schedule = Plateau(**{**vars(DOWN), "plateau_metric": metric})
    before = evaluations_by_step(tmp_path, {step: value(step) for step in range(2, 12, 2)})
    assert train(tmp_path, until=12, schedule=schedule, before=before) == scheduled(0, 12)


def test_other_schedules_do_not_look_at_evaluations(tmp_path):
    before = evaluations_by_step(tmp_path, NO_BETTER)
    assert train(tmp_path, until=20, before=before) == scheduled(0, 20)


@pytest.mark.parametrize("killed_at", [7, 8, 17])
def test_a_plateau_survives_a_resume_and_is_never_made_twice(tmp_path, killed_at):
    """Checkpoints of every fourth step: before a step down, after one, and after all. Evaluations outlive them."""
    before = evaluations_by_step(tmp_path, NO_BETTER)
    first = train(tmp_path, until=20, schedule=DOWN, before=before, save_steps=4, killed_at=killed_at)
    second = train(tmp_path, until=20, schedule=DOWN, before=before, save_steps=4)
    assert min(second) == killed_at // 4 * 4
    for rates in (first, second):
        assert rates == pytest.approx({step: STEPPED_DOWN[step] for step in rates}, rel=1e-6)
    assert [step for step, _, _ in in_journal(tmp_path)] == [7, 11, 15]
    assert [step for step, _ in texts(tmp_path)] == [7, 11, 15]


def test_a_fixed_rate_is_kept_while_a_plateau_steps_down_beneath(tmp_path):
    ada = Person(tmp_path)
    asked = {3: ada.asks(SEVEN), 11: ada.asks(RELEASE)}
    evaluated = evaluations_by_step(tmp_path, {2: 5.0, 6: 5.0})
    rates = train(tmp_path, until=15, schedule=DOWN, before={**evaluated, **asked})
    assert rates == {**scheduled(0, 4), **fixed(4, 12), **scheduled(12, 15, 0.5)}
    why = "(loss of validation no better for 4 steps, plateau)"
    assert texts(tmp_path)[1] == (7, f"step 7: learning rate stays 7, lower from its release on {why}")


def test_a_plateau_and_a_person_at_one_step_both_get_their_way(tmp_path):
    """The person first, at update 6; the plateau at update 7."""
    ada = Person(tmp_path)
    evaluated = evaluations_by_step(tmp_path, {2: 5.0})
    at_once = {6: in_turn(evaluates(tmp_path, 6, 5.0), ada.asks(HALF))}
    rates = train(tmp_path, until=10, schedule=DOWN, before={**evaluated, **at_once})
    assert rates == {**scheduled(0, 7), **scheduled(7, 8, 0.5), **scheduled(8, 10, 0.25)}


@pytest.mark.parametrize(("asked_anew", "factor"), [(None, 0.25), (HALF, 0.125)])
def test_a_change_made_again_or_built_upon_keeps_what_the_plateau_has_done_meanwhile(tmp_path, asked_anew, factor):
    """In the first life a half from step 9 on, and no plateau; in the second, a plateau from step 6 on."""
    ada = Person(tmp_path)
    train(tmp_path, until=12, schedule=DOWN, before={8: ada.asks(HALF)}, killed_at=10)
    before = evaluations_by_step(tmp_path, {1: 5.0, 5: 5.0})
    if asked_anew:
        before[8] = ada.asks(asked_anew)
    rates = train(tmp_path, until=12, schedule=DOWN, before=before)
    assert rates == {**scheduled(0, 6), **scheduled(6, 9, 0.5), **scheduled(9, 12, factor)}
    assert [step for step, _, _ in in_journal(tmp_path)] == [6, 9]


class Expected:
    """The second formula: what people asked as a line of time, and what the plateau did as a number a checkpoint."""

    def __init__(self, values):
        self._values = values
        self._people = {0: (0.0, 1.0)}  # (rate, factor) by the step from which it is in force.
        self._down = {0: 1.0}  # The plateau's factor by step.

    def life(self, first, until, asked):
        """The rates of a process that goes on from the checkpoint of `first`; `asked` is by step."""
        rates = {}
        for step in range(first, until):
            down = self._down[step]
            rate, factor = self._people[max(begin for begin in self._people if begin <= step)]
            rates[step] = rate or (100 + step) * factor * down
            if step in asked:
                newest = self._after(asked[step])
                self._people = {begin: was for begin, was in self._people.items() if begin <= step}
                self._people[step + 1] = newest
            elif step + 1 not in self._people:
                steps = plateau.reductions(self._values, patience=4, lower_is_better=True, upto_step=step)
                down = min(down, 0.5 ** len(steps))
            self._down[step + 1] = down
        return rates

    def _after(self, request):
        """Of the newest wish, whether the run has come to it again or not."""
        rate, factor = self._people[max(self._people)]
        if request.action is Action.SET:
            return request.value, 1.0
        if request.action is Action.RELEASE:
            return 0.0, 1.0
        return rate * request.value, factor if rate else factor * request.value


@pytest.mark.parametrize("seed", range(2))
def test_lives_of_a_run_under_random_requests_plateaus_and_kills(tmp_path, seed):
    """Four processes, each going on from the newest checkpoint of the one before, against `Expected`."""
    rng = random.Random(seed)
    ada = Person(tmp_path)
    values = {step: float(rng.randrange(6)) for step in range(2, 40, 2)}
    evaluated = evaluations_by_step(tmp_path, values)
    schedule = Plateau(**{**vars(DOWN), "minimum_learning_rate": 0.0})
    expected = Expected(values)
    some = [HALF, HALF, Request(Action.SCALE, 2.0), SEVEN, RELEASE]
    first = count = 0
    for life in range(4):
        end = first + rng.randrange(2, 13) if life < 3 else 40
        asked = {step: rng.choice(some) for step in range(first, end) if rng.random() < 0.3}
        asks = {step: ada.asks(request) for step, request in asked.items()}
        before = {step: in_turn(evaluated.get(step), asks.get(step)) for step in range(40)}
        save_steps = rng.choice([3, 5, 7])
        rates = train(tmp_path, until=40, schedule=schedule, before=before, save_steps=save_steps, killed_at=end)
        assert rates == expected.life(first, end, asked), f"from step {first}"
        first, count = newest_step(tmp_path), count + len(asked)
    assert count > 5
    told = [step for step, _ in texts(tmp_path)]
    assert told == sorted(set(told)) and set(told) <= {step for step, _, _ in in_journal(tmp_path)}
    assert len(points(tmp_path)) == len(dict(points(tmp_path))), "no point twice"
    assert all(accepted for accepted, _ in filter(None, ada.answers()))

"""Each hook on a tiny graph in a real MonitoredSession, with a clock of its own."""

import contextlib
import io
import itertools

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

import hooks
from hooks.interval import IntervalHook
from settings import UserError
from summaries import collect, tags
from summaries import events as summary_events

BATCH = 8


class Recorder(IntervalHook):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.points = []

    def at_interval(self, step, values):
        self.points.append((step, dict(values)))


def every(seconds):
    """A clock that each look moves on by so many seconds."""
    ticks = itertools.count()
    return lambda: next(ticks) * seconds


def arguments(interval, *, last_step=1000, seconds=0.5):
    return {"interval": interval, "last_step": last_step, "batch_size": BATCH, "clock": every(seconds)}


def run(session_hooks, *, steps, first_step=0, loss=lambda step: 1.0):
    """Counts the global step up from `first_step`; the learning rate offered is the step before the update."""
    with tf.Graph().as_default():
        global_step = tf.compat.v1.train.create_global_step()
        before = tf.cast(tf.identity(global_step), tf.float32)
        fed_loss = tf.compat.v1.placeholder_with_default(1.0, [])
        tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.LOSSES, fed_loss)
        collect.scalar(tags.LEARNING_RATE, before)
        collect.scalar(tags.LOSS, fed_loss)
        collect.image_batch(tags.INPUT_IMAGES, tf.zeros([20, 4, 4, 3]), tf.range(20) % 10)
        with tf.control_dependencies([before]):
            train_op = global_step.assign_add(1)
        scaffold = tf.compat.v1.train.Scaffold(
            init_fn=lambda _, session: global_step.load(first_step, session) if first_step else None
        )
        creator = tf.compat.v1.train.ChiefSessionCreator(scaffold)
        with tf.compat.v1.train.MonitoredSession(creator, session_hooks) as session:
            for step in range(first_step, first_step + steps):
                session.run(train_op, {fed_loss: loss(step)})


def events(folder):
    tf.compat.v1.summary.FileWriterCache.clear()
    return event_accumulator.EventAccumulator(str(folder)).Reload()


def test_points_stand_at_multiples_and_at_the_end():
    recorder = Recorder(**arguments(4, last_step=10))
    run([recorder], steps=10)
    assert [step for step, _ in recorder.points] == [4, 8, 10]
    assert [values[tags.LEARNING_RATE] for _, values in recorder.points] == [3, 7, 9], "the rate of the update itself"


def test_a_resumed_run_keeps_to_the_multiples():
    recorder = Recorder(**arguments(4))
    run([recorder], first_step=6, steps=7)
    assert [step for step, _ in recorder.points] == [8, 12]


def test_images_per_second_counts_steps_alone():
    """The clock moves half a second at each look, two looks a step: 8 images in 0.5 s, whatever passes between."""
    recorder = Recorder(**arguments(3, seconds=0.5))
    run([recorder], steps=6)
    assert [values[tags.IMAGES_PER_SECOND] for _, values in recorder.points] == [BATCH / 0.5] * 2


def summary_hook(folder, *, last_step, only=frozenset({tags.LOSS, tags.LEARNING_RATE})):
    """One that writes a page at the beginning."""
    return hooks.SummaryHook(
        str(folder),
        pages=hooks.Pages(first=[summary_events.text("first", "page")], elsewhere=[]),
        steps_per_epoch=4,
        only=only,
        **arguments(2, last_step=last_step),
    )


def test_summaries_draw_one_line_across_a_resume(tmp_path):
    """The second process starts from step 4; what the first wrote past it, TensorBoard drops."""
    run([summary_hook(tmp_path, last_step=1000)], steps=8)
    tf.compat.v1.summary.FileWriterCache.clear()
    # A file's name holds the second it was begun in; two processes never share one, two runs in a test may.
    (first,) = tmp_path.iterdir()
    first.rename(tmp_path / "events.out.tfevents.0000000001.host")
    run([summary_hook(tmp_path, last_step=1000)], first_step=4, steps=6)
    found = events(tmp_path)
    assert [e.step for e in found.Scalars(tags.LEARNING_RATE)] == [2, 4, 6, 8, 10]
    assert [e.value for e in found.Scalars(tags.LEARNING_RATE)] == [1, 3, 5, 7, 9]
    assert set(found.Tags()["scalars"]) == {tags.LOSS, tags.LEARNING_RATE}


@pytest.mark.parametrize("first_step", [0, 5])
def test_summaries_of_the_beginning_follow_the_start_mark(tmp_path, first_step):
    """The mark says which step comes next."""
    run([summary_hook(tmp_path, last_step=8)], first_step=first_step, steps=3)
    tf.compat.v1.summary.FileWriterCache.clear()
    (path,) = tmp_path.iterdir()
    mark, *pages = [
        (event.step, event.summary.value[0].tag if event.HasField("summary") else event.session_log.status)
        for event in tf.compat.v1.train.summary_iterator(str(path))
        if event.HasField("session_log") or event.HasField("summary")
    ]
    assert mark == (first_step + 1, tf.compat.v1.SessionLog.START)
    assert (first_step, "first") in pages[:2], "after the layout of the charts"
    assert [page for page in pages if page[1] == "first"] == [(first_step, "first")]


def test_all_scalars_are_written_with_epoch_and_memory(tmp_path):
    run([summary_hook(tmp_path, last_step=8, only=None)], steps=8)
    found = events(tmp_path)
    assert [e.value for e in found.Scalars(tags.EPOCH)] == [0.5, 1, 1.5, 2]
    assert 0.01 < found.Scalars(tags.MEMORY)[0].value < 100
    assert found.Scalars(tags.STEP_MILLISECONDS)[1].value == pytest.approx(500), "the clock moves half a second a step"


def test_pictures_are_drawn_at_the_start_and_when_due(tmp_path):
    names = [f"class{i}" for i in range(10)]
    due = hooks.Due(interval=4, last_step=10)
    run([hooks.PicturesHook(str(tmp_path), class_names=names, due=due)], steps=5)
    run([hooks.PicturesHook(str(tmp_path), class_names=names, due=due)], first_step=5, steps=5)
    images = events(tmp_path).Images(tags.INPUT_IMAGES)
    assert [image.step for image in images] == [1, 4, 8, 10]
    image = images[0]
    assert image.encoded_image_string.startswith(b"\x89PNG")
    assert min(image.width, image.height) > 300


def test_progress_off_a_terminal_is_a_line_an_interval(capsys):
    run([hooks.ProgressHook(terminal=False, **arguments(5, last_step=20))], steps=10)
    assert capsys.readouterr().out.splitlines() == [
        "step 5/20: loss 1.0000, learning rate 4, 16 images/s, 0:00:08 left",
        "step 10/20: loss 1.0000, learning rate 9, 16 images/s, 0:00:05 left",
    ]


def test_the_first_step_of_a_process_tells_no_speed(capsys):
    run([hooks.ProgressHook(terminal=False, **arguments(1, last_step=20))], steps=2)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "step 1/20: loss 1.0000, learning rate 0"
    assert second == "step 2/20: loss 1.0000, learning rate 1, 16 images/s, 0:00:09 left"


def test_progress_on_a_terminal_is_a_bar():
    screen = io.StringIO()
    with contextlib.redirect_stderr(screen):
        progress = hooks.ProgressHook(terminal=True, **arguments(2, last_step=8))
        run([progress], first_step=2, steps=6)
        progress.close()
    last = screen.getvalue().split("\r")[-1]
    assert last.endswith("\n"), "what is said next has a line of its own"
    assert "step 8/8" in last
    assert "loss 1.0000, learning rate 7, 16 images/s" in last


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run(tmp_path, bad):
    recorder = Recorder(**arguments(1))
    with pytest.raises(UserError, match=rf"loss is {bad} at step 3: .*last good checkpoint is not there.*--values"):
        run(
            [hooks.DivergenceHook(str(tmp_path)), recorder],
            steps=9,
            loss=lambda step: np.float32(bad if step == 2 else 1),
        )
    assert [step for step, _ in recorder.points] == [1, 2], "nothing is written of the step that diverged"


def test_an_evaluation_is_told_in_a_line(capsys):
    metrics = {"global_step": 7, tags.LOSS: 0.5, tags.ACCURACY: 0.8125}
    hooks.tell(metrics)
    assert capsys.readouterr().out == "step 7: validation loss 0.5000, accuracy 81.25%\n"

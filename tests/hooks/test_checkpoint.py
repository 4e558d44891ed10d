import contextlib
import functools
import re
import shutil
import subprocess

import pytest
import tensorflow as tf

import checkpoints
from hooks.checkpoint import CheckpointHook
from settings import UserError
from tests.file_sizes import limited

# That of the writer of event files, whose disk is full as well.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
# What a checkpoint of it takes, in bytes.
SIZE = 100_000
TOLD = re.compile(
    r"cannot write (.*) to (.*) \((.*)\); make room there, or make it writable, and start again:"
    r" (?:(.*) is intact, and the run goes on from it|the run begins at its first step)"
)
# Of which none is of a file system.
ERRORS = [tf.errors.ResourceExhaustedError(None, None, "failed to allocate memory"), ValueError("a value")]


class Before(tf.compat.v1.train.SessionRunHook):
    """Does something before the first step."""

    def __init__(self, act):
        self.act = act

    def before_run(self, run_context):
        self.act()
        self.act = lambda: None


def train(folder, *, steps=3, act=lambda: None, size=SIZE, hook=CheckpointHook, **options):
    """Trains on to step `steps`, saves at the start and at each step, does `act` between that start and the first."""
    with tf.Graph().as_default():
        tf.compat.v1.get_variable("weight", initializer=tf.zeros([size // 4]))
        step = tf.compat.v1.assign_add(tf.compat.v1.train.create_global_step(), 1)
        # As the Estimator's.
        saver = tf.compat.v1.train.Saver(sharded=True, defer_build=True, save_relative_paths=True, max_to_keep=2)
        tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.SAVERS, saver)
        saving = hook(str(folder), save_steps=1, **options)
        try:
            with tf.compat.v1.train.SingularMonitoredSession([Before(act), saving], checkpoint_dir=folder) as session:
                while session.run(step) < steps:
                    pass
        finally:
            with contextlib.suppress(RuntimeError, LookupError):  # Of events for a disk that is full.
                tf.compat.v1.summary.FileWriterCache.clear()


def refused(folder, **options):
    """What is told where a save is refused: what, why, and the checkpoint that is intact. Nothing half is left."""
    with pytest.raises(UserError) as caught:
        train(folder, **options)
    told = TOLD.fullmatch(str(caught.value))
    assert told is not None, str(caught.value)
    what, where, why, intact = told.groups()
    assert where == str(folder)
    assert intact == checkpoints.examine(str(folder)).good
    if folder.exists():
        assert_nothing_half(folder)
    return what, why, intact


def assert_nothing_half(folder):
    used = checkpoints.in_use(str(folder)) or []
    whole = re.compile("|".join(rf"{name}\.(data-00000-of-00001|index|meta)" for name in used) or "none")
    left = [path.name for path in folder.iterdir() if not path.name.startswith(("events.", "fill"))]
    half = [name for name in left if name not in ("checkpoint", "graph.pbtxt") and not whole.fullmatch(name)]
    assert half == []


@pytest.fixture
def disk(tmp_path):
    """Mounts a small disk of its own, given tmpfs options, in place of the one before."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        try:
            unmount()
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True, text=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no disk can be mounted here: {getattr(error, 'stderr', '') or error}")
        return folder

    def unmount():
        subprocess.run(["umount", "--lazy", folder], capture_output=True, check=False)

    yield mount
    unmount()


def fill(folder, *, blocks_left):
    """Leaves this many blocks of 4096 bytes free."""
    path = folder / "fill"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    with path.open("r+b") as file:
        file.truncate(max(0, path.stat().st_size - 4096 * blocks_left))


def test_it_saves_as_its_base(tmp_path):
    for name, hook in [("ours", CheckpointHook), ("base", tf.compat.v1.train.CheckpointSaverHook)]:
        train(tmp_path / name, hook=hook, size=400)
    ours, base = (
        {
            path.name: path.read_bytes()
            for path in (tmp_path / name).iterdir()
            if not path.name.startswith("events.") and path.suffix not in (".meta", ".pbtxt")
        }
        for name in ("ours", "base")
    )
    assert ours == base and "model.ckpt-3.index" in ours


def test_listeners_are_called_and_may_stop_the_run(tmp_path):
    said = []

    class Listener(tf.compat.v1.train.CheckpointSaverListener):
        def before_save(self, session, global_step_value):
            said.append(("before", global_step_value))

        def after_save(self, session, global_step_value):
            said.append(("after", global_step_value))
            return global_step_value == 2

    with tf.Graph().as_default():
        step = tf.compat.v1.assign_add(tf.compat.v1.train.create_global_step(), 1)
        hook = CheckpointHook(str(tmp_path), save_steps=1, listeners=[Listener()])
        with tf.compat.v1.train.SingularMonitoredSession([hook]) as session:
            while not session.should_stop():
                session.run(step)
    assert said == [(when, step) for step in (0, 1, 2) for when in ("before", "after")]


@pytest.mark.parametrize("error", ERRORS)
def test_what_a_listener_raises_is_its_own(tmp_path, error):
    class Listener(tf.compat.v1.train.CheckpointSaverListener):
        def after_save(self, session, global_step_value):
            raise error

    with pytest.raises(type(error)) as caught:
        train(tmp_path, listeners=[Listener()])
    assert caught.value is error


def test_a_full_disk_is_told_and_the_checkpoint_before_is_intact(disk):
    folder = disk("size=400k")
    told = refused(folder)
    assert told == ("the checkpoint of step 2", "No space left on device", str(folder / "model.ckpt-1"))
    subprocess.run(["mount", "-o", "remount,size=1000k", folder], check=True)
    train(folder)
    assert checkpoints.examine(str(folder)).good == str(folder / "model.ckpt-3")


@pytest.mark.parametrize(
    ("limit", "values", "steps"), [("blocks", range(4), {0, 1}), ("inodes", range(2, 14), {None, 0, 1})]
)
def test_wherever_a_full_disk_stops_a_save_nothing_half_is_left(disk, limit, values, steps):
    """In the tensors, in the index, in what merges several, in the state, in the graph."""
    found = set()
    for left in values:
        folder = disk("size=300k" if limit == "blocks" else f"size=300k,nr_inodes={left}")
        act = functools.partial(fill, folder, blocks_left=left) if limit == "blocks" else lambda: None
        *_, intact = refused(folder, act=act, size=4000)
        found.add(intact and checkpoints.global_step(intact))
    assert found == steps


# The state is its fourth block. With more, it depends on what the events take meanwhile.
@pytest.mark.parametrize("blocks_left", range(4))
def test_a_run_that_goes_on_with_a_full_disk_keeps_what_it_goes_on_from(disk, blocks_left):
    """It first saves that anew, in the same place."""
    folder = disk("size=300k")
    train(folder, steps=2, size=8000)
    fill(folder, blocks_left=blocks_left)
    _, _, intact = refused(folder, size=8000)
    assert intact == str(folder / "model.ckpt-2")


def test_a_whole_checkpoint_of_the_same_step_is_not_removed(disk):
    """The run went back to before it."""
    folder = disk("size=400k")
    train(folder, steps=3, size=8000)
    tf.compat.v1.train.update_checkpoint_state(str(folder), "model.ckpt-2", ["model.ckpt-2"])
    with pytest.raises(UserError, match=rf"the checkpoint of step 3 .* {folder}/model\.ckpt-2 is intact"):
        train(folder, steps=3, act=lambda: fill(folder, blocks_left=0), size=8000)
    assert checkpoints.global_step(str(folder / "model.ckpt-3")) == 3
    assert not checkpoints.unfinished(str(folder))


def test_a_disk_that_can_only_be_read_is_told(disk):
    folder = disk("size=1000k")
    train(folder, steps=1, size=400)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    assert refused(folder, size=400) == ("graph.pbtxt", "Read-only file system", str(folder / "model.ckpt-1"))


def test_a_folder_that_has_vanished_is_told(tmp_path):
    folder = tmp_path / "run"
    told = refused(folder, act=lambda: shutil.rmtree(folder), size=400)
    assert told == ("the checkpoint of step 1", "the folder is gone", None)


def test_a_limit_of_file_sizes_is_told_and_not_taken_for_the_end_of_the_data(tmp_path):
    """TensorFlow has one type of error for both, and would end the run as if it were complete."""
    with contextlib.ExitStack() as stack:
        limit = functools.partial(stack.enter_context, limited(SIZE // 2))
        train(tmp_path / "base", act=limit, hook=tf.compat.v1.train.CheckpointSaverHook)
    assert tf.train.latest_checkpoint(str(tmp_path / "base")).endswith("-0")
    with contextlib.ExitStack() as stack:
        limit = functools.partial(stack.enter_context, limited(SIZE // 2))
        what, why, intact = refused(tmp_path / "ours", act=limit)
    assert (what, why) == ("the checkpoint of step 1", "File too large")
    assert intact == str(tmp_path / "ours" / "model.ckpt-0")


@pytest.mark.parametrize("error", ERRORS)
def test_what_is_not_of_the_file_system_is_passed_on(tmp_path, monkeypatch, error):
    def save(*_, **__):
        raise error

    monkeypatch.setattr(tf.compat.v1.train.Saver, "save", save)
    with pytest.raises(type(error)) as caught:
        train(tmp_path)
    assert caught.value is error


def test_an_event_file_that_cannot_grow_is_told(tmp_path, monkeypatch):
    """Its writer fails some time after the disk, with an error whose type says nothing."""

    def add(*_):
        raise RuntimeError(f"{tmp_path}/events.out.tfevents.1.host; No space left on device\n\tFailed to flush")

    monkeypatch.setattr(tf.compat.v1.summary.FileWriter, "add_session_log", add)
    told = refused(tmp_path, size=400)
    assert told == ("the event file", "No space left on device", str(tmp_path / "model.ckpt-0"))

"""What it means that an interrupted run equals one that was not: bit for bit, in every file that holds a number."""

import random
import subprocess
import sys

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from control import evaluations
from summaries import tags
from tests.common import PATIENCE, ROOT, run_main
from tests.killing import Moment
from tests.test_end_to_end import TINY

STEPS = 24
CURVES = (tags.LOSS, tags.ACCURACY, tags.CROSS_ENTROPY, tags.LEARNING_RATE, tags.GRADIENT_NORM, tags.EPOCH)
KILLED = -9


def arguments(folder, data_dir):
    return [f"--model_dir={folder}", f"--data_dir={data_dir}", f"--train_steps={STEPS}", "--deterministic", *TINY]


def kill(folder, data_dir, moment, *, count, seconds):
    """Starts the run, or goes on with it, until it kills itself. Says whether it lived to its end before that."""
    command = [sys.executable, "-m", "tests.killing", moment.value, str(count), str(seconds)]
    done = subprocess.run(
        [*command, *arguments(folder, data_dir)], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode in (0, KILLED), f"{moment} {count} {seconds}: {done.returncode}\n{done.stderr[-2000:]}"
    return done.returncode == 0


def random_moment(dice: random.Random):
    """A moment with its count and seconds, as `kill` takes them."""
    moment = dice.choice(list(Moment))
    counts = {Moment.START: 1, Moment.STEP: STEPS // 2, Moment.CHECKPOINT: 2, Moment.EVALUATION: 1}
    longest = {Moment.START: 1.0, Moment.STEP: 0.02, Moment.CHECKPOINT: 0.002, Moment.EVALUATION: 0.5}
    return moment, dice.randint(1, counts[moment]), dice.uniform(0, longest[moment])


def differences(folder, other):
    """What two runs differ in, one line each; none if they are equal bit for bit."""
    return [*_weights(folder, other), *_curves(folder, other), *_evaluations(folder, other)]


def _weights(folder, other):
    ours, theirs = (tf.train.load_checkpoint(tf.train.latest_checkpoint(str(each))) for each in (folder, other))
    names = ours.get_variable_to_shape_map()
    if set(names) != set(theirs.get_variable_to_shape_map()):
        return ["the checkpoints hold other variables"]
    return [
        f"{name} differs in the newest checkpoint"
        for name in sorted(names)
        if not np.array_equal(ours.get_tensor(name), theirs.get_tensor(name), equal_nan=True)
    ]


def _curves(folder, other):
    """As TensorBoard shows them: it drops what a later start of the run has taken back."""
    for place in ("", "eval"):
        ours, theirs = (event_accumulator.EventAccumulator(str(each / place)).Reload() for each in (folder, other))
        for tag in CURVES if not place else (tags.LOSS, tags.ACCURACY):
            pairs = [[(event.step, event.value) for event in each.Scalars(tag)] for each in (ours, theirs)]
            if pairs[0] != pairs[1]:
                yield f"{place or 'train'} {tag}: {pairs[0]} and {pairs[1]}"


def _evaluations(folder, other):
    if evaluations.read(str(folder)) != evaluations.read(str(other)):
        yield "the evaluations differ"


def finish(folder, data_dir):
    """Trains on to the end."""
    return run_main(*arguments(folder, data_dir))

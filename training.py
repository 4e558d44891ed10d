"""Puts the rooms together: data, model, devices and hooks become one Estimator, trained and evaluated."""

import atexit
import contextlib
import dataclasses
import enum
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

import hooks
import input_fn
import model_fn
from cluster import strategy
from cluster.topology import ALONE, Task
from settings import LearningRate, PiecewiseConstant, Plateau, RangeTest, Settings, UserError
from summaries import events, hparams, tags


@dataclasses.dataclass(frozen=True)
class Recorded:
    """What the record of a run has of it: flags to be shown, hyper-parameters to compare by, the newest start."""

    flags: Mapping[str, Any]
    hyper_parameters: Mapping[str, Any]
    session: str


def train_and_evaluate(settings: Settings, task: Task, recorded: Recorded) -> None:
    """Trains to the last step from the newest checkpoint, evaluating each checkpoint on the whole validation split.

    `task` is what this process is in a cluster.
    """
    _prepare_tensorflow()
    replicas = strategy.num_replicas(settings.devices, task)
    if settings.training.batch_size % replicas:
        raise UserError(
            f"--batch_size={settings.training.batch_size} cannot be split evenly over {replicas} replicas;"
            f" give a multiple of {replicas}"
        )
    info = input_fn.describe(settings.data)
    print(_announcement(settings, info, replicas=replicas), flush=True)
    tf.estimator.train_and_evaluate(
        _estimator(settings, info, task),
        tf.estimator.TrainSpec(
            _training_input_fn(settings),
            max_steps=settings.training.train_steps,
            hooks=_hooks(settings, info, recorded) if task.is_chief else _hooks_of_worker(settings),
        ),
        tf.estimator.EvalSpec(
            _evaluation_input_fn(settings),
            steps=None,
            exporters=[hooks.PrintEvaluation(), hooks.RecordEvaluation()],
            # No evaluation is skipped for coming soon after the one before.
            throttle_secs=0,
            start_delay_secs=0,
        ),
    )


def range_test(settings: Settings, test: RangeTest) -> tuple[list[float], list[float]]:
    """Learning rate and loss of each step of a range test, its curves written to `settings.model_dir`.

    The rates are those before scaling by the batch size, as flags take them.
    """
    _prepare_tensorflow()
    settings = _for_range_test(settings, test)
    info = input_fn.describe(settings.data)
    watch = hooks.RangeTestHook(steps=test.steps)
    ends = {"interval": 1, "last_step": test.steps, "batch_size": settings.training.batch_size}
    print(
        f"{settings.model.network.value} on {settings.data.dataset} at {settings.data.image_size} px:"
        f" {test.steps} steps at learning rates from {test.smallest:g} to {test.largest:g}, in {settings.model_dir}",
        flush=True,
    )
    # The hook has seen it, and the test is over.
    with contextlib.suppress(tf.estimator.NanLossDuringTrainingError):
        _estimator(settings, info, ALONE).train(
            _training_input_fn(settings),
            max_steps=test.steps,
            hooks=[watch, hooks.SummaryHook(settings.model_dir, first=[], last=[], **ends)],
        )
    return [rate / settings.model.learning_rate.scale for rate in watch.rates], watch.losses


def write_image(model_dir: str, png_path: str, *, step: int) -> None:
    """Shows the picture of a range test in TensorBoard, beside its curves in `model_dir`."""
    with tf.Graph().as_default():
        writer = tf.compat.v1.summary.FileWriter(model_dir, filename_suffix=".image")
        writer.add_summary(events.image(tags.RANGE_TEST, Path(png_path).read_bytes()), step)
        writer.close()


def newest_step(model_dir: str) -> int:
    """Global step of the newest checkpoint; 0 where there is none."""
    checkpoint = tf.train.latest_checkpoint(model_dir)
    return int(tf.train.load_variable(checkpoint, tf.compat.v1.GraphKeys.GLOBAL_STEP)) if checkpoint else 0


def _prepare_tensorflow() -> None:
    for advice in ("`tf.layers.batch_normalization` is deprecated", "To make it possible to preserve tf.data options"):
        warnings.filterwarnings("ignore", message=advice)
    # MultiWorkerMirroredStrategy cannot be copied, as the Estimator does, while eager execution is on.
    tf.compat.v1.disable_eager_execution()


def _estimator(settings: Settings, info: input_fn.DatasetInfo, task: Task) -> tf.estimator.Estimator:
    return tf.estimator.Estimator(
        model_fn.model_fn,
        config=strategy.make_run_config(settings.model_dir, settings.training, settings.devices, task),
        params=model_fn.Params(settings.model, info.class_names, settings.training.summary_interval),
    )


def _for_range_test(settings: Settings, test: RangeTest) -> Settings:
    """The same network, data and seed under rising rates; a single checkpoint, at the end."""
    rate = dataclasses.replace(settings.model.learning_rate, schedule=test, warmup=0)
    training = dataclasses.replace(
        settings.training, train_steps=test.steps, summary_interval=1, evaluation_interval=test.steps
    )
    model = dataclasses.replace(settings.model, learning_rate=rate)
    return dataclasses.replace(settings, model=model, training=training)


def _announcement(settings: Settings, info: input_fn.DatasetInfo, *, replicas: int) -> str:
    """What is about to happen, for the person who started it."""
    training = settings.training
    first_step = newest_step(settings.model_dir)
    return (
        f"{settings.model.network.value} on {settings.data.dataset} at {settings.data.image_size} px:"
        f" {info.num_train_examples:,} examples to train on, {info.num_validation_examples:,} to validate on\n"
        f"{training.train_steps:,} steps of {training.batch_size} examples on {replicas}"
        f" replica{'s' if replicas > 1 else ''}, learning rate {_in_words(settings.model.learning_rate)}\n"
        + (f"Going on from step {first_step:,} of {settings.model_dir}" if first_step else f"Run: {settings.model_dir}")
    )


def _in_words(learning_rate: LearningRate) -> str:
    schedule = learning_rate.schedule
    if isinstance(schedule, PiecewiseConstant):
        first, *others = schedule.values
        steps = [f"{value:g} from step {b:,}" for b, value in zip(schedule.boundaries, others, strict=True)]
        words = ", ".join([f"{first:g}", *steps])
    else:
        kind = re.sub("(?<!^)(?=[A-Z])", "_", type(schedule).__name__).lower()
        words = kind + " with " + ", ".join(f"{name} {_value(value)}" for name, value in vars(schedule).items())
    words += f", warm-up over {learning_rate.warmup:,} steps" if learning_rate.warmup else ""
    return words + (f", times {learning_rate.scale:g}" if learning_rate.scale != 1 else "")


def _value(value: object) -> str:
    if isinstance(value, enum.Enum):
        return value.value
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else f"{value:g}"


def _training_input_fn(settings: Settings) -> input_fn.InputFn:
    return input_fn.training_input_fn(
        input_fn.load(settings.data, settings.data.train_split),
        image_size=settings.data.image_size,
        color_jitter=settings.data.color_jitter,
        batch_size=settings.training.batch_size,
        seed=settings.training.seed,
        first_step=lambda: newest_step(settings.model_dir),
    )


def _evaluation_input_fn(settings: Settings) -> input_fn.InputFn:
    return input_fn.evaluation_input_fn(
        input_fn.load(settings.data, settings.data.validation_split),
        image_size=settings.data.image_size,
        batch_size=settings.training.batch_size,
    )


def _hooks(
    settings: Settings, info: input_fn.DatasetInfo, recorded: Recorded
) -> list[tf.compat.v1.train.SessionRunHook]:
    training = settings.training
    ends: dict[str, Any] = {"interval": training.summary_interval, "last_step": training.train_steps}
    interval = {**ends, "batch_size": training.batch_size}
    schedule = settings.model.learning_rate.schedule
    plateau = schedule if isinstance(schedule, Plateau) else None
    first = [
        events.text(tags.FLAGS, events.markdown_table(recorded.flags, header=("flag", "value"))),
        hparams.beginning(recorded.hyper_parameters),
    ]
    return [
        hooks.DivergenceHook(settings.model_dir),
        hooks.SummaryHook(settings.model_dir, first=first, last=[hparams.end()], **interval),
        hooks.ProgressHook(**interval),
        hooks.LiveLearningRateHook(settings.model_dir, session=recorded.session, schedule=plateau, **ends),
        hooks.InputImagesHook(settings.model_dir, class_names=info.class_names),
        # The Estimator would put its own before all of these: a diverged model would be saved before it is noticed,
        # and the evaluation of a checkpoint would count as part of a step.
        tf.compat.v1.train.CheckpointSaverHook(settings.model_dir, save_steps=training.evaluation_interval),
    ]


def _hooks_of_worker(settings: Settings) -> list[tf.compat.v1.train.SessionRunHook]:
    """For a worker that is not the chief. Saving is collective, so it must save when the chief does: into a folder that
    is thrown away."""
    scratch = tempfile.mkdtemp(prefix="stepdown-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    return [
        hooks.DivergenceHook(settings.model_dir),
        tf.compat.v1.train.CheckpointSaverHook(scratch, save_steps=settings.training.evaluation_interval),
    ]

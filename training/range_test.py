"""Trains for some steps at a rising learning rate."""

import contextlib
import dataclasses
from pathlib import Path

import tensorflow as tf

import hooks
import input_fn
from cluster.topology import ALONE
from settings import RangeTest, Settings, SummaryLevel
from summaries import events, tags
from training import assembly, event_files


def range_test(settings: Settings, test: RangeTest) -> tuple[list[float], list[float]]:
    """Learning rate and loss of each step of a range test, its curves written to `settings.model_dir`.

    The rates are those before scaling by the batch size, as flags take them.
    """
    assembly.prepare_tensorflow(deterministic=settings.training.deterministic)
    settings = _for_range_test(settings, test)
    info = input_fn.describe(settings.data)
    watch = hooks.RangeTestHook(steps=test.steps)
    curves = hooks.SummaryHook(
        settings.model_dir,
        pages=hooks.Pages(first=[], elsewhere=[]),
        steps_per_epoch=info.num_train_examples / settings.training.batch_size,
        only=hooks.MINIMAL,
        interval=1,
        last_step=test.steps,
        batch_size=settings.training.batch_size,
    )
    print(
        f"{settings.model.network.value} on {settings.data.dataset} at {settings.data.image_size} px:"
        f" {test.steps} steps at learning rates from {test.smallest:g} to {test.largest:g}, in {settings.model_dir}",
        flush=True,
    )
    # The hook has seen it, and the test is over.
    with event_files.closed_in_the_end(), contextlib.suppress(tf.estimator.NanLossDuringTrainingError):
        assembly.estimator(settings, info, ALONE).train(
            assembly.training_input_fn(settings),
            max_steps=test.steps,
            hooks=[watch, curves],
        )
    return [rate / settings.model.learning_rate.scale for rate in watch.rates], watch.losses


def write_image(model_dir: str, png_path: str, *, step: int) -> None:
    """Shows the picture of a range test in TensorBoard, beside its curves in `model_dir`."""
    with tf.Graph().as_default():
        writer = tf.compat.v1.summary.FileWriter(model_dir, filename_suffix=".image")
        writer.add_summary(events.image(tags.RANGE_TEST, Path(png_path).read_bytes()), step)
        writer.close()


def _for_range_test(settings: Settings, test: RangeTest) -> Settings:
    """The same network, data and seed under rising rates; a single checkpoint, at the end."""
    rate = dataclasses.replace(settings.model.learning_rate, schedule=test, warmup=0)
    training = dataclasses.replace(
        settings.training, train_steps=test.steps, summary_interval=1, evaluation_interval=test.steps
    )
    model = dataclasses.replace(settings.model, learning_rate=rate)
    summaries = dataclasses.replace(settings.summaries, summaries=SummaryLevel.MINIMAL)
    return dataclasses.replace(settings, model=model, training=training, summaries=summaries)

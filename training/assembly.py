"""The Estimator of a run, and what it is fed with."""

import warnings

import tensorflow as tf

import input_fn
import model_fn
from cluster import strategy
from cluster.topology import Task
from settings import Settings, UserError


def prepare_tensorflow() -> None:
    """To be called once a process, before any graph is built."""
    for advice in ("`tf.layers.batch_normalization` is deprecated", "To make it possible to preserve tf.data options"):
        warnings.filterwarnings("ignore", message=advice)
    # MultiWorkerMirroredStrategy cannot be copied, as the Estimator does, while eager execution is on.
    tf.compat.v1.disable_eager_execution()


def num_replicas(settings: Settings, task: Task) -> int:
    """Among how many replicas a global batch is split.

    Raises:
      UserError: it cannot be split evenly.
    """
    replicas = strategy.num_replicas(settings.devices, task)
    if settings.training.batch_size % replicas:
        raise UserError(
            f"--batch_size={settings.training.batch_size} cannot be split evenly over {replicas} replicas;"
            f" give a multiple of {replicas}"
        )
    return replicas


def estimator(settings: Settings, info: input_fn.DatasetInfo, task: Task) -> tf.estimator.Estimator:
    """The Estimator of a run, by this task's part in it."""
    return tf.estimator.Estimator(
        model_fn.model_fn,
        config=strategy.make_run_config(settings.model_dir, settings.training, settings.devices, task),
        params=model_fn.Params(
            settings.model, info.class_names, settings.training.summary_interval, settings.summaries.summaries
        ),
    )


def training_input_fn(settings: Settings) -> input_fn.InputFn:
    """Batches of the training split from the newest checkpoint's step on."""
    return input_fn.training_input_fn(
        input_fn.load(settings.data, settings.data.train_split),
        image_size=settings.data.image_size,
        color_jitter=settings.data.color_jitter,
        batch_size=settings.training.batch_size,
        seed=settings.training.seed,
        first_step=lambda: newest_step(settings.model_dir),
    )


def newest_step(model_dir: str) -> int:
    """Global step of the newest checkpoint; 0 where there is none."""
    checkpoint = tf.train.latest_checkpoint(model_dir)
    return int(tf.train.load_variable(checkpoint, tf.compat.v1.GraphKeys.GLOBAL_STEP)) if checkpoint else 0

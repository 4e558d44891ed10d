"""Trains and evaluates."""

import tensorflow as tf

import hooks
import input_fn
from cluster.topology import Task
from settings import Settings
from training import assembly, watching
from training.announcement import announcement
from training.pages import Recorded


def train_and_evaluate(settings: Settings, task: Task, recorded: Recorded) -> None:
    """Trains to the last step from the newest checkpoint, evaluating each checkpoint on the whole validation split.

    `task` is what this process is in a cluster.
    """
    assembly.prepare_tensorflow()
    replicas = assembly.num_replicas(settings, task)
    info = input_fn.describe(settings.data)
    first_step = assembly.newest_step(settings.model_dir)
    print(announcement(settings, info, replicas=replicas, first_step=first_step), flush=True)
    tf.estimator.train_and_evaluate(
        assembly.estimator(settings, info, task),
        tf.estimator.TrainSpec(
            assembly.training_input_fn(settings),
            max_steps=settings.training.train_steps,
            hooks=watching.hooks_of_chief(settings, info, recorded)
            if task.is_chief
            else watching.hooks_of_worker(settings),
        ),
        _eval_spec(settings, info),
    )


def _eval_spec(settings: Settings, info: input_fn.DatasetInfo) -> tf.estimator.EvalSpec:
    examples = input_fn.load(settings.data, settings.data.validation_split)
    return tf.estimator.EvalSpec(
        input_fn.evaluation_input_fn(
            examples, image_size=settings.data.image_size, batch_size=settings.training.batch_size
        ),
        steps=None,
        hooks=watching.hooks_of_evaluation(settings, info, examples),
        exporters=[hooks.PrintEvaluation(), hooks.RecordEvaluation()],
        # No evaluation is skipped for coming soon after the one before.
        throttle_secs=0,
        start_delay_secs=0,
    )

"""The hooks of a run: all that happens beside its steps."""

import atexit
import shutil
import tempfile
from typing import Any

import tensorflow as tf

import hooks
import input_fn
from settings import Plateau, Settings, SummaryLevel
from training.pages import Recorded, pages

Hooks = list[tf.compat.v1.train.SessionRunHook]


def hooks_of_chief(settings: Settings, info: input_fn.DatasetInfo, recorded: Recorded) -> Hooks:
    """For the task that writes: all of them."""
    training, schedule = settings.training, settings.model.learning_rate.schedule
    steps_per_epoch = info.num_train_examples / training.batch_size
    interval: dict[str, Any] = {"interval": training.summary_interval, "last_step": training.train_steps}
    minimal = settings.summaries.summaries is SummaryLevel.MINIMAL
    return [
        hooks.DivergenceHook(settings.model_dir),
        hooks.SummaryHook(
            settings.model_dir,
            pages=pages(settings, recorded, info.class_names, steps_per_epoch=steps_per_epoch),
            steps_per_epoch=steps_per_epoch,
            only=hooks.MINIMAL if minimal else None,
            batch_size=training.batch_size,
            **interval,
        ),
        hooks.ProgressHook(batch_size=training.batch_size, **interval),
        hooks.LiveLearningRateHook(
            settings.model_dir,
            session=recorded.session,
            schedule=schedule if isinstance(schedule, Plateau) else None,
            **interval,
        ),
        *([] if minimal else _pictures(settings, info)),
        # The Estimator would put its own before all of these: a diverged model would be saved before it is noticed,
        # and the evaluation of a checkpoint would count as part of a step.
        tf.compat.v1.train.CheckpointSaverHook(settings.model_dir, save_steps=training.evaluation_interval),
    ]


def hooks_of_worker(settings: Settings) -> Hooks:
    """For a worker that is not the chief. Saving is collective, so it must save when the chief does: into a folder that
    is thrown away."""
    scratch = tempfile.mkdtemp(prefix="stepdown-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    return [
        hooks.DivergenceHook(settings.model_dir),
        tf.compat.v1.train.CheckpointSaverHook(scratch, save_steps=settings.training.evaluation_interval),
    ]


def hooks_of_evaluation(settings: Settings, info: input_fn.DatasetInfo, examples: input_fn.Examples) -> Hooks:
    """For evaluations of the split that holds `examples`."""
    if settings.summaries.summaries is SummaryLevel.MINIMAL:
        return []
    return [
        hooks.EvaluationPagesHook(
            settings.model_dir,
            split=hooks.Split(examples.images, info.class_names),
            due=_due(settings, settings.summaries.image_interval),
            every=settings.training.evaluation_interval,
            embedding_examples=settings.summaries.embedding_examples,
        )
    ]


def _pictures(settings: Settings, info: input_fn.DatasetInfo) -> Hooks:
    summaries = settings.summaries
    found: Hooks = [
        hooks.PicturesHook(
            settings.model_dir, class_names=info.class_names, due=_due(settings, summaries.image_interval)
        )
    ]
    if summaries.summaries is SummaryLevel.FULL:
        found.append(hooks.HistogramHook(settings.model_dir, due=_due(settings, summaries.histogram_interval)))
    if summaries.profile_steps:
        first, last = summaries.profile_steps
        found.append(hooks.ProfileHook(settings.model_dir, first=first, last=last))
    return found


def _due(settings: Settings, interval: int) -> hooks.Due:
    return hooks.Due(interval, settings.training.train_steps)

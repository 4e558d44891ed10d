"""The hooks of a run: all that happens beside its steps."""

import contextlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf

import hooks
import input_fn
from control.preemption import Preemption
from settings import Plateau, Settings, SummaryLevel
from training.pages import Recorded, pages

Hooks = list[tf.compat.v1.train.SessionRunHook]


def hooks_of_chief(
    settings: Settings, info: input_fn.DatasetInfo, recorded: Recorded, after_training: contextlib.ExitStack
) -> Hooks:
    """For the task that writes: all but those of checkpoints. `after_training` closes what they hold open."""
    training, schedule = settings.training, settings.model.learning_rate.schedule
    steps_per_epoch = info.num_train_examples / training.batch_size
    interval: dict[str, Any] = {"interval": training.summary_interval, "last_step": training.train_steps}
    minimal = settings.summaries.summaries is SummaryLevel.MINIMAL
    progress = hooks.ProgressHook(batch_size=training.batch_size, **interval)
    after_training.callback(progress.close)
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
        progress,
        hooks.LiveLearningRateHook(
            settings.model_dir,
            session=recorded.session,
            schedule=schedule if isinstance(schedule, Plateau) else None,
            **interval,
        ),
        *([] if minimal else _pictures(settings, info)),
        *_profile(settings),
    ]


def hooks_of_worker(settings: Settings) -> Hooks:
    """For a worker that is not the chief, all but those of checkpoints."""
    return [hooks.DivergenceHook(settings.model_dir)]


def checkpoints_of_chief(
    settings: Settings, evaluate: Callable[[int], None] | None, stop: hooks.StopHook, preemption: Preemption
) -> hooks.SavingHook:
    """Saves, and evaluates what is saved; with None another task does that.

    To stand last: the Estimator would put its own before all others, where a diverged model is saved before it is
    noticed, and the evaluation of a checkpoint counts as part of a step.
    """
    due = _due(settings, settings.training.evaluation_interval)
    listeners = []
    if evaluate:
        listeners = [hooks.EvaluateListener(settings.model_dir, evaluate, due=due, preemption=preemption)]
    return hooks.SavingHook(settings.model_dir, due=due, stop=stop, listeners=listeners)


def checkpoints_of_worker(scratch: str, settings: Settings, stop: hooks.StopHook) -> hooks.SavingHook:
    """For a worker that is not the chief. Saving is collective, so it must save when the chief does: into `scratch`."""
    return hooks.SavingHook(scratch, due=_due(settings, settings.training.evaluation_interval), stop=stop)


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
    return found


def _profile(settings: Settings) -> Hooks:
    if settings.summaries.profile_steps is None:
        return []
    first, end = settings.summaries.profile_steps
    return [hooks.ProfileHook(settings.model_dir, first=first, end=end)]


def _due(settings: Settings, interval: int) -> hooks.Due:
    return hooks.Due(interval, settings.training.train_steps)

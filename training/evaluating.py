"""Evaluations of a run's checkpoints on its validation split, and what follows from them."""

import time
from collections.abc import Callable

import tensorflow as tf

import checkpoints
import hooks
import input_fn
from control import evaluations, stopping
from settings import Metric, Settings
from summaries import tags
from training import watching

_SECONDS_BETWEEN_LOOKS = 1.0
_MOST_AT_ONCE = 256  # Images; more gain no speed.


class Evaluator:
    """Call it with the global step of a checkpoint: evaluates that, tells and records the metrics, keeps the best.

    `checkpoint` is where it stands, if not in model_dir.

    `stop` is set once the evaluations say that the run ends.
    """

    def __init__(self, estimator: tf.estimator.Estimator, settings: Settings, info: input_fn.DatasetInfo):
        examples = input_fn.load(settings.data, settings.data.validation_split)
        # One device evaluates: what a slice has fits, and what all replicas have together may not.
        batch_size = min(settings.training.batch_size // settings.model.accumulate_steps, _MOST_AT_ONCE)
        self._batches = input_fn.evaluation_input_fn(
            examples,
            image_size=settings.data.image_size,
            crop=settings.data.evaluation_crop,
            batch_size=batch_size,
        )
        start = hooks.EvaluationStartHook(estimator.eval_dir())
        self._hooks = [start, *watching.hooks_of_evaluation(settings, info, examples)]
        self._estimator = estimator
        self._settings = settings
        self.stop: stopping.Stop | None = None

    def __call__(self, step: int, checkpoint: str | None = None) -> None:
        model_dir = self._settings.model_dir
        checkpoint = checkpoint or checkpoints.prefix_of(model_dir, step)
        metrics = self._estimator.evaluate(self._batches, hooks=self._hooks, checkpoint_path=checkpoint)
        hooks.tell(metrics)
        self._keep_best(checkpoint, step, {tag: float(metrics[tag]) for tag in map(tags.of_metric, Metric)})
        # Last of all: an evaluation that is recorded is not made up for.
        hooks.record(model_dir, metrics)
        self.stop = early_stop(self._settings, upto_step=step)

    def _keep_best(self, checkpoint: str, step: int, metrics: dict[str, float]) -> None:
        metric = self._settings.checkpoints.best_metric
        checkpoints.keep_best(
            self._settings.model_dir,
            checkpoint,
            step=step,
            metrics=metrics,
            metric=tags.of_metric(metric),
            lower_is_better=metric is Metric.LOSS,
        )


class Lookout:
    """Call it for where and why the evaluations that another task records say that the run ends. Cheap: it looks once a
    second."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic):
        self._settings = settings
        self._clock = clock
        self._next_look = clock()
        self._found: stopping.Stop | None = None

    def __call__(self) -> stopping.Stop | None:
        if self._found is None and self._clock() >= self._next_look:
            self._next_look = self._clock() + _SECONDS_BETWEEN_LOOKS
            self._found = early_stop(self._settings, upto_step=self._settings.training.train_steps)
        return self._found


def early_stop(settings: Settings, *, upto_step: int) -> stopping.Stop | None:
    """Where and why the evaluations of a run, up to a step, say that it ends; None where they do not."""
    rules = settings.stopping
    if rules.stop_after_evaluations_without_improvement is None and rules.stop_at_accuracy is None:
        return None
    return stopping.first_stop(
        evaluations.read(settings.model_dir),
        metric=tags.of_metric(rules.best_metric),
        accuracy=tags.ACCURACY,
        lower_is_better=rules.best_metric is Metric.LOSS,
        without_improvement=rules.stop_after_evaluations_without_improvement,
        at_accuracy=rules.stop_at_accuracy,
        upto_step=upto_step,
    )

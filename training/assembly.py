"""The Estimator of a run, and what it is fed with."""

import functools
import warnings
from collections.abc import Sequence

import tensorflow as tf

import input_fn
import model_fn
from cluster import distribution, strategy
from cluster.topology import ALONE, Role, Task
from settings import AugmentOn, DistributionStrategy, Settings, UserError
from training.warm_start import warm_start


def prepare_tensorflow(*, deterministic: bool) -> None:
    """To be called once a process, before any graph is built. `deterministic`: steps equal bit for bit, for speed."""
    for advice in ("`tf.layers.batch_normalization` is deprecated", "To make it possible to preserve tf.data options"):
        warnings.filterwarnings("ignore", message=advice)
    # MultiWorkerMirroredStrategy cannot be copied, as the Estimator does, while eager execution is on.
    tf.compat.v1.disable_eager_execution()
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def check_devices(settings: Settings, task: Task) -> None:
    """Before anything is begun.

    Raises:
      UserError: the devices that were asked for are not there, or do not go with the cluster; a global batch cannot be
        split evenly over the replicas and their slices.
    """
    if task.role in (Role.EVALUATOR, Role.PS):
        return
    strategy.compute(settings, task)
    chosen = distribution.choose(settings.devices, task).strategy
    if settings.training.initialize_from and chosen is DistributionStrategy.PARAMETER_SERVER and not task.has_ps:
        raise UserError(
            f"--initialize_from={settings.training.initialize_from} does not reach the weights that"
            f" --distribution_strategy={chosen.value} keeps in a single process; give"
            " --distribution_strategy=mirrored, which trains the same model"
        )
    replicas, slices = distribution.num_replicas(settings.devices, task), settings.model.accumulate_steps
    if settings.training.batch_size % (replicas * slices):
        raise UserError(
            f"--batch_size={settings.training.batch_size} cannot be split evenly over {replicas} replicas"
            + (f" with --accumulate_steps={slices}" if slices > 1 else "")
            + f"; give a multiple of {replicas * slices}"
        )


def estimator(settings: Settings, info: input_fn.DatasetInfo, task: Task) -> tf.estimator.Estimator:
    """The Estimator of a run, by this task's part in it."""
    return tf.estimator.Estimator(
        model_fn.model_fn,
        config=strategy.make_run_config(settings, task),
        params=model_fn.Params(
            model=settings.model,
            arithmetic=strategy.arithmetic(settings, task),
            class_names=info.class_names,
            summary_interval=settings.training.summary_interval,
            summaries=settings.summaries.summaries,
            deterministic=settings.training.deterministic,
            augment=functools.partial(
                input_fn.augmented,
                image_size=settings.data.image_size,
                augmentation=settings.augmentation,
                on_host=False,
            )
            if _augments_on(settings, task) is AugmentOn.DEVICE
            else None,
        ),
        warm_start_from=None
        if tf.train.latest_checkpoint(settings.model_dir)
        else warm_start(settings, num_classes=len(info.class_names)),
    )


def training_input_fn(settings: Settings, task: Task = ALONE) -> input_fn.InputFn:
    """Batches of the training split from the newest checkpoint's step on: of this task's share, unless a distribution
    strategy says which."""
    batches = input_fn.training_input_fn(
        input_fn.load(settings.data, settings.data.train_split),
        image_size=settings.data.image_size,
        augmentation=settings.augmentation,
        batch_size=settings.training.batch_size,
        seed=settings.training.seed,
        first_step=lambda: newest_step(settings.model_dir),
        augment_on=_augments_on(settings, task),
    )
    if gpu := distribution.sole_gpu(settings.devices, task):
        return input_fn.prefetched_to(gpu, batches)
    if not task.has_ps:
        return batches
    index = 0 if task.is_chief else 1 + task.index
    context = tf.distribute.InputContext(task.num_workers, index, num_replicas_in_sync=task.num_workers)
    return lambda: batches(context)


def _augments_on(settings: Settings, task: Task) -> AugmentOn:
    return strategy.compute(settings, task).augment_on


def train(
    estimator: tf.estimator.Estimator,
    batches: input_fn.InputFn,
    settings: Settings,
    task: Task,
    hooks: Sequence[tf.compat.v1.train.SessionRunHook],
) -> None:
    """Trains on `batches` to the last step, or until a hook asks to stop."""
    last_step = settings.training.train_steps
    if task.num_workers == 1 and not task.has_ps:
        estimator.train(batches, hooks=list(hooks), max_steps=last_step)
        return
    # Of several workers this is the one way in that an Estimator has. It evaluates nothing: a hook of the chief does.
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(batches, max_steps=last_step, hooks=list(hooks)),
        tf.estimator.EvalSpec(batches, steps=1),
    )


def newest_step(model_dir: str) -> int:
    """Global step of the newest checkpoint; 0 where there is none."""
    checkpoint = tf.train.latest_checkpoint(model_dir)
    return int(tf.train.load_variable(checkpoint, tf.compat.v1.GraphKeys.GLOBAL_STEP)) if checkpoint else 0

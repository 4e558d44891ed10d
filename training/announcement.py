"""What a run is about to do, in words."""

import enum
import re

import input_fn
from cluster import distribution, strategy
from cluster.topology import Task
from settings import Compute, LearningRate, PiecewiseConstant, Settings


def announcement(settings: Settings, info: input_fn.DatasetInfo, task: Task, *, first_step: int) -> str:
    """What is about to happen, for the person who started it."""
    training = settings.training
    return (
        f"{settings.model.network.value} on {settings.data.dataset} at {settings.data.image_size} px:"
        f" {info.num_train_examples:,} examples to train on, {info.num_validation_examples:,} to validate on\n"
        f"{training.train_steps:,} steps of {training.batch_size} examples{_slices(settings)}, learning rate"
        f" {in_words(settings.model.learning_rate)}\n"
        f"Distribution strategy: {distribution.describe(settings.devices, task)}\n"
        f"Computing in {_in_words(strategy.compute(settings, task))}\n"
        + (f"Going on from step {first_step:,} of {settings.model_dir}" if first_step else f"Run: {settings.model_dir}")
    )


def _in_words(compute: Compute) -> str:
    """How devices compute, in one line: what is not so by TensorFlow's own defaults, and what costs or saves most."""
    words = [compute.precision.value, compute.data_format.value, f"augmentation on the {compute.augment_on.value}"]
    words += ["with XLA"] if compute.xla else []
    words += [f"{number} {kind}_op threads" for kind, number in _threads(compute).items() if number]
    return ", ".join(words)


def _threads(compute: Compute) -> dict[str, int]:
    return {"intra": compute.intra_op_threads, "inter": compute.inter_op_threads}


def _slices(settings: Settings) -> str:
    slices = settings.model.accumulate_steps
    return f" in {slices} slices" if slices > 1 else ""


def in_words(learning_rate: LearningRate) -> str:
    """A schedule with its numbers, in one line."""
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

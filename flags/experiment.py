"""A command line becomes the settings of a training run: durations in steps, flags checked against each other."""

import dataclasses
import enum
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import settings as s
from flags.command import Command
from flags.durations import Duration, Unit, to_steps
from flags.registry import FLAGS, HYPER_PARAMETERS
from flags.table import learning_rate_names

Values = Mapping[str, Any]

_SCHEDULES = {
    s.ScheduleName.CONSTANT: s.Constant,
    s.ScheduleName.PIECEWISE_CONSTANT: s.PiecewiseConstant,
    s.ScheduleName.EXPONENTIAL: s.Exponential,
    s.ScheduleName.NATURAL_EXPONENTIAL: s.NaturalExponential,
    s.ScheduleName.INVERSE_TIME: s.InverseTime,
    s.ScheduleName.POLYNOMIAL: s.Polynomial,
    s.ScheduleName.COSINE: s.Cosine,
    s.ScheduleName.COSINE_RESTARTS: s.CosineRestarts,
    s.ScheduleName.LINEAR_COSINE: s.LinearCosine,
    s.ScheduleName.ONE_CYCLE: s.OneCycle,
    s.ScheduleName.PLATEAU: s.Plateau,
}
# Defaults that differ from schedule to schedule. Each of the rates makes a hundredth after --decay_steps.
_DECAY_STEPS = {s.ScheduleName.COSINE_RESTARTS: Duration(100 / 7, Unit.PERCENT)}
_ANY_DECAY_STEPS = Duration(100, Unit.PERCENT)
_DECAY_RATE = {
    s.ScheduleName.EXPONENTIAL: 0.01,
    s.ScheduleName.NATURAL_EXPONENTIAL: math.log(100),
    s.ScheduleName.INVERSE_TIME: 99.0,
}
_MAY_BE_ZERO = ("warmup",)
# So that no sum or product of steps leaves 64 bits.
_MOST_STEPS = 10**15


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A training run, and what its record says of the flags it came from.

    `flags` holds all of them, durations in steps, and `hyper_parameters` those that a run cannot change once it has
    begun; values are what JSON can hold. `defaults` are those of runs whose record is older than a flag, for a new
    flag's default leaves training as it was. `unused` names learning-rate flags that were given and that the schedule
    does not have.
    """

    settings: s.Settings
    flags: dict[str, Any]
    hyper_parameters: dict[str, Any]
    defaults: dict[str, Any]
    unused: tuple[str, ...]


def experiment(command: Command, *, num_train_examples: Callable[[s.Data], int]) -> Experiment:
    """The training run that a command line describes.

    `num_train_examples` is only called where a duration is in epochs: it may be slow.

    Raises:
      UserError: flags that do not go together.
    """
    data = _filled(s.Data, command.values)
    given = _with_defaults_of_schedule(command.values)
    _check_as_given(given)
    values = _in_steps(given, lambda: num_train_examples(data))
    _check_in_steps(values)
    schedule = _filled(_SCHEDULES[values["learning_rate_schedule"]], values)
    scale = values["batch_size"] / values["reference_batch_size"] if values["reference_batch_size"] else 1.0
    learning_rate = s.LearningRate(schedule, warmup=values["warmup"], scale=scale)
    used = {"learning_rate_schedule", "warmup", "reference_batch_size", *vars(schedule)}
    recorded = {name: _for_json(value) for name, value in sorted(values.items())}
    return Experiment(
        settings=s.Settings(
            model_dir=command.model_dir,
            data=data,
            augmentation=_filled(s.Augmentation, values),
            model=_filled(s.Model, values, learning_rate=learning_rate),
            training=_filled(s.Training, values),
            checkpoints=_filled(s.Checkpoints, values),
            stopping=_filled(s.Stopping, values),
            divergence=_filled(s.Divergence, values),
            summaries=_filled(s.Summaries, values),
            devices=_filled(s.Devices, values),
            compute=_filled(s.Compute, values),
            cluster=_filled(s.Cluster, values),
        ),
        flags=recorded,
        hyper_parameters={name: recorded[name] for name in sorted({*HYPER_PARAMETERS, *used})},
        defaults={name: _for_json(FLAGS[name].default) for name in HYPER_PARAMETERS},
        unused=tuple(sorted(command.given & learning_rate_names() - used)),
    )


def _with_defaults_of_schedule(values: Values) -> dict[str, Any]:
    name = values["learning_rate_schedule"]
    defaults = {"decay_steps": _DECAY_STEPS.get(name, _ANY_DECAY_STEPS), "decay_rate": _DECAY_RATE.get(name)}
    return {**values, **{key: value for key, value in defaults.items() if values[key] is None}}


def _in_steps(values: Values, num_train_examples: Callable[[], int]) -> dict[str, Any]:
    """The values, with every duration in steps."""
    in_epochs = any(duration.unit is Unit.EPOCHS for _, duration in _durations(values))
    steps_per_epoch = num_train_examples() / values["batch_size"] if in_epochs else math.nan

    def converted(name: str, value: Any, train_steps: int) -> Any:
        if isinstance(value, list):
            return [converted(name, element, train_steps) for element in value]
        if not isinstance(value, Duration):
            return value
        steps = to_steps(value, steps_per_epoch=steps_per_epoch, train_steps=train_steps)
        if steps > _MOST_STEPS:
            raise s.UserError(f"--{name}={value} is {steps:.3g} steps; give at most {_MOST_STEPS:.0e}")
        return steps

    train_steps = converted("train_steps", values["train_steps"], 0)
    return {name: converted(name, value, train_steps) for name, value in values.items()}


def _durations(values: Values) -> Iterator[tuple[str, Duration]]:
    for name, value in values.items():
        for element in value if isinstance(value, list) else [value]:
            if isinstance(element, Duration):
                yield name, element


def _check_as_given(values: Values) -> None:
    """What can be told before it is known how many steps an epoch has."""
    for name, duration in _durations(values):
        if not duration.amount and name not in _MAY_BE_ZERO:
            raise s.UserError(f"--{name}={duration} is no time at all; give one step or more")
    schedule = values["learning_rate_schedule"]
    rate, minimum = values["learning_rate"], values["minimum_learning_rate"]
    if schedule is s.ScheduleName.PIECEWISE_CONSTANT:
        num_boundaries = len(values["boundaries"])
        if len(values["values"]) != num_boundaries + 1:
            raise s.UserError(f"{_pieces(values)}: {num_boundaries} boundaries need {num_boundaries + 1} values")
    elif "minimum_learning_rate" in _fields(schedule) and minimum >= rate:
        raise s.UserError(
            f"--minimum_learning_rate={minimum:g} is not below --learning_rate={rate:g}, from which the rate goes down;"
            " give a smaller minimum"
        )
    _check_recipe(values)
    _check_batch_size(values)


def _check_batch_size(values: Values) -> None:
    """The batch is split over replicas, and each one's share into slices."""
    slices = values["accumulate_steps"]
    for name in ("num_gpus", "cpu_replicas"):
        replicas = values[name] or 1
        if values["batch_size"] % (replicas * slices):
            over = [f"--{name}={replicas}"] if replicas > 1 else []
            over += [f"--accumulate_steps={slices}"] if slices > 1 else []
            raise s.UserError(
                f"--batch_size={values['batch_size']} cannot be split evenly over {' and '.join(over)};"
                f" give a multiple of {replicas * slices}"
            )


def _check_recipe(values: Values) -> None:
    if values["nesterov"] and not values["momentum"]:
        raise s.UserError("--nesterov changes nothing at --momentum=0; give a momentum, or leave it out")
    side, cutout = values["image_size"], values["cutout"]
    if cutout and round(cutout * side) < 1:
        raise s.UserError(f"--cutout={cutout:g} of --image_size={side} is not a pixel; give {1 / side:.2g} or more")


def _check_in_steps(values: Values) -> None:
    train_steps = values["train_steps"]
    of_run = f"the run of --train_steps={train_steps}"
    schedule = values["learning_rate_schedule"]
    if schedule is s.ScheduleName.PIECEWISE_CONSTANT:
        _check_boundaries(values)
    elif "rise_steps" in _fields(schedule) and values["rise_steps"] >= values["decay_steps"]:
        raise s.UserError(
            f"--rise_steps={values['rise_steps']} leaves no step of --decay_steps={values['decay_steps']} to go down;"
            " give a shorter rise"
        )
    if values["warmup"] >= train_steps:
        raise s.UserError(
            f"--warmup={values['warmup']} does not end inside {of_run}; give a shorter warm-up or more steps"
        )
    if values["from_step"] >= train_steps:
        raise s.UserError(
            f"--from_step={values['from_step']}: the report's curves would start past {of_run}; give an earlier step"
        )
    if values["profile_steps"] and values["profile_steps"][0] >= train_steps:
        first, end = values["profile_steps"]
        raise s.UserError(f"--profile_steps={first}:{end} begins past {of_run}; give earlier steps")


def _check_boundaries(values: Values) -> None:
    boundaries, train_steps = values["boundaries"], values["train_steps"]
    if boundaries != sorted(set(boundaries)):
        raise s.UserError(f"{_pieces(values)}: boundaries must rise; give each once, in order")
    if boundaries and boundaries[-1] >= train_steps:
        raise s.UserError(
            f"{_pieces(values)}: boundary {boundaries[-1]} is not inside the run of --train_steps={train_steps};"
            " give an earlier boundary or more steps"
        )


def _pieces(values: Values) -> str:
    # Rates not by :g, which would round them to six digits.
    rates = ",".join(f"{rate:.12g}" for rate in values["values"])
    return f"--boundaries={','.join(map(str, values['boundaries']))} --values={rates}"


def _fields(schedule: s.ScheduleName) -> set[str]:
    return {field.name for field in dataclasses.fields(_SCHEDULES[schedule])}


def _filled(kind: Callable[..., Any], values: Values, **others: Any) -> Any:
    """A settings dataclass with each field taken from the flag of the same name, but for `others`."""
    names = [field.name for field in dataclasses.fields(kind) if field.name not in others]  # type: ignore[arg-type]
    return kind(**{name: _frozen(values[name]) for name in names}, **others)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _for_json(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value

"""A command line becomes the settings of a training run: durations in steps, flags checked against each other."""

import dataclasses
import enum
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import settings as s
from flags.command import Command
from flags.durations import Duration, Unit, to_steps
from flags.table import HYPER_PARAMETERS, learning_rate_names

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


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A training run, and what its record says of the flags it came from.

    `flags` holds all of them, durations in steps, and `hyper_parameters` those that a run cannot change once it has
    begun; values are what JSON can hold. `unused` names learning-rate flags that were given and that the schedule
    does not have.
    """

    settings: s.Settings
    flags: dict[str, Any]
    hyper_parameters: dict[str, Any]
    unused: tuple[str, ...]


def experiment(command: Command, *, num_train_examples: Callable[[s.Data], int]) -> Experiment:
    """The training run that a command line describes.

    `num_train_examples` is only called where a duration is in epochs: it may be slow.

    Raises:
      UserError: flags that do not go together.
    """
    data = _filled(s.Data, command.values)
    values = _in_steps(_with_defaults_of_schedule(command.values), lambda: num_train_examples(data))
    _check(values)
    schedule = _filled(_SCHEDULES[values["learning_rate_schedule"]], values)
    scale = values["batch_size"] / values["reference_batch_size"] if values["reference_batch_size"] else 1.0
    learning_rate = s.LearningRate(schedule, warmup=values["warmup"], scale=scale)
    used = {"learning_rate_schedule", "warmup", "reference_batch_size", *vars(schedule)}
    recorded = {name: _for_json(value) for name, value in sorted(values.items())}
    return Experiment(
        settings=s.Settings(
            model_dir=command.model_dir,
            data=data,
            model=_filled(s.Model, values, learning_rate=learning_rate),
            training=_filled(s.Training, values),
            summaries=_filled(s.Summaries, values),
            devices=_filled(s.Devices, values),
        ),
        flags=recorded,
        hyper_parameters={name: recorded[name] for name in sorted({*HYPER_PARAMETERS, *used})},
        unused=tuple(sorted(command.given & learning_rate_names() - used)),
    )


def _with_defaults_of_schedule(values: Values) -> dict[str, Any]:
    name = values["learning_rate_schedule"]
    defaults = {"decay_steps": _DECAY_STEPS.get(name, _ANY_DECAY_STEPS), "decay_rate": _DECAY_RATE.get(name)}
    return {**values, **{key: value for key, value in defaults.items() if values[key] is None}}


def _in_steps(values: Values, num_train_examples: Callable[[], int]) -> dict[str, Any]:
    """The values, with every duration in steps."""
    durations = [duration for value in values.values() for duration in _durations(value)]
    in_epochs = any(duration.unit is Unit.EPOCHS for duration in durations)
    steps_per_epoch = num_train_examples() / values["batch_size"] if in_epochs else math.nan

    def converted(name: str, value: Any, train_steps: int) -> Any:
        if isinstance(value, list):
            return [converted(name, element, train_steps) for element in value]
        if not isinstance(value, Duration):
            return value
        steps = to_steps(value, steps_per_epoch=steps_per_epoch, train_steps=train_steps)
        if steps < 1 and name not in _MAY_BE_ZERO:
            raise s.UserError(f"--{name}={value} is no time at all; give one step or more")
        return steps

    train_steps = converted("train_steps", values["train_steps"], 0)
    return {name: converted(name, value, train_steps) for name, value in values.items()}


def _durations(value: Any) -> Iterator[Duration]:
    for element in value if isinstance(value, list) else [value]:
        if isinstance(element, Duration):
            yield element


def _check(values: Values) -> None:
    schedule = values["learning_rate_schedule"]
    if schedule is s.ScheduleName.PIECEWISE_CONSTANT:
        _check_boundaries(values)
    else:
        _check_rates(values, schedule)
    train_steps = values["train_steps"]
    if values["warmup"] >= train_steps:
        raise s.UserError(
            f"--warmup={values['warmup']} does not end inside the run of --train_steps={train_steps};"
            " give a shorter warm-up or more steps"
        )
    if values["from_step"] >= train_steps:
        raise s.UserError(
            f"--from_step={values['from_step']}: the report's curves would start past the run of"
            f" --train_steps={train_steps}; give an earlier step"
        )
    for name in ("num_gpus", "cpu_replicas"):
        replicas = values[name]
        if replicas and values["batch_size"] % replicas:
            raise s.UserError(
                f"--batch_size={values['batch_size']} cannot be split evenly over --{name}={replicas};"
                f" give a multiple of {replicas}"
            )


def _check_boundaries(values: Values) -> None:
    boundaries, rates, train_steps = values["boundaries"], values["values"], values["train_steps"]
    given = f"--boundaries={_joined(boundaries)} --values={_joined(rates)}"
    if len(rates) != len(boundaries) + 1:
        raise s.UserError(f"{given}: {len(boundaries)} boundaries need {len(boundaries) + 1} values")
    if boundaries != sorted(set(boundaries)):
        raise s.UserError(f"{given}: boundaries must rise; give each once, in order")
    if boundaries and boundaries[-1] >= train_steps:
        raise s.UserError(
            f"{given}: boundary {boundaries[-1]} is not inside the run of --train_steps={train_steps};"
            " give an earlier boundary or more steps"
        )


def _check_rates(values: Values, schedule: s.ScheduleName) -> None:
    fields = {field.name for field in dataclasses.fields(_SCHEDULES[schedule])}
    rate, minimum = values["learning_rate"], values["minimum_learning_rate"]
    if "minimum_learning_rate" in fields and minimum >= rate:
        raise s.UserError(
            f"--minimum_learning_rate={minimum:g} is not below --learning_rate={rate:g}, from which the rate goes down;"
            " give a smaller minimum"
        )
    if "rise_steps" in fields and values["rise_steps"] >= values["decay_steps"]:
        raise s.UserError(
            f"--rise_steps={values['rise_steps']} leaves no step of --decay_steps={values['decay_steps']} to go down;"
            " give a shorter rise"
        )


def _filled(kind: Callable[..., Any], values: Values, **others: Any) -> Any:
    """A settings dataclass with each field taken from the flag of the same name, but for `others`."""
    names = [field.name for field in dataclasses.fields(kind) if field.name not in others]  # type: ignore[arg-type]
    return kind(**{name: _frozen(values[name]) for name in names}, **others)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _for_json(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _joined(values: Sequence[float]) -> str:
    # Not :g, which would round a late boundary: 1234567 is not 1.23457e+06.
    return ",".join(f"{value:.12g}" for value in values)

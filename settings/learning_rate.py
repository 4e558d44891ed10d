"""What the learning rate is told: its schedule, and what a person asks of it while a run is running."""

import dataclasses
import enum


class Metric(enum.Enum):
    """A metric of the validation split."""

    LOSS = "loss"
    ACCURACY = "accuracy"


class ScheduleName(enum.Enum):
    """Learning-rate schedules, by the names of the functions in `model_fn/schedules.py`."""

    CONSTANT = "constant"
    PIECEWISE_CONSTANT = "piecewise_constant"
    EXPONENTIAL = "exponential"
    NATURAL_EXPONENTIAL = "natural_exponential"
    INVERSE_TIME = "inverse_time"
    POLYNOMIAL = "polynomial"
    COSINE = "cosine"
    COSINE_RESTARTS = "cosine_restarts"
    LINEAR_COSINE = "linear_cosine"
    ONE_CYCLE = "one_cycle"
    PLATEAU = "plateau"


@dataclasses.dataclass(frozen=True)
class Constant:
    learning_rate: float


@dataclasses.dataclass(frozen=True)
class PiecewiseConstant:
    """The first `boundaries[0]` updates use `values[0]`, the next up to `boundaries[1]` use `values[1]`, and so on."""

    boundaries: tuple[int, ...]
    values: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Exponential:
    learning_rate: float
    decay_rate: float
    decay_steps: int
    staircase: bool


@dataclasses.dataclass(frozen=True)
class NaturalExponential:
    learning_rate: float
    decay_rate: float
    decay_steps: int
    staircase: bool


@dataclasses.dataclass(frozen=True)
class InverseTime:
    learning_rate: float
    decay_rate: float
    decay_steps: int
    staircase: bool


@dataclasses.dataclass(frozen=True)
class Polynomial:
    learning_rate: float
    minimum_learning_rate: float
    decay_steps: int
    power: float
    cycle: bool


@dataclasses.dataclass(frozen=True)
class Cosine:
    learning_rate: float
    minimum_learning_rate: float
    decay_steps: int


@dataclasses.dataclass(frozen=True)
class CosineRestarts:
    """The first period is `decay_steps` long, each one after it `period_factor` times as long as the one before."""

    learning_rate: float
    minimum_learning_rate: float
    decay_steps: int
    period_factor: float
    restart_factor: float


@dataclasses.dataclass(frozen=True)
class LinearCosine:
    learning_rate: float
    minimum_learning_rate: float
    decay_steps: int


@dataclasses.dataclass(frozen=True)
class OneCycle:
    """Up from `learning_rate / rise_factor` for `rise_steps`, then down until `decay_steps`."""

    learning_rate: float
    minimum_learning_rate: float
    decay_steps: int
    rise_steps: int
    rise_factor: float


@dataclasses.dataclass(frozen=True)
class Plateau:
    """Times `plateau_factor` after each `plateau_patience` steps in which no evaluation was the best so far."""

    learning_rate: float
    minimum_learning_rate: float
    plateau_patience: int
    plateau_factor: float
    plateau_metric: Metric


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """Rises exponentially from `smallest` at the first update to `largest` at the last of `steps`."""

    smallest: float
    largest: float
    steps: int


Schedule = (
    Constant
    | PiecewiseConstant
    | Exponential
    | NaturalExponential
    | InverseTime
    | Polynomial
    | Cosine
    | CosineRestarts
    | LinearCosine
    | OneCycle
    | Plateau
    | RangeTest
)


@dataclasses.dataclass(frozen=True)
class LearningRate:
    """A schedule, times `scale`, reached linearly over the first `warmup` updates."""

    schedule: Schedule
    warmup: int
    scale: float


class Action(enum.Enum):
    """What a person may ask of a running run's learning rate: use this one; multiply it; go back to the schedule."""

    SET = "set"
    SCALE = "scale"
    RELEASE = "release"


@dataclasses.dataclass(frozen=True)
class Request:
    """`value` is the rate of a SET, the factor of a SCALE, and None for a RELEASE."""

    action: Action
    value: float | None

"""What a run is told: frozen dataclasses without defaults. Every default lives in flags.py."""

import dataclasses
import enum


class UserError(Exception):
    """Something only the user can put right. The message is one line: what was wrong, what was given, what to do."""


class Preempted(BaseException):
    """Somebody told this process to stop. What it had done is kept, and the same command goes on from there.

    Not an Exception: no handler of failures is meant to catch it, as with KeyboardInterrupt.
    """


class Mode(enum.Enum):
    TRAIN_AND_EVALUATE = "train_and_evaluate"
    REPORT = "report"
    SHOW_SCHEDULE = "show_schedule"
    SET_LEARNING_RATE = "set_learning_rate"
    FIND_LEARNING_RATE = "find_learning_rate"
    COMPARE = "compare"
    TENSORBOARD = "tensorboard"
    EVALUATE = "evaluate"
    PREDICT = "predict"
    EXPORT = "export"


class OutputFormat(enum.Enum):
    """How predictions are written."""

    TABLE = "table"
    JSON_LINES = "json_lines"
    CSV = "csv"


class Verbosity(enum.Enum):
    """How much TensorFlow says of its own accord."""

    QUIET = "quiet"
    INFO = "info"
    DEBUG = "debug"


class Network(enum.Enum):
    """ResNets by their published names: 18, 34 and 50 for large images, the others for small ones."""

    RESNET18 = "resnet18"
    RESNET34 = "resnet34"
    RESNET50 = "resnet50"
    RESNET8 = "resnet8"
    RESNET20 = "resnet20"
    RESNET32 = "resnet32"
    RESNET56 = "resnet56"


class Metric(enum.Enum):
    """A metric of the validation split."""

    LOSS = "loss"
    ACCURACY = "accuracy"


@dataclasses.dataclass(frozen=True)
class Data:
    """Which examples, and how they become images of `[image_size, image_size, 3]`."""

    dataset: str
    data_dir: str | None
    manual_dir: str | None
    train_split: str
    validation_split: str
    image_key: str
    label_key: str
    image_size: int
    color_jitter: float


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


@dataclasses.dataclass(frozen=True)
class Model:
    """Network, objective and optimizer."""

    network: Network
    learning_rate: LearningRate
    momentum: float
    weight_decay: float


@dataclasses.dataclass(frozen=True)
class Training:
    """How long, how much at a time, and how often to look. Durations are in steps; `batch_size` is global.

    `initialize_from`: a checkpoint, or a directory with some, to take fitting weights from before the first step.
    """

    batch_size: int
    train_steps: int
    seed: int
    deterministic: bool
    initialize_from: str | None
    summary_interval: int
    evaluation_interval: int


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """Which checkpoints stay: the newest few, one every so many hours, and the best by a metric."""

    keep_checkpoints: int
    keep_checkpoint_every_hours: float | None
    best_metric: Metric


@dataclasses.dataclass(frozen=True)
class Stopping:
    """When a run ends before its last step; None: not by this."""

    stop_after_evaluations_without_improvement: int | None
    stop_at_accuracy: float | None
    best_metric: Metric


class OnNan(enum.Enum):
    """What a run does whose loss is no longer a number."""

    STOP = "stop"
    ROLLBACK = "rollback"


@dataclasses.dataclass(frozen=True)
class Divergence:
    """`max_rollbacks`: how often, over all its starts, a run goes back to its last good checkpoint."""

    on_nan: OnNan
    max_rollbacks: int


class SummaryLevel(enum.Enum):
    """How much a run writes for TensorBoard."""

    MINIMAL = "minimal"
    STANDARD = "standard"
    FULL = "full"


@dataclasses.dataclass(frozen=True)
class Summaries:
    """What is written for TensorBoard, and how often. Durations are in steps; `profile_steps` are first and last."""

    summaries: SummaryLevel
    image_interval: int
    histogram_interval: int
    embedding_examples: int
    profile_steps: tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class Devices:
    """What trains: `num_gpus` GPUs (None: all there are) or, without a GPU, `cpu_replicas` replicas on the CPU."""

    num_gpus: int | None
    cpu_replicas: int


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


@dataclasses.dataclass(frozen=True)
class Settings:
    """A training run."""

    model_dir: str
    data: Data
    model: Model
    training: Training
    checkpoints: Checkpoints
    stopping: Stopping
    divergence: Divergence
    summaries: Summaries
    devices: Devices


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """All that it takes to use a checkpoint. `stored_size` is the (height, width) that training decoded images to."""

    checkpoint: str
    network: Network
    class_names: tuple[str, ...]
    image_size: int
    stored_size: tuple[int, int]

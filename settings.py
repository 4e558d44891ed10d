"""What a run is told: frozen dataclasses without defaults. Every default lives in flags.py."""

import dataclasses
import enum


class UserError(Exception):
    """Something only the user can put right. The message is one line: what was wrong, what was given, what to do."""


class Mode(enum.Enum):
    TRAIN_AND_EVALUATE = "train_and_evaluate"
    REPORT = "report"


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


@dataclasses.dataclass(frozen=True)
class PiecewiseConstant:
    """The first `boundaries[0]` updates use `values[0]`, the next up to `boundaries[1]` use `values[1]`, and so on."""

    boundaries: tuple[int, ...]
    values: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Model:
    """Network, objective and optimizer."""

    network: Network
    schedule: PiecewiseConstant
    momentum: float
    weight_decay: float


@dataclasses.dataclass(frozen=True)
class Training:
    """How long, how much at a time, and how often to look. Durations are in steps; `batch_size` is global."""

    batch_size: int
    train_steps: int
    seed: int
    summary_interval: int
    evaluation_interval: int
    keep_checkpoints: int


@dataclasses.dataclass(frozen=True)
class Devices:
    """What trains: `num_gpus` GPUs (None: all there are) or, without a GPU, `cpu_replicas` replicas on the CPU."""

    num_gpus: int | None
    cpu_replicas: int


@dataclasses.dataclass(frozen=True)
class Report:
    """The figure's curves start at `from_step`."""

    from_step: int


@dataclasses.dataclass(frozen=True)
class Settings:
    mode: Mode
    model_dir: str
    overwrite: bool
    verbosity: Verbosity
    data: Data
    model: Model
    training: Training
    devices: Devices
    report: Report

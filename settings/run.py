"""What a run is told, but for its learning rate, its data and how it computes."""

import dataclasses
import enum

from settings.compute import Compute
from settings.data import Augmentation, Data
from settings.learning_rate import LearningRate, Metric

# The Estimator's own name for the folder in model_dir that evaluations write into.
EVALUATION_RUN = "eval"


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
    SHOW_CLUSTER = "show_cluster"


class DistributionStrategy(enum.Enum):
    """How replicas train together, by the names of tf.distribute. AUTO looks at the devices and the cluster."""

    AUTO = "auto"
    ONE_DEVICE = "one_device"
    MIRRORED = "mirrored"
    MULTI_WORKER_MIRRORED = "multi_worker_mirrored"
    PARAMETER_SERVER = "parameter_server"


class AllReduce(enum.Enum):
    """How the gradients of mirrored replicas are summed."""

    AUTO = "auto"
    NCCL = "nccl"
    RING = "ring"
    HIERARCHICAL_COPY = "hierarchical_copy"
    REDUCTION_TO_ONE_DEVICE = "reduction_to_one_device"


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


class WeightDecayOf(enum.Enum):
    """What weight decay makes smaller. ALL_TRAINED: biases and batch-norm gamma and beta too."""

    KERNELS = "kernels"
    ALL_TRAINED = "all_trained"


@dataclasses.dataclass(frozen=True)
class Model:
    """Network, objective and optimizer. `sync_batch_norm`: statistics over all replicas, not over each by itself.

    `accumulate_steps`: in how many slices, one after the other, a step takes its batch.
    `ema_decay`: of the moving averages of weights that a trained network is used with; 0: with the weights themselves.
    """

    network: Network
    sync_batch_norm: bool
    accumulate_steps: int
    learning_rate: LearningRate
    momentum: float
    nesterov: bool
    weight_decay: float
    weight_decay_of: WeightDecayOf
    label_smoothing: float
    ema_decay: float


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
    """What is written for TensorBoard, and how often. Durations are in steps.

    `profile_steps`: the first that is traced, and the one after the last.
    """

    summaries: SummaryLevel
    image_interval: int
    histogram_interval: int
    embedding_examples: int
    profile_steps: tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class Devices:
    """What trains: `num_gpus` GPUs (None: all there are) or, without a GPU, `cpu_replicas` replicas on the CPU."""

    distribution_strategy: DistributionStrategy
    all_reduce: AllReduce
    num_gpus: int | None
    cpu_replicas: int


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A job of several processes. Times are in seconds.

    `evaluator_task`: a task of its own evaluates, not the chief. `startup_timeout`: how long a task waits for others
    to start. `peer_timeout`: how long another may be silent before it counts as lost. `stall_timeout`: how long the
    job may go without a step.
    """

    evaluator_task: bool
    startup_timeout: int
    peer_timeout: int
    stall_timeout: int


@dataclasses.dataclass(frozen=True)
class Settings:
    """A training run."""

    model_dir: str
    data: Data
    augmentation: Augmentation
    model: Model
    training: Training
    checkpoints: Checkpoints
    stopping: Stopping
    divergence: Divergence
    summaries: Summaries
    devices: Devices
    compute: Compute
    cluster: Cluster


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """All that it takes to use a checkpoint. `stored_size` is the (height, width) that training decoded images to.

    `image_size`, `evaluation_crop`: as in `Data`.
    """

    checkpoint: str
    network: Network
    class_names: tuple[str, ...]
    image_size: int
    evaluation_crop: float
    stored_size: tuple[int, int]

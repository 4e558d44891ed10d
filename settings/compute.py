"""How a run computes: types, layouts, threads."""

import dataclasses
import enum

# The normal numbers of float32, in which variables and learning rates are kept.
SMALLEST = 1.1754944e-38
LARGEST = 3.4028235e38


class Precision(enum.Enum):
    """The type that a network computes in. Variables, batch-norm statistics, loss and update are float32 in each."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class DataFormat(enum.Enum):
    """Where the channels of an image stand in memory. AUTO: where the device has its fastest convolutions."""

    AUTO = "auto"
    CHANNELS_LAST = "channels_last"
    CHANNELS_FIRST = "channels_first"


class AugmentOn(enum.Enum):
    """Where stored images become what the network sees. AUTO: on the device where that is a GPU, else on the host."""

    AUTO = "auto"
    HOST = "host"
    DEVICE = "device"


@dataclasses.dataclass(frozen=True)
class Compute:
    """How devices are used. Of `intra_op_threads` and `inter_op_threads` 0 leaves the number to TensorFlow."""

    precision: Precision
    data_format: DataFormat
    augment_on: AugmentOn
    xla: bool
    tensor_float_32: bool
    cudnn_autotune: bool
    intra_op_threads: int
    inter_op_threads: int


@dataclasses.dataclass(frozen=True)
class Arithmetic:
    """How a network computes on the device at hand; `data_format` is never AUTO."""

    precision: Precision
    data_format: DataFormat
    on_gpu: bool

"""The table of flags: each with its default, its help and the parser that checks it by itself.

They live in a FlagValues of their own, so `--help` shows these and none of the hundreds that libraries define.
"""

from typing import Any

from absl import flags

import settings as s
from flags import parsers as p

FLAGS = flags.FlagValues()
HYPER_PARAMETERS: list[str] = []

_RUN, _DATA, _MODEL, _LEARNING_RATE = "Run", "Data", "Model", "Learning rate"
_TRAINING, _SUMMARIES, _DEVICES, _REPORT = "Training", "TensorBoard", "Devices", "Report"
_CHANGE, _FIND, _COMPARE = "Changing a running run's learning rate", "Finding a learning rate", "Comparing schedules"
GROUPS = (_RUN, _DATA, _MODEL, _LEARNING_RATE, _TRAINING, _SUMMARIES, _DEVICES, _REPORT, _CHANGE, _FIND, _COMPARE)


def names(group: str) -> list[str]:
    """The flags of a group."""
    return [flag.name for flag in FLAGS.flags_by_module_dict()[group]]


def learning_rate_names() -> frozenset[str]:
    """The flags that say what the learning rate is, the ones that compare varies."""
    return frozenset(names(_LEARNING_RATE))


def _define(
    group: str, name: str, default: Any, help_text: str, parser: flags.ArgumentParser, *, hyper_parameter: bool = False
) -> None:
    """`hyper_parameter`: a run cannot go on under another value of this flag, so a resume with one is refused.

    The learning rate's flags are hyper-parameters too, those of them that its schedule uses: `flags/experiment.py`.
    """
    serializer: flags.ArgumentSerializer = flags.ArgumentSerializer()
    if isinstance(parser, p.List):
        serializer = flags.ListSerializer(",")
    if isinstance(parser, flags.EnumClassParser):
        serializer = flags.EnumClassSerializer(lowercase=True)
    flags.DEFINE(parser, name, default, help_text, FLAGS, serializer, module_name=group)
    if hyper_parameter:
        HYPER_PARAMETERS.append(name)


def _switch(group: str, name: str, help_text: str) -> None:
    flag = flags.BooleanFlag(name, False, help_text)
    flag.parser = p.Boolean()
    flags.DEFINE_flag(flag, FLAGS, module_name=group)


def _define_list(group: str, name: str, help_text: str) -> None:
    flags.DEFINE_multi_string(name, [], help_text, FLAGS, module_name=group)


_text: flags.ArgumentParser = flags.ArgumentParser()
_count = p.Number(int, low=1)

_switch(_RUN, "help", "Show this help.")
_define(_RUN, "mode", s.Mode.TRAIN_AND_EVALUATE, "What to do.", p.member_of(s.Mode))
_define(_RUN, "model_dir", None, "Directory of the run: checkpoints, event files, what the run was. Needed.", _text)
_switch(_RUN, "overwrite", "Remove the run that stands in --model_dir and start a new one.")
_define(_RUN, "verbosity", s.Verbosity.QUIET, "How much TensorFlow says of its own accord.", p.member_of(s.Verbosity))
_define(
    _RUN,
    "seed",
    0,
    "Seed of the order of examples, the augmentation and the initial weights.",
    p.Number(int, low=0, below=2**31),
    hyper_parameter=True,
)

_define(
    _DATA,
    "dataset",
    "cifar10",
    "Name of a tensorflow-datasets image classification data set, or shapes10, which is built in.",
    _text,
    hyper_parameter=True,
)
_define(_DATA, "data_dir", None, "Directory of prepared data sets. Default: that of tensorflow-datasets.", _text)
_define(_DATA, "manual_dir", None, "Directory with the data set's official archive, for a machine offline.", _text)
_define(
    _DATA, "train_split", "train", "Split to train on; slices such as train[:90%] work.", _text, hyper_parameter=True
)
_define(_DATA, "validation_split", "test", "Split to validate on.", _text, hyper_parameter=True)
_define(_DATA, "image_key", "image", "Name of the image in the data set's features.", _text, hyper_parameter=True)
_define(_DATA, "label_key", "label", "Name of the label in the data set's features.", _text, hyper_parameter=True)
_define(
    _DATA,
    "image_size",
    96,
    "Side of the square images that the network sees, in pixels. Training crops them from images 1.25 times as large.",
    p.Number(int, low=8, below=1025),
    hyper_parameter=True,
)
_define(
    _DATA,
    "color_jitter",
    0.0,
    "Strength of random colour in training: brightness +-s, contrast 1+-s, hue +-s/4. 0 for none.",
    p.Number(float, low=0, below=1),
    hyper_parameter=True,
)

_define(
    _MODEL,
    "network",
    s.Network.RESNET18,
    "ResNet 18, 34 or 50 for large images (from about 64 px); 8, 20, 32 or 56 for small ones.",
    p.member_of(s.Network),
    hyper_parameter=True,
)
_define(
    _MODEL,
    "weight_decay",
    1e-4,
    "Factor of half the squared kernels in the loss. Biases and batch normalisation are exempt.",
    p.Number(float, low=0),
    hyper_parameter=True,
)
_define(_MODEL, "momentum", 0.9, "Momentum of the optimizer.", p.Number(float, low=0, below=1), hyper_parameter=True)

_define(
    _LEARNING_RATE,
    "learning_rate_schedule",
    s.ScheduleName.PIECEWISE_CONSTANT,
    "How the learning rate goes with the global step; model_fn/schedules.py has formulas, --mode=show_schedule draws.",
    p.member_of(s.ScheduleName),
)
_define(
    _LEARNING_RATE,
    "learning_rate",
    0.1,
    "The rate from which every schedule but piecewise_constant goes down (one_cycle: its peak). With"
    " --mode=set_learning_rate: the rate to set.",
    p.Positive(),
)
_define(
    _LEARNING_RATE,
    "boundaries",
    "12000",
    "piecewise_constant: where the rate changes. With 12000 the first 12000 updates (steps 0 to 11999) use the first"
    " value.",
    p.List(p.Duration()),
)
_define(
    _LEARNING_RATE,
    "values",
    "0.1,0.01",
    "piecewise_constant: the rates, one more than there are boundaries.",
    p.List(p.Positive()),
)
_define(
    _LEARNING_RATE,
    "warmup",
    "0",
    "Any schedule: the first updates, over which the rate grows linearly to that of the schedule.",
    p.Duration(),
)
_define(
    _LEARNING_RATE,
    "reference_batch_size",
    None,
    "Any schedule: batch size that the rates are given for; they are multiplied by --batch_size over it (the linear"
    " scaling rule). Default: no scaling.",
    _count,
)
_define(
    _LEARNING_RATE,
    "minimum_learning_rate",
    0.0,
    "polynomial, the cosines, one_cycle: the rate at the end. plateau: the rate below which it does not step.",
    p.Number(float, low=0),
)
_define(
    _LEARNING_RATE,
    "decay_steps",
    None,
    "polynomial, the cosines, one_cycle: when the end is reached (cosine_restarts: length of the first period). The"
    " exponentials, inverse_time: steps for one --decay_rate. Default: the run; cosine_restarts: a seventh of it.",
    p.Duration(),
)
_define(
    _LEARNING_RATE,
    "decay_rate",
    None,
    "exponential: factor for each --decay_steps; natural_exponential: exponent; inverse_time: denominator. Default:"
    " what makes a hundredth of the rate after --decay_steps (0.01, 4.60517 and 99).",
    p.Positive(),
)
_switch(_LEARNING_RATE, "staircase", "The exponentials, inverse_time: go down in steps, one each --decay_steps.")
_define(_LEARNING_RATE, "power", 1.0, "polynomial: its power; 1 is a straight line.", p.Positive())
_switch(_LEARNING_RATE, "cycle", "polynomial: up again each time the end is reached, to ever lower peaks.")
_define(
    _LEARNING_RATE,
    "period_factor",
    2.0,
    "cosine_restarts: how many times as long each period is as the one before.",
    p.Number(float, low=1),
)
_define(_LEARNING_RATE, "restart_factor", 1.0, "cosine_restarts: factor of the peak at each restart.", p.Positive())
_define(_LEARNING_RATE, "rise_steps", "30%", "one_cycle: how long the rate goes up.", p.Duration())
_define(
    _LEARNING_RATE,
    "rise_factor",
    25.0,
    "one_cycle: how many times the first rate goes into the peak.",
    p.Number(float, low=1),
)
_define(
    _LEARNING_RATE,
    "plateau_patience",
    "10%",
    "plateau: how long evaluations may bring no improvement before the rate steps down.",
    p.Duration(),
)
_define(
    _LEARNING_RATE,
    "plateau_factor",
    0.1,
    "plateau: what the rate is multiplied by.",
    p.Number(float, low=1e-6, below=1),
)
_define(
    _LEARNING_RATE,
    "plateau_metric",
    s.PlateauMetric.LOSS,
    "plateau: the metric of the validation split that has to get better.",
    p.member_of(s.PlateauMetric),
)

_define(_TRAINING, "train_steps", "20000", "Updates in the whole run.", p.Duration(percent=False))
_define(
    _TRAINING,
    "batch_size",
    64,
    "Examples in a step, over all replicas together.",
    p.Number(int, low=1, below=2**20),
    hyper_parameter=True,
)
_define(
    _TRAINING,
    "summary_interval",
    "200",
    "Between points of the training curves, each a mean over that long.",
    p.Duration(),
)
_define(
    _TRAINING,
    "evaluation_interval",
    "1000",
    "Between checkpoints; each checkpoint is evaluated on the whole validation split.",
    p.Duration(),
)
_define(_TRAINING, "keep_checkpoints", 5, "How many of the newest checkpoints to keep.", _count)

_define(
    _SUMMARIES,
    "summaries",
    s.SummaryLevel.STANDARD,
    "How much to write: minimal is loss, accuracy, learning rate, images/s and text; standard adds everything but"
    " histograms; full adds those.",
    p.member_of(s.SummaryLevel),
)
_define(
    _SUMMARIES,
    "image_interval",
    "10%",
    "Between pictures: inputs, filters, confusion matrix, mistakes, precision and recall. The last three come with the"
    " first evaluation that is due.",
    p.Duration(),
)
_define(_SUMMARIES, "histogram_interval", "5%", "Between histograms of kernels, gradients, activations.", p.Duration())
_define(
    _SUMMARIES,
    "embedding_examples",
    1000,
    "Examples of the validation split in the projector, written at the last step; 0 for none.",
    p.Number(int, low=0, below=100_001),
)
_define(
    _SUMMARIES,
    "profile_steps",
    None,
    "Global steps to trace for the Profile page, such as 100:110 for steps 100 to 109. Default: none.",
    p.Steps(),
)
_define(_SUMMARIES, "tensorboard_host", "localhost", "Address that TensorBoard listens on.", _text)
_define(
    _SUMMARIES,
    "tensorboard_port",
    None,
    "Port that TensorBoard listens on. Default: 6006, or a free one where that is taken.",
    p.Number(int, low=1, below=65536),
)
_switch(_SUMMARIES, "with_tensorboard", "Run TensorBoard alongside the training, and end it with it.")

_define(_DEVICES, "num_gpus", None, "GPUs to train on. Default: all there are.", _count)
_define(
    _DEVICES,
    "cpu_replicas",
    1,
    "Replicas to train on where there is no GPU, each a share of the processor.",
    p.Number(int, low=1, below=65),
)

_define(_REPORT, "from_step", 0, "Step at which the curves of the report's figure start.", p.Number(int, low=0))


_define(
    _REPORT,
    "target_accuracy",
    None,
    "Validation accuracy, such as 0.7, for which compare says how soon each run reached it. Default: the best of the"
    " constant rate.",
    p.Number(float, low=0, below=1),
)

_define(
    _CHANGE,
    "learning_rate_factor",
    None,
    "--mode=set_learning_rate: multiply the rate by this; the schedule goes on.",
    p.Positive(),
)
_switch(_CHANGE, "release", "--mode=set_learning_rate: back to the schedule.")
_define(
    _CHANGE,
    "answer_timeout",
    120.0,
    "--mode=set_learning_rate: seconds to wait for the run's answer. It cannot answer while it evaluates.",
    p.Positive(),
)

_define(_FIND, "find_smallest", 1e-5, "Rate of the first step of the range test.", p.Positive())
_define(_FIND, "find_largest", 10.0, "Rate of its last step.", p.Positive())
_define(_FIND, "find_steps", 200, "Steps of the range test.", p.Number(int, low=20))

_define_list(
    _COMPARE,
    "run",
    "A run to compare: its name, and learning-rate flags on top of the common ones, as in --run='cosine"
    " --learning_rate_schedule=cosine'. A run at a constant rate is added where there is none.",
)

"""Every flag with its default, its help and its checks, and the way from a command line to `Settings`.

The flags live in a FlagValues of their own, so `--help` shows these and none of the hundreds that libraries define.
"""

import dataclasses
import enum
import math
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

import settings as s

_FLAGS = flags.FlagValues()
_HYPER_PARAMETERS: list[str] = []

_RUN, _DATA, _MODEL, _LEARNING_RATE = "Run", "Data", "Model", "Learning rate"
_TRAINING, _DEVICES, _REPORT = "Training", "Devices", "Report"
_GROUPS = (_RUN, _DATA, _MODEL, _LEARNING_RATE, _TRAINING, _DEVICES, _REPORT)


class _Number(flags.ArgumentParser):
    """A finite number, at least `low` and less than `below`."""

    def __init__(self, kind: type[int] | type[float], *, low: float = -math.inf, below: float = math.inf):
        self._kind, self._low, self._below = kind, low, below
        self.syntactic_help = self._description()

    def parse(self, argument):
        try:
            value = self._kind(argument)
        except (ValueError, OverflowError):
            value = None
        if value is None or not self._low <= value < self._below or not math.isfinite(value):
            raise ValueError(f"must be {self._description()}")
        return value

    def flag_type(self):
        return self._kind.__name__

    def _description(self) -> str:
        bounds = [f"at least {self._low}"] if self._low > -math.inf else []
        bounds += [f"below {self._below}"] if self._below < math.inf else []
        return " ".join(["a whole number" if self._kind is int else "a finite number", " and ".join(bounds)]).strip()


class _Positive(flags.ArgumentParser):
    """A finite number above zero."""

    syntactic_help = "a finite number above 0"

    def parse(self, argument):
        try:
            value = float(argument)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise ValueError("must be a finite number above 0")
        return value

    def flag_type(self):
        return "float"


class _List(flags.ArgumentParser):
    """Comma-separated values, each read by another parser; an empty text is an empty list."""

    def __init__(self, element: flags.ArgumentParser):
        self._element = element
        self.syntactic_help = f"comma-separated, each {element.syntactic_help}"

    def parse(self, argument):
        if not isinstance(argument, str):
            return list(argument)
        try:
            return [self._element.parse(part.strip()) for part in argument.split(",")] if argument.strip() else []
        except ValueError as error:
            raise ValueError(
                f"must be comma-separated, and each value {str(error).removeprefix('must be ')}"
            ) from error

    def flag_type(self):
        return f"list of {self._element.flag_type()}"


def _define(
    group: str, name: str, default: Any, help_text: str, parser: flags.ArgumentParser, *, hyper_parameter: bool = False
) -> None:
    """`hyper_parameter`: a run cannot go on under another value of this flag, so a resume with one is refused."""
    serializer: flags.ArgumentSerializer = flags.ArgumentSerializer()
    if isinstance(parser, _List):
        serializer = flags.ListSerializer(",")
    if isinstance(parser, flags.EnumClassParser):
        serializer = flags.EnumClassSerializer(lowercase=True)
    flags.DEFINE(parser, name, default, help_text, _FLAGS, serializer, module_name=group)
    if hyper_parameter:
        _HYPER_PARAMETERS.append(name)


def _enum(kind: type[enum.Enum]) -> flags.ArgumentParser:
    parser = flags.EnumClassParser(kind, case_sensitive=False)
    parser.syntactic_help = f"one of {', '.join(member.value for member in kind)}"
    return parser


class _Boolean(flags.BooleanParser):
    """absl's, with a message for people."""

    def parse(self, argument):
        try:
            return super().parse(argument)
        except ValueError as error:
            raise ValueError("must be true or false") from error


def _switch(group: str, name: str, help_text: str) -> None:
    flag = flags.BooleanFlag(name, False, help_text)
    flag.parser = _Boolean()
    flags.DEFINE_flag(flag, _FLAGS, module_name=group)


_text: flags.ArgumentParser = flags.ArgumentParser()
_count = _Number(int, low=1)

_switch(_RUN, "help", "Show this help.")
_define(_RUN, "mode", s.Mode.TRAIN_AND_EVALUATE, "What to do.", _enum(s.Mode))
_define(_RUN, "model_dir", None, "Directory of the run: checkpoints, event files, what the run was. Needed.", _text)
_switch(_RUN, "overwrite", "Remove the run that stands in --model_dir and start a new one.")
_define(_RUN, "verbosity", s.Verbosity.QUIET, "How much TensorFlow says of its own accord.", _enum(s.Verbosity))
_define(
    _RUN,
    "seed",
    0,
    "Seed of the order of examples, the augmentation and the initial weights.",
    _Number(int, low=0, below=2**31),
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
    _Number(int, low=8, below=1025),
    hyper_parameter=True,
)
_define(
    _DATA,
    "color_jitter",
    0.0,
    "Strength of random colour in training: brightness +-s, contrast 1+-s, hue +-s/4. 0 for none.",
    _Number(float, low=0, below=1),
    hyper_parameter=True,
)

_define(
    _MODEL,
    "network",
    s.Network.RESNET18,
    "ResNet 18, 34 or 50 for large images (from about 64 px); 8, 20, 32 or 56 for small ones.",
    _enum(s.Network),
    hyper_parameter=True,
)
_define(
    _MODEL,
    "weight_decay",
    1e-4,
    "Factor of half the squared kernels in the loss. Biases and batch normalisation are exempt.",
    _Number(float, low=0),
    hyper_parameter=True,
)
_define(_MODEL, "momentum", 0.9, "Momentum of the optimizer.", _Number(float, low=0, below=1), hyper_parameter=True)

_define(
    _LEARNING_RATE,
    "boundaries",
    [12000],
    "Global steps at which the learning rate changes: the first 12000 updates (steps 0 to 11999) use the first value.",
    _List(_count),
    hyper_parameter=True,
)
_define(
    _LEARNING_RATE,
    "values",
    [0.1, 0.01],
    "Learning rates, one more than there are boundaries.",
    _List(_Positive()),
    hyper_parameter=True,
)

_define(_TRAINING, "train_steps", 20000, "Updates in the whole run.", _count)
_define(
    _TRAINING,
    "batch_size",
    64,
    "Examples in a step, over all replicas together.",
    _Number(int, low=1, below=2**20),
    hyper_parameter=True,
)
_define(
    _TRAINING, "summary_interval", 200, "Steps between points of the training curves, each a mean over them.", _count
)
_define(
    _TRAINING,
    "evaluation_interval",
    1000,
    "Steps between checkpoints; each checkpoint is evaluated on the whole validation split.",
    _count,
)
_define(_TRAINING, "keep_checkpoints", 5, "How many of the newest checkpoints to keep.", _count)

_define(_DEVICES, "num_gpus", None, "GPUs to train on. Default: all there are.", _count)
_define(
    _DEVICES,
    "cpu_replicas",
    1,
    "Replicas to train on where there is no GPU, each a share of the processor.",
    _Number(int, low=1, below=65),
)

_define(_REPORT, "from_step", 0, "Step at which the curves of the report's figure start.", _Number(int, low=0))


@dataclasses.dataclass(frozen=True)
class Parsed:
    """A command line, read and checked: the settings, and for the record of the run the flags they came from.

    `flags` holds all of them, `hyper_parameters` those that a run cannot change once it has begun; values are what
    JSON can hold.
    """

    settings: s.Settings
    flags: dict[str, Any]
    hyper_parameters: dict[str, Any]


def parse(argv: Sequence[str]) -> Parsed | None:
    """Reads a command line, the program's name first. None: help was asked for.

    Raises:
      UserError: an unknown flag, a value wrong by itself or together with others, a flagfile that cannot be read.
    """
    _FLAGS.unparse_flags()
    for name in _FLAGS:
        _FLAGS[name].unparse()
    try:
        rest = _FLAGS(list(argv))[1:]
    except (flags.Error, UnicodeDecodeError) as error:
        raise s.UserError(" ".join(str(error).removeprefix("ERROR:: ").split())) from error
    if _FLAGS.help:
        return None
    if rest:
        raise s.UserError(f"unexpected argument {rest[0]!r}; flags are written --name=value")
    _check_together()
    values = {name: _for_json(_FLAGS[name].value) for name in sorted(_names())}
    return Parsed(_to_settings(), values, {name: values[name] for name in _HYPER_PARAMETERS})


def help_text() -> str:
    """All flags by group, with help and default."""
    usage = "Usage: python main.py --model_dir=DIR [--flagfile=configs/NAME.flags] [--name=value ...]\n"
    groups = "\n".join(_FLAGS.module_help(group) for group in _GROUPS)
    return f"{usage}{groups}\n\nA flagfile holds one flag a line: --flagfile=FILE. Later flags win over earlier ones."


def _check_together() -> None:
    f = _FLAGS
    if not f.model_dir:
        raise s.UserError("--model_dir is missing; name a directory for the run, such as --model_dir=runs/first")
    if f.mode is not s.Mode.TRAIN_AND_EVALUATE:
        return
    given = f"--boundaries={_joined(f.boundaries)} --values={_joined(f.values)}"
    if len(f.values) != len(f.boundaries) + 1:
        raise s.UserError(f"{given}: {len(f.boundaries)} boundaries need {len(f.boundaries) + 1} values")
    if f.boundaries != sorted(set(f.boundaries)):
        raise s.UserError(f"{given}: boundaries must rise; give each once, in order")
    if f.boundaries and f.boundaries[-1] >= f.train_steps:
        raise s.UserError(
            f"{given}: boundary {f.boundaries[-1]} is not inside the run of --train_steps={f.train_steps};"
            " give an earlier boundary or more steps"
        )
    if f.from_step >= f.train_steps:
        raise s.UserError(
            f"--from_step={f.from_step}: the report's curves would start past the run of --train_steps={f.train_steps};"
            " give an earlier step"
        )
    for name in ("num_gpus", "cpu_replicas"):
        replicas = f[name].value
        if replicas and f.batch_size % replicas:
            raise s.UserError(
                f"--batch_size={f.batch_size} cannot be split evenly over --{name}={replicas};"
                f" give a multiple of {replicas}"
            )


def _to_settings() -> s.Settings:
    f = _FLAGS
    return s.Settings(
        mode=f.mode,
        model_dir=f.model_dir,
        overwrite=f.overwrite,
        verbosity=f.verbosity,
        data=_filled(s.Data),
        model=_filled(s.Model, schedule=s.PiecewiseConstant(boundaries=tuple(f.boundaries), values=tuple(f.values))),
        training=_filled(s.Training),
        devices=_filled(s.Devices),
        report=_filled(s.Report),
    )


def _filled(kind: Callable[..., Any], **others: Any) -> Any:
    """A settings dataclass with each field taken from the flag of the same name, but for `others`."""
    names = [field.name for field in dataclasses.fields(kind) if field.name not in others]  # type: ignore[arg-type]
    return kind(**{name: _FLAGS[name].value for name in names}, **others)


def _names() -> list[str]:
    own = _FLAGS.flags_by_module_dict()
    return [flag.name for group in _GROUPS for flag in own[group] if flag.name != "help"]


def _for_json(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _joined(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)

"""How a flag is defined, and the place where all of them are.

They live in a FlagValues of their own, so `--help` shows these and none of the hundreds that libraries define.
"""

import enum
from typing import Any

from absl import flags

from flags import parsers as p

FLAGS = flags.FlagValues()
HYPER_PARAMETERS: list[str] = []

TEXT = p.Text()
FILE_NAME = p.FileName()
COUNT = p.Number(int, low=1)


class Group(enum.Enum):
    """The groups of `--help`, in its order."""

    RUN = "Run"
    DATA = "Data"
    MODEL = "Model"
    LEARNING_RATE = "Learning rate"
    RECIPE = "Recipe"
    TRAINING = "Training"
    ENDS = "Checkpoints, and when a run ends"
    SUMMARIES = "TensorBoard"
    DEVICES = "Devices"
    COMPUTE = "How devices compute"
    CLUSTER = "Cluster jobs"
    REPORT = "Report"
    CHANGE = "Changing a running run's learning rate"
    FIND = "Finding a learning rate"
    COMPARE = "Comparing schedules and recipes"
    USE = "Using what was trained"


def names(group: Group) -> list[str]:
    """The flags of a group."""
    return [flag.name for flag in FLAGS.flags_by_module_dict()[group.value]]


def define(
    group: Group,
    name: str,
    default: Any,
    help_text: str,
    parser: flags.ArgumentParser,
    *,
    hyper_parameter: bool = False,
) -> None:
    """Defines a flag whose values `parser` reads.

    `hyper_parameter`: a run cannot go on under another value of this flag, so a resume with one is refused. The
    learning rate's flags are hyper-parameters too, those of them that its schedule uses: `flags/experiment.py`.
    """
    serializer: flags.ArgumentSerializer = flags.ArgumentSerializer()
    if isinstance(parser, p.List):
        serializer = flags.ListSerializer(",")
    if isinstance(parser, flags.EnumClassParser):
        serializer = flags.EnumClassSerializer(lowercase=True)
    flags.DEFINE(parser, name, default, help_text, FLAGS, serializer, module_name=group.value)
    if hyper_parameter:
        HYPER_PARAMETERS.append(name)


def switch(group: Group, name: str, help_text: str, *, default: bool = False, hyper_parameter: bool = False) -> None:
    """Defines a flag that is `default` unless it is given. `hyper_parameter`: as in `define`."""
    flag = flags.BooleanFlag(name, default, help_text)
    flag.parser = p.Boolean()
    flags.DEFINE_flag(flag, FLAGS, module_name=group.value)
    if hyper_parameter:
        HYPER_PARAMETERS.append(name)


def define_list(group: Group, name: str, help_text: str) -> None:
    """Defines a flag that may be given many times."""
    flags.DEFINE_multi(p.Line(), flags.ArgumentSerializer(), name, [], help_text, FLAGS, module_name=group.value)

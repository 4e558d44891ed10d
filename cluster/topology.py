"""Which task of a cluster this process is: by TF_CONFIG, by Slurm's variables, or alone."""

import enum
import os
from collections.abc import Mapping

from cluster import slurm_variables, tf_config_variable
from cluster.task import ALONE, Role, Task, name_of, split

__all__ = [
    "ALONE",
    "Role",
    "Source",
    "Task",
    "name_of",
    "publish",
    "read_task",
    "source",
    "split",
    "tf_config",
    "this_source",
    "this_task",
]

_TF_CONFIG = "TF_CONFIG"


class Source(enum.Enum):
    """Who says which task a process is. TF_CONFIG, which Kubernetes' TFJob sets too, goes before Slurm."""

    TF_CONFIG = "TF_CONFIG"
    SLURM = "Slurm"
    NONE = "none"


def this_task(*, evaluator_task: bool) -> Task:
    """The task that this process is, before `publish`. `evaluator_task`: as in `read_task`.

    Raises:
      UserError: as `read_task`.
    """
    return read_task(os.environ, evaluator_task=evaluator_task)


def this_source() -> Source:
    """Where `this_task` comes from."""
    return source(os.environ)


def source(environment: Mapping[str, str]) -> Source:
    """What in an environment describes the cluster. An empty TF_CONFIG says nothing."""
    if environment.get(_TF_CONFIG):
        return Source.TF_CONFIG
    return Source.SLURM if slurm_variables.is_one_of_several(environment) else Source.NONE


def read_task(environment: Mapping[str, str], *, evaluator_task: bool) -> Task:
    """The task that an environment describes.

    `evaluator_task`: one of the tasks evaluates, as said to every task. Under Slurm it is the step's last; where
    TF_CONFIG names no evaluator, it is one without an address. One alone evaluates by itself all the same.

    Raises:
      UserError: what is there describes no cluster with this task in it.
    """
    match source(environment):
        case Source.TF_CONFIG:
            return tf_config_variable.read(environment[_TF_CONFIG], evaluator_task=evaluator_task)
        case Source.SLURM:
            return slurm_variables.read(environment, evaluator_task=evaluator_task)
        case Source.NONE:
            return ALONE


def tf_config(task: Task) -> str | None:
    """The TF_CONFIG that tf.estimator must see in this task; None: it must see no cluster.

    The evaluator is in no cluster of TensorFlow's: it runs as if alone, and the others do not know it.
    """
    return tf_config_variable.write(task)


def publish(task: Task) -> None:
    """Makes this process's TF_CONFIG say what `tf_config` says. Once, and before TensorFlow is asked for anything."""
    text = tf_config(task)
    if text is None:
        os.environ.pop(_TF_CONFIG, None)
    else:
        os.environ[_TF_CONFIG] = text

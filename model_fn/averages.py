"""Exponential moving averages of a network's variables: less noisy than the weights of any one step, and often better.

After each update `average = d * average + (1 - d) * variable` with `d = min(decay, (1 + step) / (10 + step))`, so that
a short run's averages soon forget the first weights: `tf.train.ExponentialMovingAverage` after Polyak and Juditsky 1992
(https://doi.org/10.1137/0330046). Batch norm's moving statistics are averaged like the weights that they belong to.

An average is a variable of its own, called after the one that it is of, and so in each checkpoint. Whoever uses what
was trained (evaluations, predictions, exports) builds the network of averages in place of its variables.

Each replica of a distribution strategy has averages of its own, which costs no communication: weights are the same on
all of them, and of batch norm's statistics a checkpoint holds the mean over replicas here as there.
"""

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

_SCOPE = "averages"


def name_of(variable_name: str) -> str:
    """The name of a variable's average."""
    return f"{_SCOPE}/{variable_name}"


class Averages:
    """The averages of some variables. They begin with the variables' first values."""

    def __init__(self, variables: Sequence[tf.Variable]):
        self._pairs = [(_average_of(variable), variable) for variable in variables]

    def update(self, *, decay: float, step: tf.Tensor, only_if: tf.Tensor | bool = True) -> tf.Operation:
        """Must run after the update of `step`, scalar int64, the number of updates before it.

        Where `only_if`, a scalar bool, does not hold, the averages keep all of what they were.
        """
        step = tf.cast(step, tf.float32)
        kept = tf.where(only_if, tf.minimum(decay, (1 + step) / (10 + step)), 1.0)
        return tf.group(
            *(
                average.assign_sub((average.read_value() - variable.read_value()) * (1 - kept))
                for average, variable in self._pairs
            )
        )


def _average_of(variable: tf.Variable) -> tf.Variable:
    # Where a ps task holds the variable, it does the averaging, too.
    with tf.device(variable.device):
        return tf.compat.v1.get_variable(
            name_of(variable.name.partition(":")[0]),
            initializer=variable.initial_value,
            trainable=False,
            # As of batch norm's moving statistics: each replica updates a copy, and who reads gets their mean.
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.MEAN,
        )


@contextlib.contextmanager
def in_place() -> Iterator[None]:
    """What is built within has averages in place of variables: the same, by the names of the averages."""

    def get_average(getter, name, *arguments, **options):
        return getter(name_of(name), *arguments, **options)

    with tf.compat.v1.variable_scope(tf.compat.v1.get_variable_scope(), custom_getter=get_average):
        yield


def in_place_if_in(checkpoint: str) -> contextlib.AbstractContextManager[None]:
    """`in_place` where a checkpoint has averages. One that cannot be read has none: whoever restores it says why."""
    try:
        names = tf.train.load_checkpoint(checkpoint).get_variable_to_shape_map()
    except (tf.errors.OpError, ValueError, LookupError, RuntimeError):
        return contextlib.nullcontext()
    return in_place() if any(name.startswith(f"{_SCOPE}/") for name in names) else contextlib.nullcontext()

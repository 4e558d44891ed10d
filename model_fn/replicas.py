"""What replicas tell each other in a step, beside gradients.

They are those of a distribution strategy or, in a cluster with ps tasks, its workers, who meet without a strategy.
"""

import enum

import tensorflow as tf

from model_fn.meeting import Meeting

_GRADIENT = "StepdownTotalOverReplicas"


class _Collection(enum.Enum):
    """Keys of graph collections. Not strings, because a checkpoint's meta graph would want to serialise those."""

    MEETING = enum.auto()


def meet(config: tf.estimator.RunConfig) -> None:
    """Has the workers of a cluster with ps tasks meet in the current graph. Once, before anything else is built."""
    found = Meeting(config.num_worker_replicas, config.global_id_in_cluster, config.num_ps_replicas)
    tf.compat.v1.add_to_collection(_Collection.MEETING, found)


def meeting() -> Meeting | None:
    """That of the current graph, if there are ps tasks."""
    found = tf.compat.v1.get_collection(_Collection.MEETING)
    return found[0] if found else None


def count() -> int:
    """Among how many replicas a global batch is split, seen from one of them."""
    here = meeting()
    return here.workers if here else tf.distribute.get_replica_context().num_replicas_in_sync


def total(x: tf.Tensor) -> tf.Tensor:
    """The sum of every replica's `x`, the same on all of them. Each call is a round of communication.

    No gradient passes from one replica to another.
    """
    if count() == 1:
        return x
    if here := meeting():
        return here.total(x)
    # Not context.all_reduce: it wants a gradient, and in graph mode fails to find the variables of a second replica.
    summed, everywhere = tf.distribute.get_replica_context().merge_call(_merged_total, args=(x,))
    # A collective operation waits for its peers. One whose result nobody uses would not run, and leave them waiting.
    with tf.control_dependencies([everywhere]):
        return tf.identity(summed)


def differentiable_total(x: tf.Tensor) -> tf.Tensor:
    """As `total`, and gradients pass it: that of `x` is the sum of every replica's gradient, another round.

    Every replica must take the gradient of its own loss, and the loss of them all be the sum of those.
    """
    if count() == 1:
        return x
    summed = tf.stop_gradient(total(x))
    # Not tf.custom_gradient: it looks for the variables that the result depends on, and finds other replicas' too.
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": _GRADIENT}):
        return tf.identity_n([summed, x])[0]


@tf.RegisterGradient(_GRADIENT)
def _gradient_of_total(
    op: tf.Operation, of_sum: tf.Tensor, of_own: tf.Tensor | None
) -> tuple[tf.Tensor | None, tf.Tensor]:
    """The gradients of what went in: none for the sum, and for this replica's own the total of the sum's."""
    return None, total(of_sum)


def _merged_total(
    strategy: tf.distribute.Strategy, x: tf.distribute.DistributedValues
) -> tuple[tf.distribute.DistributedValues, tf.Operation]:
    """The sum for each replica of this process, and an operation that is done when all of them have it."""
    summed = strategy.extended.reduce_to(tf.distribute.ReduceOp.SUM, x, destinations=x)
    return summed, tf.group(*strategy.experimental_local_results(summed))

"""A checkpoint's values in the variables of a network."""

from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from checkpoints.reading import ERRORS
from settings import TrainedModel, UserError

_Shapes = Mapping[str, Sequence[int]]


def restored(graph: tf.Graph, model: TrainedModel) -> tuple[tf.compat.v1.Session, tf.compat.v1.train.Saver]:
    """A session of `graph`, whose variables, all of them the network's, have the values of `model.checkpoint`.

    And the saver of those variables. The session leaves GPU memory that it does not need to others: a run may be
    training there.

    Raises:
      UserError: the checkpoint cannot be read, or is of another network or other classes.
    """
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True
    session = tf.compat.v1.Session(graph=graph, config=config)
    # A saver outside of a graph's scope would take the variables for eager ones.
    with graph.as_default():
        variables = tf.compat.v1.global_variables()
        saver = tf.compat.v1.train.Saver(variables)
    try:
        saved = tf.train.load_checkpoint(model.checkpoint).get_variable_to_shape_map()
        _check_fits(model, {variable.op.name: variable.shape.as_list() for variable in variables}, saved)
        saver.restore(session, model.checkpoint)
    except UserError:
        session.close()
        raise
    except ERRORS as error:
        session.close()
        reason = str(error).split("\n")[0].split("[[")[0].strip()
        raise UserError(
            f"cannot read checkpoint {model.checkpoint} ({reason}); give one that is whole, such as an older one of its"
            " run"
        ) from error
    return session, saver


def _check_fits(model: TrainedModel, wanted: _Shapes, saved: _Shapes) -> None:
    """The checkpoint must have all that the network has, and no more: a smaller network is part of a larger one."""
    for name in [*wanted, *_others(wanted, saved)]:
        there, here = (str(shapes.get(name, "missing")) for shapes in (saved, wanted))
        if there != here:
            raise UserError(
                f"checkpoint {model.checkpoint} does not fit {model.network.value} with {len(model.class_names)}"
                f" classes: the shape of {name} is {there} in the checkpoint and {here} in the network; give a"
                " checkpoint of a run with that network and those classes"
            )


def _others(wanted: Iterable[str], saved: Iterable[str]) -> list[str]:
    """What else the checkpoint has of a network. What stands below one of its variables is the optimizer's."""
    scope = next(iter(wanted)).partition("/")[0]
    return [
        name
        for name in sorted(saved)
        if name.startswith(f"{scope}/") and name not in wanted and name.rpartition("/")[0] not in wanted
    ]

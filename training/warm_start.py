"""Fine-tuning: which weights of another run's checkpoint a new run begins with."""

import os

import tensorflow as tf

import checkpoints
from model_fn import averages, network
from settings import Settings, UserError

_SHOWN = 6


def warm_start(settings: Settings, *, num_classes: int) -> tf.estimator.WarmStartSettings | None:
    """What an Estimator is to take from --initialize_from; None where the run has no such flag. Says what it takes.

    Of the network's variables, batch-norm statistics among them, those that the checkpoint has under the same name in
    the same shape. A last layer for other classes is so begun anew.

    Raises:
      UserError: no checkpoint there, or none of its variables fits.
    """
    source = settings.training.initialize_from
    if source is None:
        return None
    checkpoint = _find(source)
    there, source_of = _in(checkpoint)
    wanted = _variables(settings, num_classes)
    taken = [name for name, shape in wanted.items() if there.get(name) == shape]
    if not taken:
        raise UserError(
            f"--initialize_from={source}: {checkpoint} has none of the variables of {settings.model.network.value};"
            " give a checkpoint of the same network"
        )
    left = [f"{name} ({_why(there.get(name), shape)})" for name, shape in wanted.items() if name not in taken]
    others = f"; begun anew: {_listed(left)}" if left else ""
    averaged = " (their averages)" if any(source_of[name] != name for name in taken) else ""
    print(f"From {checkpoint}: {len(taken)} of {len(wanted)} variables of the network{averaged}{others}", flush=True)
    begun = {name: source_of[name] for name in taken}
    if settings.model.ema_decay:
        begun |= {averages.name_of(name): source_of[name] for name in taken}
    # Patterns, which are matched against the names of tensors.
    return tf.estimator.WarmStartSettings(
        checkpoint, vars_to_warm_start=[f"{name}:0$" for name in begun], var_name_to_prev_var_name=begun
    )


def _find(source: str) -> str:
    if os.path.isdir(source):
        found = checkpoints.examine(source).good
        if found is None:
            raise UserError(f"--initialize_from={source} holds no readable checkpoint; give a run's directory")
        return found
    if (why := checkpoints.why_unreadable(source)) is not None:
        raise UserError(f"--initialize_from={source} cannot be read ({why}); give a checkpoint that is whole")
    return source


def _in(checkpoint: str) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Shapes of a checkpoint's variables by name, and by what name each is to be taken: where it has averages of
    weights, the network is used with those."""
    shapes = dict(tf.train.list_variables(checkpoint))
    return shapes, {name: average if (average := averages.name_of(name)) in shapes else name for name in shapes}


def _variables(settings: Settings, num_classes: int) -> dict[str, list[int]]:
    """Shapes of the network's variables by name."""
    size = settings.data.image_size
    with tf.Graph().as_default():
        network.build(
            tf.zeros([1, size, size, 3]),
            network.ARCHITECTURES[settings.model.network],
            num_classes=num_classes,
            training=False,
        )
        return {variable.op.name: variable.shape.as_list() for variable in tf.compat.v1.global_variables()}


def _why(there: list[int] | None, wanted: list[int]) -> str:
    return "not in it" if there is None else f"{_shape(there)} there, {_shape(wanted)} here"


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

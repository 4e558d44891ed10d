"""The training step by itself: this project's graph over one batch that stays where it is, in a session without hooks.

    python -m benchmarks.probes.bare_step --steps=80 [--name=value of main.py ...]

It says `step N` at every tenth step, and first how many parameters and operations the network has. One device only.
"""

import argparse
from typing import Any

import tensorflow as tf

import input_fn
from benchmarks.arithmetic import training_operations
from benchmarks.commands import SAID_EVERY
from benchmarks.probes.product import settings_of
from cluster.topology import ALONE
from model_fn import network
from settings import Settings
from training import assembly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, required=True)
    options, handed_on = parser.parse_known_args()
    settings = settings_of(handed_on)
    assembly.prepare_tensorflow(deterministic=False)
    info = input_fn.describe(settings.data)
    count_operations(settings, num_classes=len(info.class_names))
    with tf.Graph().as_default():
        estimator = assembly.estimator(settings, info, ALONE)
        tf.compat.v1.train.get_or_create_global_step()
        iterator = tf.compat.v1.data.make_initializable_iterator(assembly.training_input_fn(settings)())
        features, labels = kept(iterator.get_next())
        spec = estimator.model_fn(features, labels, tf.estimator.ModeKeys.TRAIN, estimator.config)
        initializers = [
            iterator.initializer,
            tf.compat.v1.global_variables_initializer(),
            tf.compat.v1.local_variables_initializer(),
        ]
        with tf.compat.v1.Session(config=estimator.config.session_config) as session:
            for initializer in initializers:
                session.run(initializer)
            for step in range(1, options.steps + 1):
                session.run(spec.train_op)
                if step % SAID_EVERY == 0:
                    print(f"step {step} of {options.steps}", flush=True)


def kept(batch: Any) -> Any:
    """One batch, in variables: nothing is read, made or copied in a step, and nothing folded into constants."""
    return tf.nest.map_structure(
        lambda tensor: tf.compat.v1.get_variable(
            f"kept_{tensor.op.name}_{tensor.value_index}",
            initializer=tensor,
            trainable=False,
            use_resource=True,
            collections=[tf.compat.v1.GraphKeys.LOCAL_VARIABLES],
        ).value(),
        batch,
    )


def count_operations(settings: Settings, *, num_classes: int) -> None:
    size = settings.data.image_size
    with tf.Graph().as_default():
        images = tf.compat.v1.placeholder(tf.float32, [1, size, size, 3])
        architecture = network.ARCHITECTURES[settings.model.network]
        layers = network.build(images, architecture, num_classes=num_classes, training=True).layers
    print("parameters", sum(layer.parameters for layer in layers))
    print("operations_per_image", training_operations(layers), flush=True)


if __name__ == "__main__":
    main()

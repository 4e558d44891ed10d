"""The input pipeline by itself: this project's training batches, taken as fast as they come.

    python -m benchmarks.probes.input_pipeline --steps=200 [--name=value of main.py ...]

It says `step N` now and then, and last how many processor milliseconds a batch of the later half took.
"""

import argparse
import time

import tensorflow as tf

from benchmarks.commands import SAID_EVERY
from benchmarks.probes.product import settings_of
from training import assembly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, required=True)
    options, handed_on = parser.parse_known_args()
    settings = settings_of(handed_on)
    assembly.prepare_tensorflow(deterministic=False)
    batches = assembly.training_input_fn(settings)()
    # Taken inside the graph: a copy of each batch to Python is no part of a training step either.
    iterator = tf.compat.v1.data.make_initializable_iterator(batches)
    taken = tf.group(*tf.nest.flatten(iterator.get_next()))
    half = options.steps // 2
    with tf.compat.v1.Session() as session:
        session.run(iterator.initializer)
        for step in range(1, options.steps + 1):
            session.run(taken)
            if step == half:
                started = time.process_time()
            if step % SAID_EVERY == 0:
                print(f"step {step} of {options.steps}", flush=True)
        seconds = time.process_time() - started
    print(f"processor_milliseconds_per_batch {1000 * seconds / (options.steps - half):.3f}", flush=True)


if __name__ == "__main__":
    main()

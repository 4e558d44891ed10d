"""A large matrix product: about the most that the hardware does in this precision with the same library.

    python -m benchmarks.probes.matrix_product [--precision=bfloat16]

It tells the best of several rounds, in operations a second: what a machine can do, not what it did while disturbed.
"""

import argparse
import time

import tensorflow as tf

SIZE = 4096
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    a, b = (tf.cast(tf.random.normal([SIZE, SIZE]), options.precision) for _ in range(2))
    product = tf.function(lambda: tf.reduce_sum(tf.cast(tf.linalg.matmul(a, b)[0], tf.float32)))
    product().numpy()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        product().numpy()  # To the host: a GPU has then done it.
        seconds.append(time.perf_counter() - started)
    print(f"operations_per_second {2 * SIZE**3 / min(seconds):.0f}")


if __name__ == "__main__":
    main()

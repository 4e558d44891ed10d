"""The training split as arrays in a file, for programs that know nothing of tensorflow-datasets.

python -m benchmarks.probes.examples --output=examples.npz [--name=value of main.py ...]
"""

import argparse

import numpy as np

import input_fn
from benchmarks.probes.product import settings_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True)
    options, handed_on = parser.parse_known_args()
    data = settings_of(handed_on).data
    examples = input_fn.load(data, data.train_split)
    np.savez(options.output, images=examples.images, labels=examples.labels)


if __name__ == "__main__":
    main()

"""Kills runs at random moments and checks that each ends bit for bit as one that was never interrupted.

python -m tests.soak [KILLS [SEED]]
"""

import collections
import logging
import os
import pathlib
import random
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests import interrupted


def main(kills=30, seed=0):
    logging.getLogger("tensorboard").setLevel("ERROR")  # It notes each restart that it finds in event files.
    dice = random.Random(seed)
    begun = time.monotonic()
    killed: collections.Counter[str] = collections.Counter()
    runs = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        interrupted.finish(folder / "whole", folder / "data")
        print(f"Not interrupted: {interrupted.STEPS} steps, {time.monotonic() - begun:.0f} s", flush=True)
        while killed.total() < kills:
            runs += 1
            run, ended = folder / f"run{runs}", False
            while not ended and killed.total() < kills:
                moment, count, seconds = interrupted.random_moment(dice)
                ended = interrupted.kill(run, folder / "data", moment, count=count, seconds=seconds)
                if not ended:
                    killed[moment.value] += 1
                    print(f"run {runs}: killed at {moment.value} {count} after {seconds * 1000:.1f} ms", flush=True)
            interrupted.finish(run, folder / "data")
            found = interrupted.differences(run, folder / "whole")
            if found:
                sys.exit("\n".join([f"run {runs} differs from the one not interrupted (seed {seed}):", *found]))
    by_moment = ", ".join(f"{count} at {moment}" for moment, count in sorted(killed.items()))
    print(
        f"{killed.total()} kills over {runs} runs in {time.monotonic() - begun:.0f} s: {by_moment}. Weights, optimizer"
        f" slots, {len(interrupted.CURVES)} training curves, validation curves and evaluations are equal bit for bit."
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

"""Which part of a run's time its steps waited for input, as the run itself wrote it for TensorBoard.

python -m benchmarks.probes.input_wait --model_dir=DIR
"""

import argparse
import statistics

from tensorboard.backend.event_processing import event_accumulator

from summaries import tags


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_dir", required=True)
    options = parser.parse_args()
    record = event_accumulator.EventAccumulator(options.model_dir).Reload()
    # The first interval has the start of TensorFlow in it.
    shares = [event.value for event in record.Scalars(tags.INPUT_WAIT)[1:]]
    print(f"input_wait_share {statistics.median(shares):.6f}")


if __name__ == "__main__":
    main()

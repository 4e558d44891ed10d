"""What main.py can do: one function a mode, each from a checked command line to what it leaves and prints.

TensorFlow takes seconds to import, so the rooms that need it are imported where it is sure that they are needed.
"""

from collections.abc import Callable

import flags
from modes import clusters, rates, train, use, watch
from settings import Mode

MODES: dict[Mode, Callable[[flags.Command], None]] = {
    Mode.TRAIN_AND_EVALUATE: train.train_and_evaluate,
    Mode.COMPARE: train.compare,
    Mode.REPORT: watch.report,
    Mode.TENSORBOARD: watch.tensorboard,
    Mode.SHOW_SCHEDULE: rates.show_schedule,
    Mode.SET_LEARNING_RATE: rates.set_learning_rate,
    Mode.FIND_LEARNING_RATE: rates.find_learning_rate,
    Mode.EVALUATE: use.evaluate,
    Mode.PREDICT: use.predict,
    Mode.EXPORT: use.export,
    Mode.SHOW_CLUSTER: clusters.show_cluster,
}

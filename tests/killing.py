"""A run of main.py that kills itself with SIGKILL at a chosen moment, as a machine that is taken away would.

    python -m tests.killing MOMENT COUNT SECONDS FLAGS...

From inside, because a checkpoint of a tiny network takes milliseconds, and nobody outside would meet them. COUNT says
at which one of its kind, SECONDS how long after its beginning.
"""

import enum
import os
import signal
import sys
import threading
import time
from pathlib import Path


class Moment(enum.Enum):
    """What the process is at when it is killed."""

    START = "start"  # Before anything is trained or saved.
    STEP = "step"
    CHECKPOINT = "checkpoint"
    EVALUATION = "evaluation"


def main():
    moment, count, seconds = Moment(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    arguments = sys.argv[4:]
    import main as program
    from settings import Verbosity

    program.quiet_tensorflow(Verbosity.QUIET)
    if moment is Moment.CHECKPOINT:
        model_dir = next(each.partition("=")[2] for each in arguments if each.startswith("--model_dir="))
        threading.Thread(target=_kill_within_save, args=(Path(model_dir), count, seconds), daemon=True).start()
    else:
        _arm(moment, count, seconds)
    sys.exit(program.main(["main.py", *arguments]))


def _arm(moment, count, seconds):
    import tensorflow as tf
    from tensorflow.python.training import monitored_session

    owner, name = {
        Moment.START: (tf.estimator.Estimator, "train"),
        Moment.STEP: (monitored_session._MonitoredSession, "run"),
        Moment.EVALUATION: (tf.estimator.Estimator, "evaluate"),
    }[moment]
    original, calls = getattr(owner, name), []

    def counted(*arguments, **options):
        calls.append(name)
        if len(calls) == count:
            threading.Timer(seconds, _kill).start()
        return original(*arguments, **options)

    setattr(owner, name, counted)


def _kill_within_save(model_dir, count, seconds):
    """While the files of the `count`th checkpoint are being written: they stand under other names until they are whole.

    Looks as often as it can: the files are there for a few milliseconds.
    """
    seen: set[str] = set()
    while len(seen) < count:
        seen |= {path.name.partition(".data")[0].partition(".index")[0] for path in model_dir.glob("model.ckpt-*temp*")}
    time.sleep(seconds)
    _kill()


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()

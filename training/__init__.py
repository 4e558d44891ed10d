"""Puts the rooms together: data, model, devices and hooks become one Estimator, trained and evaluated."""

from training.assembly import check_devices, newest_step
from training.evaluation import Found, evaluate
from training.pages import Recorded
from training.range_test import range_test, write_image
from training.run import mend_checkpoints, train_and_evaluate

__all__ = [
    "Found",
    "Recorded",
    "check_devices",
    "evaluate",
    "mend_checkpoints",
    "newest_step",
    "range_test",
    "train_and_evaluate",
    "write_image",
]

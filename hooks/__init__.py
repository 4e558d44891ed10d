"""Session hooks: what happens beside the steps of a training run."""

from hooks.divergence import DivergenceHook
from hooks.evaluation import PrintEvaluation, RecordEvaluation
from hooks.input_images import InputImagesHook
from hooks.live_learning_rate import LiveLearningRateHook
from hooks.progress import ProgressHook
from hooks.range_test import RangeTestHook
from hooks.summary import SummaryHook

__all__ = [
    "DivergenceHook",
    "InputImagesHook",
    "LiveLearningRateHook",
    "PrintEvaluation",
    "ProgressHook",
    "RangeTestHook",
    "RecordEvaluation",
    "SummaryHook",
]

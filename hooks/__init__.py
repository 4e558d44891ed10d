"""Session hooks: what happens beside the steps of a training run."""

from hooks.alive import AliveHook
from hooks.divergence import Diverged, DivergenceHook
from hooks.due import Due
from hooks.evaluation import EvaluateListener, record, tell
from hooks.evaluation_pages import EvaluationPagesHook, Split
from hooks.evaluation_start import EvaluationStartHook
from hooks.farewell import FarewellHook
from hooks.histograms import HistogramHook
from hooks.live_learning_rate import LiveLearningRateHook
from hooks.pictures import PicturesHook
from hooks.profile import ProfileHook
from hooks.progress import ProgressHook
from hooks.range_test import RangeTestHook
from hooks.saving import SavingHook
from hooks.stop import StopHook
from hooks.summary import MINIMAL, Pages, SummaryHook

__all__ = [
    "MINIMAL",
    "AliveHook",
    "Diverged",
    "DivergenceHook",
    "Due",
    "EvaluateListener",
    "EvaluationPagesHook",
    "EvaluationStartHook",
    "FarewellHook",
    "HistogramHook",
    "LiveLearningRateHook",
    "Pages",
    "PicturesHook",
    "ProfileHook",
    "ProgressHook",
    "RangeTestHook",
    "SavingHook",
    "Split",
    "StopHook",
    "SummaryHook",
    "record",
    "tell",
]

"""Session hooks: what happens beside the steps of a training run."""

from hooks.divergence import DivergenceHook
from hooks.due import Due
from hooks.evaluation import PrintEvaluation, RecordEvaluation
from hooks.evaluation_pages import EvaluationPagesHook, Split
from hooks.histograms import HistogramHook
from hooks.live_learning_rate import LiveLearningRateHook
from hooks.pictures import PicturesHook
from hooks.profile import ProfileHook
from hooks.progress import ProgressHook
from hooks.range_test import RangeTestHook
from hooks.summary import MINIMAL, Pages, SummaryHook

__all__ = [
    "MINIMAL",
    "DivergenceHook",
    "Due",
    "EvaluationPagesHook",
    "HistogramHook",
    "LiveLearningRateHook",
    "Pages",
    "PicturesHook",
    "PrintEvaluation",
    "ProfileHook",
    "ProgressHook",
    "RangeTestHook",
    "RecordEvaluation",
    "Split",
    "SummaryHook",
]

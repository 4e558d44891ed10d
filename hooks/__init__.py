"""Session hooks: what happens beside the steps of a training run."""

from hooks.divergence import DivergenceHook
from hooks.evaluation import PrintEvaluation
from hooks.input_images import InputImagesHook
from hooks.progress import ProgressHook
from hooks.summary import SummaryHook

__all__ = ["DivergenceHook", "InputImagesHook", "PrintEvaluation", "ProgressHook", "SummaryHook"]

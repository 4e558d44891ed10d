"""The checkpoints of a run: which can be read, which are set aside, which is the best."""

from checkpoints.aside import newest_readable, set_aside
from checkpoints.best import BEST, Best, keep_best, read_best
from checkpoints.files import Refused, all_of, files_of, in_use, later_than, prefix_of, refused, remove, unfinished
from checkpoints.held import held
from checkpoints.reading import Broken, Examination, examine, global_step, newest_finite, why_unreadable
from checkpoints.restoring import restored

__all__ = [
    "BEST",
    "Best",
    "Broken",
    "Examination",
    "Refused",
    "all_of",
    "examine",
    "files_of",
    "global_step",
    "held",
    "in_use",
    "keep_best",
    "later_than",
    "newest_finite",
    "newest_readable",
    "prefix_of",
    "read_best",
    "refused",
    "remove",
    "restored",
    "set_aside",
    "unfinished",
    "why_unreadable",
]

"""The command line: `parse` reads it, `experiment` makes a training run of it, the others what their modes ask for.

`table/` holds every flag with its default, `parsers.py` what a value may be, `durations.py` steps, epochs and
percent, `flagfiles.py` files of flags, `experiment.py` the way to `Settings` with the checks that need more than one
flag.
"""

from flags.command import Command, help_text, parse
from flags.experiment import Experiment, experiment
from flags.modes import (
    Comparison,
    comparison,
    given_or_recalled,
    range_of_rates,
    rate_request,
    recalled,
    recalled_data,
)
from flags.table import learning_rate_names

__all__ = [
    "Command",
    "Comparison",
    "Experiment",
    "comparison",
    "experiment",
    "given_or_recalled",
    "help_text",
    "learning_rate_names",
    "parse",
    "range_of_rates",
    "rate_request",
    "recalled",
    "recalled_data",
]

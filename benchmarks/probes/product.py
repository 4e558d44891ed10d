"""This project's own settings, data and model, for probes that look at one piece of it."""

from collections.abc import Sequence

import flags
from modes.experiments import experiment
from settings import Settings


def settings_of(arguments: Sequence[str]) -> Settings:
    """Of a run with these flags.

    Raises:
      UserError: a flag is wrong.
    """
    command = flags.parse(["main.py", *arguments])
    assert command, "no help here"
    return experiment(command).settings

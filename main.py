"""Trains an image classifier whose learning rate steps down. See README.md, or run with --help."""

import os
import sys
from collections.abc import Sequence

import flags
import run_record
from settings import Mode, Settings, UserError, Verbosity

# Exit statuses.
COMPLETE = 0
USAGE = 2


def main(argv: Sequence[str]) -> int:
    try:
        parsed = flags.parse(argv)
        if parsed is None:
            print(flags.help_text())
            return COMPLETE
        quiet_tensorflow(parsed.settings.verbosity)
        if parsed.settings.mode is Mode.REPORT:
            print_report(parsed.settings)
        else:
            train_and_evaluate(parsed)
        return COMPLETE
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE


def train_and_evaluate(parsed: flags.Parsed) -> None:
    """Trains to --train_steps from the newest checkpoint in --model_dir, evaluating as it goes, and reports."""
    settings = parsed.settings
    run_record.open_run(
        settings.model_dir,
        flags=parsed.flags,
        hyper_parameters=parsed.hyper_parameters,
        overwrite=settings.overwrite,
    )
    # From here on it is slow: TensorFlow alone takes seconds to import.
    import training

    if training.newest_step(settings.model_dir) >= settings.training.train_steps:
        print(
            f"The run in {settings.model_dir} is complete at step {settings.training.train_steps}. To start a new one,"
            " give another --model_dir, or --overwrite; to train on, more --train_steps."
        )
    else:
        training.train_and_evaluate(settings, recorded_flags=parsed.flags)
    print_report(settings)


def print_report(settings: Settings) -> None:
    """Draws the run's figure and prints its numbers, from its event files alone."""
    import report

    boundaries = run_record.read(settings.model_dir).hyper_parameters["boundaries"]
    print(report.report(settings.model_dir, boundaries=boundaries, from_step=settings.report.from_step))


def quiet_tensorflow(verbosity: Verbosity) -> None:
    """Tells TensorFlow, and what it brings, how much to say. Its C++ side reads the environment when it is imported."""
    cpp, python = {
        Verbosity.QUIET: ("3", "ERROR"),
        Verbosity.INFO: ("1", "INFO"),
        Verbosity.DEBUG: ("0", "DEBUG"),
    }[verbosity]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = cpp
    import logging

    for library in ("tensorflow", "absl", "urllib3"):
        logging.getLogger(library).setLevel(python)


if __name__ == "__main__":
    sys.exit(main(sys.argv))

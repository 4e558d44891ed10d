"""Trains an image classifier whose learning rate steps down. See README.md, or run with --help."""

import os
import sys
from collections.abc import Sequence

import flags
import modes
from settings import ExitStatus, PeerLost, Preempted, UserError, Verbosity


def main(argv: Sequence[str]) -> ExitStatus:
    try:
        command = flags.parse(argv)
        if command is None:
            print(flags.help_text())
        else:
            quiet_tensorflow(command.verbosity)
            modes.MODES[command.mode](command)
        return ExitStatus.COMPLETE
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return ExitStatus.USAGE
    except Preempted as stop:
        removing = command is not None and command.values["overwrite"]
        again = "the same command without --overwrite" if removing else "the same command"
        print(f"{stop}; {again} goes on from there", file=sys.stderr)
        return ExitStatus.PREEMPTED
    except PeerLost as lost:
        print(f"error: {lost}", file=sys.stderr)
        return ExitStatus.PEER_LOST
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # Who reads what is printed has seen enough, as in `| head`. Python would complain once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.COMPLETE


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

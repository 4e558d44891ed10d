"""From a command line to the training run that it describes."""

import flags
from settings import Data


def experiment(command: flags.Command) -> flags.Experiment:
    """The training run; flags that were given and that its schedule does not have are named.

    Raises:
      UserError: flags that do not go together.
    """
    found = flags.experiment(command, num_train_examples=_num_train_examples)
    if found.unused:
        names = ", ".join(f"--{name}" for name in found.unused)
        print(f"Not used by --learning_rate_schedule={found.flags['learning_rate_schedule']}: {names}")
    return found


def _num_train_examples(data: Data) -> int:
    import input_fn

    return input_fn.describe(data).num_train_examples

"""What main.py can do: one function a mode, each from a checked command line to what it leaves and prints.

TensorFlow takes seconds to import, so the rooms that need it are imported where it is sure that they are needed.
"""

import getpass
import os
import socket
from collections.abc import Callable

import flags
import run_record
from cluster import topology
from control import requests
from settings import Data, Mode, UserError


def train_and_evaluate(command: flags.Command) -> None:
    """Trains to --train_steps from the newest checkpoint in --model_dir, evaluating as it goes, and reports."""
    _train(_experiment(command), overwrite=command.values["overwrite"])
    if topology.this_task().is_chief:
        report(command)


def report(command: flags.Command) -> None:
    """Draws the run's figure and prints its numbers, from its event files alone."""
    import report as report_room

    boundaries = run_record.read(command.model_dir).hyper_parameters.get("boundaries", [])
    print(report_room.report(command.model_dir, boundaries=boundaries, from_step=command.values["from_step"]))


def set_learning_rate(command: flags.Command) -> None:
    """Asks the running run in --model_dir to change its learning rate, waits for its answer and prints it."""
    request = flags.rate_request(command)
    newest = run_record.read(command.model_dir).sessions[-1]
    if newest.host == socket.gethostname() and not _is_alive(newest.pid):
        raise UserError(
            f"the run in --model_dir={command.model_dir} is not running: its newest start, of {newest.started}, had"
            f" process {newest.pid} of this machine, which has ended; start the run, then change its learning rate"
        )
    answer = requests.ask(
        command.model_dir,
        request,
        session=newest.started,
        who=f"{getpass.getuser()}@{socket.gethostname()}",
        wait_seconds=command.values["answer_timeout"],
    )
    if not answer.accepted:
        raise UserError(f"the run refuses: {answer.message}")
    print(answer.message)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def compare(command: flags.Command) -> None:
    """Trains each --run in its own directory under --model_dir, where it stopped if it did, and compares them all."""
    runs = flags.compared_runs(command)
    # Every command line is checked before the first run starts.
    experiments = {name: _experiment(run) for name, run in runs.items()}
    for name, experiment in experiments.items():
        print(f"== {name} ({list(runs).index(name) + 1} of {len(runs)})", flush=True)
        try:
            _train(experiment, overwrite=command.values["overwrite"])
        except UserError as error:
            # The other runs are worth having all the same.
            print(f"{name} ended early: {error}", flush=True)


def _experiment(command: flags.Command) -> flags.Experiment:
    experiment = flags.experiment(command, num_train_examples=_num_train_examples)
    if experiment.unused:
        names = ", ".join(f"--{name}" for name in experiment.unused)
        print(f"Not used by --learning_rate_schedule={experiment.flags['learning_rate_schedule']}: {names}")
    return experiment


def _num_train_examples(data: Data) -> int:
    import input_fn

    return input_fn.describe(data).num_train_examples


def _train(experiment: flags.Experiment, *, overwrite: bool) -> None:
    settings, task = experiment.settings, topology.this_task()
    session = ""
    if task.is_chief:
        record = run_record.open_run(
            settings.model_dir,
            flags=experiment.flags,
            hyper_parameters=experiment.hyper_parameters,
            overwrite=overwrite,
        )
        session = record.sessions[-1].started
    import training

    if training.newest_step(settings.model_dir) >= settings.training.train_steps:
        print(
            f"The run in {settings.model_dir} is complete at step {settings.training.train_steps}. To start a new one,"
            " give another --model_dir, or --overwrite; to train on, more --train_steps."
        )
    else:
        training.train_and_evaluate(settings, task, recorded_flags=experiment.flags, session=session)


MODES: dict[Mode, Callable[[flags.Command], None]] = {
    Mode.TRAIN_AND_EVALUATE: train_and_evaluate,
    Mode.REPORT: report,
    Mode.COMPARE: compare,
    Mode.SET_LEARNING_RATE: set_learning_rate,
}

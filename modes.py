"""What main.py can do: one function a mode, each from a checked command line to what it leaves and prints.

TensorFlow takes seconds to import, so the rooms that need it are imported where it is sure that they are needed.
"""

import contextlib
import dataclasses
import getpass
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

import flags
import run_record
import tensorboard_server
from cluster import topology
from control import journal, requests
from settings import Data, Mode, Plateau, UserError


def train_and_evaluate(command: flags.Command) -> None:
    """Trains to --train_steps from the newest checkpoint in --model_dir, evaluating as it goes, and reports."""
    alongside = command.values["with_tensorboard"] and topology.this_task().is_chief
    with (
        tensorboard_server.running(command.model_dir, **_listening(command)) if alongside else contextlib.nullcontext()
    ):
        _train(_experiment(command), overwrite=command.values["overwrite"])
    if topology.this_task().is_chief:
        report(command)


def report(command: flags.Command) -> None:
    """Draws the run's figure and prints its numbers: across its boundaries, and the changes made while it ran."""
    import report as report_room

    record = _report_record(command.model_dir)
    print(report_room.report(command.model_dir, record=record, from_step=command.values["from_step"]))


def tensorboard(command: flags.Command) -> None:
    """Shows the runs in and under --model_dir until it is interrupted."""
    tensorboard_server.serve(command.model_dir, **_listening(command))


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
        who=f"{_user()}@{socket.gethostname()}",
        wait_seconds=command.values["answer_timeout"],
    )
    if not answer.accepted:
        raise UserError(f"the run refuses: {answer.message}")
    print(answer.message)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # In a container, say, whose user has no name.
        return f"uid-{os.getuid()}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def show_schedule(command: flags.Command) -> None:
    """Draws the learning rate over the run and prints where it stands, without building a model."""
    experiment = _experiment(command)
    settings = experiment.settings
    import input_fn
    import report as report_room
    from model_fn import curve

    num_examples = input_fn.count_if_prepared(settings.data)
    steps_per_epoch = num_examples / settings.training.batch_size if num_examples else None
    learning_rate = settings.model.learning_rate
    steps = curve.drawn_steps(learning_rate, train_steps=settings.training.train_steps)
    rates = curve.rates(learning_rate, steps)
    path = os.path.join(run_record.make_folder(settings.model_dir), "schedule.png")
    name = experiment.flags["learning_rate_schedule"]
    report_room.draw_schedule(steps, rates, steps_per_epoch=steps_per_epoch, path=path, title=name)
    rows = curve.told_points(learning_rate, steps, rates)
    print(report_room.schedule_table(rows, steps_per_epoch=steps_per_epoch))
    if isinstance(learning_rate.schedule, Plateau):
        print("The steps down of plateau are not in it: evaluations decide on them.")
    print(f"Figure: {path}")


def find_learning_rate(command: flags.Command) -> None:
    """Trains for some steps at a rising rate, beside --model_dir, and suggests a rate by what the loss did."""
    test = flags.range_of_rates(command)
    settings = _experiment(command).settings
    folder = f"{os.path.normpath(settings.model_dir)}-{Mode.FIND_LEARNING_RATE.value}"
    run_record.remove_run(run_record.make_folder(folder))
    import numpy as np

    import report as report_room
    import training

    rates, losses = map(np.array, training.range_test(dataclasses.replace(settings, model_dir=folder), test))
    run_record.remove_checkpoints(folder)
    suggestion = report_room.suggest(rates, losses)
    path = os.path.join(folder, f"{Mode.FIND_LEARNING_RATE.value}.png")
    title = f"{settings.model.network.value} on {settings.data.dataset}: learning-rate range test"
    report_room.draw_range_test(rates, losses, suggestion, path=path, title=title)
    training.write_image(folder, path, step=len(rates))
    print(report_room.range_test_text(rates, losses, suggestion))
    print(f"Figure: {path}")


def compare(command: flags.Command) -> None:
    """Trains each --run in its own directory under --model_dir, where it stopped if it did, and compares them all."""
    comparison = flags.comparison(command)
    runs = comparison.runs
    # Every command line is checked before the first run starts.
    experiments = {name: _experiment(run) for name, run in runs.items()}
    for name, experiment in experiments.items():
        print(f"== {name} ({list(runs).index(name) + 1} of {len(runs)})", flush=True)
        try:
            _train(experiment, overwrite=command.values["overwrite"])
        except UserError as error:
            # The other runs are worth having all the same.
            print(f"{name} ended early: {error}", flush=True)
    import report as report_room

    print(
        report_room.compare(
            {name: run.model_dir for name, run in runs.items()},
            records=_report_records(runs),
            control=comparison.control,
            target_accuracy=command.values["target_accuracy"],
            batch_size=command.values["batch_size"],
            path=os.path.join(command.model_dir, "compare.png"),
        )
    )


def _report_records(runs: Mapping[str, flags.Command]) -> dict[str, Any]:
    """Of the runs that have one: what kept another from starting has been told."""
    records = {}
    for name, run in runs.items():
        with contextlib.suppress(UserError):
            records[name] = _report_record(run.model_dir)
    return records


def _report_record(model_dir: str) -> Any:
    import report as report_room

    record = run_record.read(model_dir)
    changes = [(change.step, f"{change.what}, {change.who}") for change in journal.read(model_dir)]
    return report_room.Record(
        hyper_parameters=record.hyper_parameters,
        rate_names=flags.learning_rate_names(),
        sessions=[dataclasses.asdict(session) for session in record.sessions],
        changes=changes,
    )


def _listening(command: flags.Command) -> dict[str, Any]:
    return {"host": command.values["tensorboard_host"], "port": command.values["tensorboard_port"]}


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
    session, environment = "", {}
    if task.is_chief:
        record = run_record.open_run(
            settings.model_dir,
            flags=experiment.flags,
            hyper_parameters=experiment.hyper_parameters,
            overwrite=overwrite,
        )
        session, environment = record.sessions[-1].started, run_record.environment(record)
    import training

    if training.newest_step(settings.model_dir) >= settings.training.train_steps:
        print(
            f"The run in {settings.model_dir} is complete at step {settings.training.train_steps}. To start a new one,"
            " give another --model_dir, or --overwrite; to train on, more --train_steps."
        )
    else:
        recorded = training.Recorded(experiment.flags, experiment.hyper_parameters, environment, session)
        training.train_and_evaluate(settings, task, recorded)


MODES: dict[Mode, Callable[[flags.Command], None]] = {
    Mode.TRAIN_AND_EVALUATE: train_and_evaluate,
    Mode.REPORT: report,
    Mode.TENSORBOARD: tensorboard,
    Mode.COMPARE: compare,
    Mode.SHOW_SCHEDULE: show_schedule,
    Mode.SET_LEARNING_RATE: set_learning_rate,
    Mode.FIND_LEARNING_RATE: find_learning_rate,
}

"""Looking at a learning rate, changing it, finding one."""

import dataclasses
import getpass
import os
import socket

import flags
import run_record
from cluster import topology
from control import requests
from modes.experiments import experiment
from settings import Mode, Plateau, UserError


def show_schedule(command: flags.Command) -> None:
    """Draws the learning rate over the run and prints where it stands, without building a model."""
    described = experiment(command)
    settings = described.settings
    import input_fn
    import report as report_room
    from model_fn import curve

    num_examples = input_fn.count_if_prepared(settings.data)
    steps_per_epoch = num_examples / settings.training.batch_size if num_examples else None
    learning_rate = settings.model.learning_rate
    steps = curve.drawn_steps(learning_rate, train_steps=settings.training.train_steps)
    rates = curve.rates(learning_rate, steps)
    path = os.path.join(run_record.make_folder(settings.model_dir), "schedule.png")
    name = described.flags["learning_rate_schedule"]
    report_room.draw_schedule(steps, rates, steps_per_epoch=steps_per_epoch, path=path, title=name)
    rows = curve.told_points(learning_rate, steps, rates)
    print(report_room.schedule_table(rows, steps_per_epoch=steps_per_epoch))
    if isinstance(learning_rate.schedule, Plateau):
        print("The steps down of plateau are not in it: evaluations decide on them.")
    print(f"Figure: {path}")


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


def find_learning_rate(command: flags.Command) -> None:
    """Trains for some steps at a rising rate, beside --model_dir, and suggests a rate by what the loss did."""
    test = flags.range_of_rates(command)
    # Whatever cluster it is started in: one process is enough to find a rate.
    topology.publish(topology.ALONE)
    settings = experiment(command).settings
    folder = f"{os.path.normpath(settings.model_dir)}-{Mode.FIND_LEARNING_RATE.value}"
    import numpy as np

    import report as report_room
    import training

    training.check_devices(settings, topology.ALONE)
    run_record.remove_run(run_record.make_folder(folder))
    rates, losses = map(np.array, training.range_test(dataclasses.replace(settings, model_dir=folder), test))
    run_record.remove_checkpoints(folder)
    suggestion = report_room.suggest(rates, losses)
    path = os.path.join(folder, f"{Mode.FIND_LEARNING_RATE.value}.png")
    title = f"{settings.model.network.value} on {settings.data.dataset}: learning-rate range test"
    report_room.draw_range_test(rates, losses, suggestion, path=path, title=title)
    training.write_image(folder, path, step=len(rates))
    print(report_room.range_test_text(rates, losses, suggestion))
    print(f"Figure: {path}")

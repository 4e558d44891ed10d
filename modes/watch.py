"""Looking at runs: the report, TensorBoard."""

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import flags
import run_record
import tensorboard_server
from control import journal
from settings import ScheduleName, UserError

COMPARISON = "compare.png"


def report(command: flags.Command) -> None:
    """Draws the run's figure and prints its numbers: across its boundaries, and the changes made while it ran.

    In a directory of runs, all of them side by side.
    """
    runs = run_record.runs_in(command.model_dir)
    if runs:
        _report_side_by_side(command, runs)
        return
    record = report_record(command.model_dir)
    import report as report_room

    print(report_room.report(command.model_dir, record=record, from_step=command.values["from_step"]))


def _report_side_by_side(command: flags.Command, runs: Mapping[str, str]) -> None:
    """Against the --control, else the first run at a constant rate or, without one, the first."""
    records = {name: report_record(model_dir) for name, model_dir in runs.items()}
    schedules = {name: record.hyper_parameters.get("learning_rate_schedule") for name, record in records.items()}
    constant = [name for name, schedule in schedules.items() if schedule == ScheduleName.CONSTANT.value]
    control = command.values["control"] or [*constant, *runs][0]
    if control not in runs:
        raise UserError(
            f"--control={control}: no run in {command.model_dir} has this name; give one of {', '.join(runs)}"
        )
    import report as report_room

    print(
        report_room.compare(
            runs,
            records=records,
            control=control,
            target_accuracy=command.values["target_accuracy"],
            batch_size=flags.recalled("batch_size", records[control].hyper_parameters),
            path=os.path.join(command.model_dir, COMPARISON),
        )
    )


def tensorboard(command: flags.Command) -> None:
    """Shows the runs in and under --model_dir until it is interrupted."""
    tensorboard_server.serve(command.model_dir, **listening(command))


def report_record(model_dir: str) -> Any:
    """What the report of a run takes from its record and its journal."""
    record = run_record.read(model_dir)
    changes = [(change.step, f"{change.what}, {change.who}") for change in journal.read(model_dir)]
    import report as report_room

    return report_room.Record(
        hyper_parameters=record.hyper_parameters,
        rate_names=flags.learning_rate_names(),
        sessions=[dataclasses.asdict(session) for session in record.sessions],
        changes=changes,
    )


def report_records(runs: Mapping[str, flags.Command]) -> dict[str, Any]:
    """Of the runs that have one: what kept another from starting has been told."""
    records = {}
    for name, run in runs.items():
        with contextlib.suppress(UserError):
            records[name] = report_record(run.model_dir)
    return records


def listening(command: flags.Command) -> dict[str, Any]:
    """Where TensorBoard is to listen."""
    return {"host": command.values["tensorboard_host"], "port": command.values["tensorboard_port"]}

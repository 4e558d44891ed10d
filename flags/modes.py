"""What the modes beside training ask for."""

import dataclasses
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import settings as s
from flags.command import Command, parse
from flags.messages import one_line
from flags.registry import FLAGS
from flags.table import compared_names

_CONTROL = "constant"


def range_of_rates(command: Command) -> s.RangeTest:
    """What --mode=find_learning_rate shall try.

    Raises:
      UserError: a range that does not rise.
    """
    smallest, largest = command.values["find_smallest"], command.values["find_largest"]
    if smallest >= largest:
        raise s.UserError(
            f"--find_smallest={smallest:g} is not below --find_largest={largest:g}; give a range that rises"
        )
    return s.RangeTest(smallest, largest, command.values["find_steps"])


def rate_request(command: Command) -> s.Request:
    """What --mode=set_learning_rate shall ask of the running run.

    Raises:
      UserError: not exactly one of a rate, a factor and a release.
    """
    asked = {
        "learning_rate": s.Request(s.Action.SET, command.values["learning_rate"]),
        "learning_rate_factor": s.Request(s.Action.SCALE, command.values["learning_rate_factor"]),
        "release": s.Request(s.Action.RELEASE, None),
    }
    given = [name for name in asked if name in command.given and command.values[name]]
    if len(given) != 1:
        raise s.UserError(
            f"--mode=set_learning_rate with {' and '.join(f'--{name}' for name in given) or 'no change'}: give one of"
            " --learning_rate=0.003, --learning_rate_factor=0.1 and --release"
        )
    return asked[given[0]]


def recalled_data(command: Command, recorded: Mapping[str, Any]) -> s.Data:
    """The data set of a run that was recorded with the flags `recorded`, but for what this command line gives anew.

    Raises:
      UserError: what is recorded makes no sense.
    """
    return s.Data(
        **{field.name: given_or_recalled(field.name, command, recorded) for field in dataclasses.fields(s.Data)}
    )


def given_or_recalled(name: str, command: Command, recorded: Mapping[str, Any]) -> Any:
    """The value of flag `name` on this command line, if it is given there; else the recorded one, else its default.

    Raises:
      UserError: what is recorded makes no sense.
    """
    anew = name in command.given or name not in recorded
    return command.values[name] if anew else recalled(name, recorded)


def recalled(name: str, recorded: Mapping[str, Any]) -> Any:
    """The value of flag `name` in a run's record of its flags, checked as if it were given.

    Raises:
      UserError: it is missing, or makes no sense.
    """
    flag = FLAGS[name]
    value = recorded.get(name)
    if value is None and flag.default is None:
        return None
    try:
        if value is None:
            raise ValueError("must be there")
        return flag.parser.parse(value)
    except (ValueError, TypeError) as error:
        raise s.UserError(
            one_line(f"the record of the run has --{name}={value!r:.80}: {error}; restore its run.json")
        ) from error


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Training runs by name, each in its own directory; `control` names the one that others are measured against."""

    runs: dict[str, Command]
    control: str


def comparison(command: Command) -> Comparison:
    """What --mode=compare shall train under --model_dir. Without --control, the control is the run at a constant rate,
    which is added where there is none.

    Raises:
      UserError: no run; a name that is twice, no file name, or of no run; a flag of neither learning rate nor recipe.
    """
    written = [_split(run) for run in command.values["run"]]
    if not written:
        raise s.UserError(
            "--mode=compare has nothing to compare; give runs, such as --run='cosine --learning_rate_schedule=cosine'"
        )
    runs: dict[str, Command] = {}
    for name, own in written:
        if name in runs:
            raise s.UserError(f"--run={name}: two runs have this name; give each its own")
        runs[name] = _compared_run(command, name, own)
    named = command.values["control"]
    if named is not None:
        if named not in runs:
            raise s.UserError(f"--control={named}: no --run has this name; give one of {', '.join(runs)}")
        return Comparison(runs, named)
    constant = [n for n, run in runs.items() if run.values["learning_rate_schedule"] is s.ScheduleName.CONSTANT]
    if constant:
        return Comparison(runs, constant[0])
    if _CONTROL in runs:
        raise s.UserError(f"--run={_CONTROL}: its schedule is another; call it by that, {_CONTROL} is the control")
    own = [f"--learning_rate_schedule={s.ScheduleName.CONSTANT.value}"]
    return Comparison({_CONTROL: _compared_run(command, _CONTROL, own), **runs}, _CONTROL)


def _split(run: str) -> tuple[str, list[str]]:
    try:
        name, *own = shlex.split(run) or [""]
    except ValueError as error:
        raise s.UserError(f"--run={run}: {str(error).lower()}; give a name and then flags") from error
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", name, re.ASCII):
        raise s.UserError(
            one_line(f"--run={run}: a run begins with its name, of letters, digits, - and _; not {name!r}")
        )
    return name, own


def _compared_run(command: Command, name: str, own: Sequence[str]) -> Command:
    for flag in own:
        match = re.fullmatch(r"--?(no)?(\w+)(=.*)?", flag)
        if not match or not {match[2], f"{match[1] or ''}{match[2]}"} & compared_names():
            raise s.UserError(
                f"--run={name}: {flag!r:.80} is no flag of learning rate or recipe, and runs are compared by these"
                " alone; write flags as --name=value, and those for all runs outside of --run"
            )
    model_dir = os.path.join(command.model_dir, name)
    try:
        run = parse([*command.argv, *own, f"--mode={s.Mode.TRAIN_AND_EVALUATE.value}", f"--model_dir={model_dir}"])
    except s.UserError as error:
        raise s.UserError(f"--run={name}: {error}") from error
    assert run is not None, "help would have been answered before"
    return run

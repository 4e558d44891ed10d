"""Measures this project side by side with other programs, and writes RESULTS.md and scaling.md.

    make benchmark                                                     # everything, hours
    python -m benchmarks.run --only=peers,overhead --precision=bfloat16 --rounds=3 -- --data_dir=DIR

What stands after `--` is handed on to every run of main.py, such as --data_dir of a prepared CIFAR-10. Leave the
machine alone meanwhile: the page says how much of the processor others had.
"""

import argparse
import datetime
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import figure, machine, results, scaling_page
from benchmarks.commands import SAID_EVERY, Plan
from benchmarks.measuring import Measured, measure
from benchmarks.page import FIGURE, page
from benchmarks.programs import ProgramFailed
from benchmarks.results import Part, Precision, Record

PEERS_PYTHON = ".venv-benchmark/bin/python"


def main(arguments: Sequence[str]) -> int:
    own, handed_on = _split(arguments)
    options = _parser().parse_args(own)
    if not (machine.ROOT / options.peers_python).exists() and Part.PEERS in options.only:
        print(f"error: --peers_python={options.peers_python} is not there; make benchmark sets it up", file=sys.stderr)
        return 2
    if any(steps < SAID_EVERY or steps % SAID_EVERY for steps in (options.warmup_steps, options.steps)):
        message = f"error: --warmup_steps and --steps must be multiples of {SAID_EVERY}, which programs tell of"
        print(message, file=sys.stderr)
        return 2
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        for precision in options.precision:
            plan = _plan(options, precision, tuple(handed_on), Path(folder))
            for part in options.only:
                print(f"{part.value}, {precision.value}", flush=True)
                try:
                    found = measure(part, plan)
                except ProgramFailed as failed:
                    print(f"error: {failed}", file=sys.stderr)
                    status = 1  # The other parts can still be measured.
                else:
                    _keep(_record(part, plan, found, told(own, handed_on)))
    return status


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Before and after `--`."""
    given = list(arguments)
    if "--" not in given:
        return given, []
    place = given.index("--")
    return given[:place], given[place + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = [part for part in Part if part is not Part.SEED_RUN]
    names = ", ".join(part.value for part in Part)
    parser.add_argument(
        "--only",
        type=_members(Part),
        default=usual,
        help=f"of {names}, separated by commas (default: all but the last)",
    )
    parser.add_argument("--precision", type=_members(Precision), default=list(Precision), help="separated by commas")
    parser.add_argument("--rounds", type=int, default=3, help="how often each program takes its turn (default: 3)")
    parser.add_argument("--warmup_steps", type=int, default=20, help="not timed (default: 20)")
    parser.add_argument("--steps", type=int, default=60, help="timed (default: 60)")
    parser.add_argument("--peers_python", default=PEERS_PYTHON, help=f"has PyTorch (default: {PEERS_PYTHON})")
    return parser


def _members(kind):
    def parse(text: str):
        return [kind(name) for name in text.split(",")]

    parse.__name__ = kind.__name__.lower()  # What argparse says of a wrong one.
    return parse


def _plan(options: argparse.Namespace, precision: Precision, flags: tuple[str, ...], folder: Path) -> Plan:
    return Plan(
        python=sys.executable,
        peers_python=str(machine.ROOT / options.peers_python),
        precision=precision,
        rounds=options.rounds,
        warmup_steps=options.warmup_steps,
        timed_steps=options.steps,
        flags=flags,
        folder=folder,
        gpu=bool(machine.this_machine().gpus),
    )


def _record(part: Part, plan: Plan, found: Measured, command: str) -> Record:
    numbers, facts = found
    here = machine.this_machine()
    return Record(
        part=part,
        precision=plan.precision,
        device=here.device,
        machine=str(here),
        date=str(datetime.date.today()),
        commit=machine.commit(),
        command=command,
        versions=machine.versions(plan.peers_python if part is Part.PEERS else None),
        numbers=numbers,
        facts=facts,
    )


def told(own: Sequence[str], handed_on: Sequence[str]) -> str:
    """The command, without places of this machine."""
    kept = [each for each in own if not each.startswith("--peers_python")]
    flags = machine.without_places(handed_on)
    return shlex.join(["python", "-m", "benchmarks.run", *kept, *(["--", *flags] if flags else [])])


def _keep(record: Record) -> None:
    records = results.merged(results.load(), [record])
    results.save(records)
    figure.draw(records, results.FOLDER / FIGURE)
    (results.FOLDER / "RESULTS.md").write_text(page(records))
    scaling_page.write(records)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

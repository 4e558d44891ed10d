"""Measures one part of the whole in one precision: programs in alternation, round after round."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks import commands, programs
from benchmarks.commands import BATCH_SIZE, OURS, Plan
from benchmarks.machine import this_machine
from benchmarks.results import Numbers, Part
from benchmarks.stats import rotated

Measured = tuple[dict[str, Numbers], dict[str, float]]
# Measures one program once.
Once = Callable[[], Mapping[str, float]]

EVALUATED = 2560
_BATCH_SIZES = (16, 32, 64, 128, 256)
_IMAGE_SIZES = (32, 64, 96, 128, 160, 192, 224)
_NETWORKS = ("resnet18", "resnet34", "resnet50")
_SLICES = (1, 2, 4, 8)
_WORKERS = 2
_INPUT_BATCHES = 400
BARE_STEP, WHOLE_RUN = "bare step", "whole training"
FIRST_EVALUATION, LATER_EVALUATION = "first of a run", "a later one"


def measure(part: Part, plan: Plan) -> Measured:
    """Numbers by program, and facts.

    Raises:
      ProgramFailed: a program did not come to its end.
    """
    return _PARTS[part](plan)


def in_alternation(plan: Plan, once: Mapping[str, Once]) -> dict[str, Numbers]:
    """Runs each program once a round, telling what came out."""
    numbers: dict[str, Numbers] = {name: {} for name in once}
    for number in range(plan.rounds):
        for name in rotated(list(once), number):
            found = once[name]()
            for key, value in found.items():
                numbers[name].setdefault(key, []).append(value)
            told = ", ".join(f"{key} {value:.4g}" for key, value in found.items())
            print(f"  round {number + 1} of {plan.rounds}, {name}: {told}", flush=True)
    return numbers


def speed(plan: Plan, command: Sequence[str], *, batch_size: int = BATCH_SIZE) -> Mapping[str, float]:
    """Images/s over the timed steps of a program, and what it took meanwhile."""
    said = _until_step(command, plan.last_step)
    return _speed(plan, said, batch_size=batch_size)


def _speed(plan: Plan, said: programs.Said, *, batch_size: int = BATCH_SIZE) -> dict[str, float]:
    steps, machine = said.steps(), this_machine()
    first, last = steps[plan.warmup_steps], steps[plan.last_step]
    return {
        "images_per_second": batch_size * plan.timed_steps / (last - first),
        "memory_mib": said.peak_memory_mib(),
        **said.usage(first, last, cores=machine.cores),
    }


def _until_step(command: Sequence[str], last: int) -> programs.Said:
    def reached(text: str) -> bool:
        step = programs.step_of(text)
        return step is not None and step >= last

    return programs.run(list(command), until=reached, gpus=bool(this_machine().gpus))


def _peers(plan: Plan) -> Measured:
    if not plan.data.exists():
        programs.run(commands.examples(plan))
    facts = _facts_of_network(plan)

    def one_of(name: str, command: Sequence[str]) -> Once:
        def once() -> Mapping[str, float]:
            said = _until_step(command, plan.last_step)
            check_same_network(name, facts["parameters"], said.facts()["parameters"])
            return _speed(plan, said)

        return once

    once: dict[str, Once] = {OURS: lambda: speed(plan, commands.training(plan))}
    once |= {name: one_of(name, command) for name, command in commands.peers(plan).items()}
    return in_alternation(plan, once), facts


def check_same_network(name: str, ours: float, theirs: float) -> None:
    """Raises:
    ProgramFailed: a peer trains a network with another number of parameters.
    """
    if theirs != ours:
        raise programs.ProgramFailed(f"{name} trains {theirs:.0f} parameters, and {OURS} {ours:.0f}")


def _overhead(plan: Plan) -> Measured:
    def whole() -> Mapping[str, float]:
        found = speed(plan, commands.training(plan))
        return {**found, **programs.run(commands.input_wait(plan)).facts()}

    bare = commands.probe(plan, "bare_step", steps=plan.last_step)
    return in_alternation(plan, {WHOLE_RUN: whole, BARE_STEP: lambda: speed(plan, bare)}), {}


def _input(plan: Plan) -> Measured:
    def once() -> Mapping[str, float]:
        said = programs.run(commands.probe(plan, "input_pipeline", steps=_INPUT_BATCHES))
        steps = said.steps()
        half = _INPUT_BATCHES // 2
        seconds = steps[_INPUT_BATCHES] - steps[half]
        return {"images_per_second": BATCH_SIZE * (_INPUT_BATCHES - half) / seconds, **said.facts()}

    return in_alternation(plan, {"input pipeline": once}), {}


def _evaluation(plan: Plan) -> Measured:
    first, second = plan.warmup_steps, 2 * plan.warmup_steps
    flags = [f"--validation_split=test[:{EVALUATED}]", f"--evaluation_interval={first}"]

    def seconds(said: programs.Said, step: int) -> float:
        told = next(line.seconds for line in said.lines if line.text.startswith(f"step {step}: validation"))
        return told - said.steps()[step]

    found: dict[str, Numbers] = {FIRST_EVALUATION: {}, LATER_EVALUATION: {}}
    for number in range(plan.rounds):
        said = programs.run(
            commands.training(plan, *flags), until=lambda text: text.startswith(f"step {second}: validation")
        )
        for name, step in ((FIRST_EVALUATION, first), (LATER_EVALUATION, second)):
            took = seconds(said, step)
            found[name].setdefault("seconds", []).append(took)
            found[name].setdefault("images_per_second", []).append(EVALUATED / took)
        print(f"  round {number + 1} of {plan.rounds}: {found}", flush=True)
    return found, {"images": EVALUATED}


def _start(plan: Plan) -> Measured:
    def once() -> Mapping[str, float]:
        said = _until_step(commands.training(plan, "--summary_interval=1"), 1)
        return {"seconds": said.steps()[1]}

    return in_alternation(plan, {OURS: once}), {}


def _by(flag: str, values: Sequence[int | str]) -> Callable[[Plan], Measured]:
    """Whole training, over values of one flag."""

    def measured(plan: Plan) -> Measured:
        def one_of(value: int | str) -> Once:
            batch_size = int(value) if flag == "batch_size" else BATCH_SIZE
            command = commands.training(plan, f"--{flag}={value}")
            return lambda: speed(plan, command, batch_size=batch_size)

        return in_alternation(plan, {str(value): one_of(value) for value in values}), {}

    return measured


def _workers(plan: Plan) -> Measured:
    # Neither waits for an evaluation, nor for the other's.
    numbers = in_alternation(
        plan,
        {
            "1 process": lambda: speed(plan, commands.on_processors(plan)),
            f"{_WORKERS} workers": lambda: speed(plan, commands.cluster(plan, _WORKERS)),
        },
    )
    return numbers, {}


def _roofline(plan: Plan) -> Measured:
    def product() -> Mapping[str, float]:
        return {"operations_per_second": programs.run(commands.matrix_product(plan)).facts()["operations_per_second"]}

    facts = _facts_of_network(plan)
    operations = facts["operations_per_image"]

    def step() -> Mapping[str, float]:
        found = dict(speed(plan, commands.probe(plan, "bare_step", steps=plan.last_step)))
        return {"operations_per_second": found["images_per_second"] * operations, **found}

    return in_alternation(plan, {BARE_STEP: step, "matrix product": product}), facts


def _seed_run(plan: Plan) -> Measured:
    def once() -> Mapping[str, float]:
        said = programs.run(commands.seed_run(plan), gpus=bool(this_machine().gpus), patience=None)
        last = said.lines[-1].seconds
        return {"seconds": last, **said.usage(0, last, cores=this_machine().cores)}

    return in_alternation(plan, {OURS: once}), {}


def _facts_of_network(plan: Plan) -> dict[str, float]:
    return programs.run(commands.probe(plan, "bare_step", steps=0)).facts()


_PARTS: dict[Part, Callable[[Plan], Measured]] = {
    Part.PEERS: _peers,
    Part.OVERHEAD: _overhead,
    Part.INPUT: _input,
    Part.EVALUATION: _evaluation,
    Part.START: _start,
    Part.BATCH_SIZE: _by("batch_size", _BATCH_SIZES),
    Part.IMAGE_SIZE: _by("image_size", _IMAGE_SIZES),
    Part.DEPTH: _by("network", _NETWORKS),
    Part.ACCUMULATION: _by("accumulate_steps", _SLICES),
    Part.WORKERS: _workers,
    Part.ROOFLINE: _roofline,
    Part.SEED_RUN: _seed_run,
}

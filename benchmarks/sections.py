"""The sections of RESULTS.md: what each part found, as tables."""

from collections.abc import Callable, Iterable, Sequence

from benchmarks.commands import BATCH_SIZE, IMAGE_SIZE, OURS
from benchmarks.measuring import BARE_STEP, EVALUATED, WHOLE_RUN
from benchmarks.results import Numbers, Part, Record
from benchmarks.stats import ratios, spread

_IMAGES = "images_per_second"
_GIBIBYTE = 1024  # MiB


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def section(part: Part, records: Sequence[Record]) -> str:
    """What all precisions of a part found on one machine, in Markdown, with where it comes from."""
    title, explained, tabled = _SECTIONS[part]
    return "\n\n".join([f"### {title}", explained, tabled(records), *(provenance(record) for record in records)])


def provenance(record: Record) -> str:
    """When, from what and how a record was measured, and how much else ran meanwhile."""
    others = [share for of_one in record.numbers.values() for share in of_one.get("others", [])]
    busy = f" Other programs had {min(others):.0%} to {max(others):.0%} of the processor meanwhile." if others else ""
    rounds = f"{record.rounds} round{'s' if record.rounds != 1 else ''}"
    return f"*{record.precision.value}: {rounds}, {record.date}, commit {record.commit}, by `{record.command}`.{busy}*"


def number(values: Sequence[float], digits: int = 1) -> str:
    """The median."""
    return f"{spread(values).median:,.{digits}f}"


def reach(values: Sequence[float], digits: int = 1) -> str:
    """From the lowest to the highest."""
    found = spread(values)
    return f"{found.lowest:,.{digits}f} to {found.highest:,.{digits}f}"


def _peers(records: Sequence[Record]) -> str:
    rows = []
    on_gpu = any("gpu_share" in numbers for record in records for numbers in record.numbers.values())
    for record in records:
        ours = record.of(OURS, _IMAGES)
        for name, numbers in record.numbers.items():
            against = ratios(ours, numbers[_IMAGES])
            rows.append(
                [
                    record.precision.value,
                    name,
                    number(numbers[_IMAGES]),
                    reach(numbers[_IMAGES]),
                    number(against, 3),
                    reach(against, 3),
                    number(_gibibytes(numbers), 2),
                    *(_gpu(numbers) if on_gpu else []),
                ]
            )
    head = ["precision", "program", "images/s, median", "range", f"{OURS} against it, median of pairs", "range"]
    return table([*head, "peak memory, GiB", *(["GPU at work", "GPU memory, GiB"] if on_gpu else [])], rows)


def _gpu(numbers: Numbers) -> list[str]:
    if "gpu_share" not in numbers:
        return ["", ""]
    memory = [each / _GIBIBYTE for each in numbers["gpu_memory_mib"]]
    return [f"{spread(numbers['gpu_share']).median:.0%}", number(memory, 2)]


def _gibibytes(numbers: Numbers) -> list[float]:
    return [each / _GIBIBYTE for each in numbers["memory_mib"]]


def _overhead(records: Sequence[Record]) -> str:
    rows = []
    for record in records:
        whole, bare = (record.of(name, _IMAGES) for name in (WHOLE_RUN, BARE_STEP))
        lost = [100 * (1 - ratio) for ratio in ratios(whole, bare)]
        waited = [100 * share for share in record.of(WHOLE_RUN, "input_wait_share")]
        row = [record.precision.value, number(whole), number(bare), number(lost, 2), reach(lost, 2), number(waited, 2)]
        rows.append(row)
    head = ["precision", "whole training, images/s", "bare step, images/s", "overhead, %", "range"]
    return table([*head, "of that waiting for input, %"], rows)


def _input(records: Sequence[Record]) -> str:
    rows = [
        [
            record.precision.value,
            number(numbers[_IMAGES], 0),
            reach(numbers[_IMAGES], 0),
            number(numbers["processor_milliseconds_per_batch"]),
        ]
        for record in records
        for numbers in record.numbers.values()
    ]
    return table(["precision", "images/s, median", "range", "processor ms a batch, all cores together"], rows)


def _evaluation(records: Sequence[Record]) -> str:
    rows = [
        [record.precision.value, name, number(numbers["seconds"]), number(numbers[_IMAGES]), reach(numbers[_IMAGES])]
        for record in records
        for name, numbers in record.numbers.items()
    ]
    return table(["precision", "evaluation", "s, median", "images/s, median", "range"], rows)


def _start(records: Sequence[Record]) -> str:
    rows = [
        [record.precision.value, number(record.of(OURS, "seconds")), reach(record.of(OURS, "seconds"))]
        for record in records
    ]
    return table(["precision", "s, median", "range"], rows)


def _over(what: str) -> Callable[[Sequence[Record]], str]:
    """A row for each value of a flag, columns for each precision."""

    def tabled(records: Sequence[Record]) -> str:
        values = list(dict.fromkeys(value for record in records for value in record.numbers))
        head = [what]
        for record in records:
            precision = record.precision.value
            head += [f"{precision}: images/s", "range", "ms an image", "peak memory, GiB"]
        return table(head, [[value, *(cell for each in records for cell in _costs(each, value))] for value in values])

    return tabled


def _costs(record: Record, value: str) -> list[str]:
    if value not in record.numbers:
        return [""] * 4
    numbers = record.numbers[value]
    milliseconds = [1000 / speed for speed in numbers[_IMAGES]]
    return [number(numbers[_IMAGES]), reach(numbers[_IMAGES]), number(milliseconds, 2), number(_gibibytes(numbers), 2)]


def _workers(records: Sequence[Record]) -> str:
    rows = []
    for record in records:
        (alone, first), (together, second) = record.numbers.items()
        against = ratios(second[_IMAGES], first[_IMAGES])
        rows.append(
            [
                record.precision.value,
                f"{number(first[_IMAGES])}, {number(_gibibytes(first), 2)} GiB",
                f"{number(second[_IMAGES])}, {number(_gibibytes(second), 2)} GiB",
                number(against, 3),
                reach(against, 3),
            ]
        )
    return table(["precision", alone, together, "median of pairs", "range"], rows)


def _roofline(records: Sequence[Record]) -> str:
    rows = []
    for record in records:
        step, product = (record.of(name, "operations_per_second") for name in (BARE_STEP, "matrix product"))
        share = [100 * ratio for ratio in ratios(step, product)]
        rows.append(
            [
                record.precision.value,
                f"{record.facts['operations_per_image'] / 1e9:.2f}",
                number([each / 1e9 for each in step], 0),
                number([each / 1e9 for each in product], 0),
                number(share, 0),
                reach(share, 0),
            ]
        )
    head = ["precision", "GFLOP an image", "bare step, GFLOP/s", "matrix product, GFLOP/s", "share, %", "range"]
    return table(head, rows)


def _seed_run(records: Sequence[Record]) -> str:
    rows = []
    for record in records:
        numbers = record.numbers[OURS]
        rows.append([record.precision.value, number([each / 60 for each in numbers["seconds"]]), *_gpu(numbers)])
    return table(["precision", "minutes", "GPU at work", "GPU memory, GiB"], rows)


_WORK = f"ResNet-18 on CIFAR-10 at {IMAGE_SIZE} px, batch {BATCH_SIZE}"
_SECTIONS: dict[Part, tuple[str, str, Callable[[Sequence[Record]], str]]] = {
    Part.PEERS: (
        "Against other programs",
        f"""{_WORK}: bilinear upsampling, random crop and flip, momentum 0.9, weight decay 1e-4 on kernels. {OURS} is
`main.py` with configs/seed.flags: input, hooks and summaries at their defaults, but that it says ten steps' progress
where the seed run says two hundred's. The others are in `benchmarks/peers/`. All take turns; each is timed from
outside, by the lines that it prints, once it has warmed up. Above 1, {OURS} is the faster.""",
        _peers,
    ),
    Part.OVERHEAD: (
        "What the loop costs",
        """Whole training against its own step: the same graph over one batch that stays in memory, in a session without
hooks or input. Below zero, the machine wavered by more than the loop costs.""",
        _overhead,
    ),
    Part.INPUT: (
        "The input pipeline alone",
        "Training batches as fast as they come: all cores make them, and nothing else is done.",
        _input,
    ),
    Part.EVALUATION: (
        "Evaluation",
        f"""From the end of a step to the metrics, in a training run: the checkpoint, the graph and its session, and
{EVALUATED:,} images.""",
        _evaluation,
    ),
    Part.START: (
        "From the command to the first step",
        "The data set stands prepared. From the start of `main.py` to the end of the first update.",
        _start,
    ),
    Part.BATCH_SIZE: ("Cost against batch size", "Whole training, one flag changed.", _over("`--batch_size`")),
    Part.IMAGE_SIZE: (
        "Cost against image size",
        "Whole training, one flag changed. Memory grows with the pixels, and so does the time, once they are many.",
        _over("`--image_size`"),
    ),
    Part.DEPTH: ("Cost against depth", "Whole training, one flag changed.", _over("`--network`")),
    Part.ACCUMULATION: (
        "Cost of gradient accumulation",
        f"Whole training, the {BATCH_SIZE} examples of a step one slice after the other.",
        _over("`--accumulate_steps`"),
    ),
    Part.WORKERS: (
        "Two workers on the same cores",
        """`python -m cluster.local --workers=2 --no-evaluator` against one process, images/s. They share one machine's
cores, so what they lose is the cost of working together.""",
        _workers,
    ),
    Part.ROOFLINE: (
        "Against the hardware's limit",
        """Multiplications and additions of convolutions and dense layers, forward and backward, counted from their
shapes, over the time of the bare step; and a product of two 4096 x 4096 matrices by the same library, best of five.
Arithmetic that a faster way to the same result saves is counted all the same.""",
        _roofline,
    ),
    Part.SEED_RUN: (
        "The seed run",
        "`configs/seed.flags` from the command to its end, evaluations and report included.",
        _seed_run,
    ),
}

"""What each level of --summaries costs, in images/s and in megabytes. Writes SUMMARIES.md beside this file.

    python -m benchmarks.summaries [--name=value of main.py ...]

Flags are handed on to every run, such as --data_dir of a prepared CIFAR-10. Leave the machine alone meanwhile.
"""

import dataclasses
import datetime
import itertools
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing import event_accumulator

from benchmarks import machine
from benchmarks.commands import BATCH_SIZE
from settings import SummaryLevel
from summaries import tags

LEVELS = [level.value for level in SummaryLevel]
ROUNDS = 4
SEED_STEPS, SEED_INTERVAL = 20_000, 200  # Of configs/seed.flags.
SEED_PICTURES, SEED_HISTOGRAMS = SEED_STEPS // 10, SEED_STEPS // 20  # By the flags' defaults.
# Two hundred times as many scalars as in the seed run, and many times as many pictures and histograms: what a level
# costs there is far below what is seen here, and below what a machine's speed wavers by.
STEPS, PICTURES, HISTOGRAMS = 50, 20, 15
DENSE = [f"--train_steps={STEPS}", "--boundaries=30", "--summary_interval=1", f"--image_interval={PICTURES}"]
DENSE += [f"--histogram_interval={HISTOGRAMS}", f"--evaluation_interval={STEPS}", "--validation_split=test[:64]"]
NEAR = 4  # Steps before and after a writing that it is compared with.
FIRST, LAST = 5, 45  # Steps between which is timed: no start of TensorFlow in it, and no checkpoint.
# As many points, pictures, histograms and evaluations as in the seed run's 20,000 steps, in 100. The batch is smaller,
# but no picture shows more of it.
SEED_COUNTS = ["--train_steps=100", "--boundaries=60", "--summary_interval=1", "--evaluation_interval=5"]
SEED_COUNTS += ["--batch_size=16", "--validation_split=test[:200]"]


@dataclasses.dataclass(frozen=True)
class Writing:
    """What it costs to write something once, and how often the seed run does. `levels`: those that write it."""

    what: str
    milliseconds: float
    interval: int
    step_seconds: float
    levels: Sequence[str]

    @property
    def share(self) -> float:
        """Of the time of all steps."""
        return self.milliseconds / 1000 / (self.interval * self.step_seconds)


def main(handed_on: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        times: dict[str, list[np.ndarray]] = {level: [] for level in LEVELS}
        # Each round starts at another level, so that no level always follows the same one.
        orders = itertools.islice(itertools.cycle([LEVELS, LEVELS[1:] + LEVELS[:1], LEVELS[2:] + LEVELS[:2]]), ROUNDS)
        for number, levels in enumerate(orders, start=1):
            for level in levels:
                times[level].append(_step_seconds(_train(folder, level, [*DENSE, *handed_on])))
            told = ", ".join(f"{level} {_images_per_second(times[level][-1]):.1f}" for level in LEVELS)
            print(f"round {number} of {ROUNDS}, images/s: {told}", flush=True)
        print("Event files of a run with as many points as the seed run ...", flush=True)
        megabytes = {level: _megabytes(_train(folder, level, [*SEED_COUNTS, *handed_on])) for level in LEVELS}
    page = _page(times, megabytes, handed_on)
    (Path(__file__).parent / "SUMMARIES.md").write_text(page)
    print(page)


def _train(folder: str, level: str, arguments: Sequence[str]) -> Path:
    model_dir = Path(folder) / level
    command = [sys.executable, "main.py", "--flagfile=configs/seed.flags", f"--summaries={level}", *arguments]
    command += [f"--model_dir={model_dir}", "--overwrite"]
    subprocess.run(command, cwd=machine.ROOT, check=True, stdout=subprocess.DEVNULL)
    return model_dir


def _step_seconds(model_dir: Path) -> np.ndarray:
    """Of steps FIRST + 1 to LAST, by the clock on the wall: hooks and the writing of summaries are in it."""
    record = event_accumulator.EventAccumulator(str(model_dir)).Reload()
    written = {event.step: event.wall_time for event in record.Scalars(tags.LOSS)}
    return np.diff([written[step] for step in range(FIRST, LAST + 1)])


def _images_per_second(seconds: np.ndarray) -> float:
    return BATCH_SIZE / float(seconds.mean())


def _extra_milliseconds(runs: Sequence[np.ndarray], interval: int, *, but_not: int) -> float:
    """What one writing of what has this interval takes, median; where nothing of the other interval is written."""
    due = [step for step in range(FIRST + 1, LAST) if step % interval == 0 and step % but_not]
    extra = []
    for run in runs:
        for step in due:
            # What is fetched for it comes before the curve's point of its step, what is drawn of it after.
            place = step - FIRST - 1
            # The steps around it, as a machine that others use has slow and fast stretches.
            usual = np.median([*run[max(0, place - NEAR) : place], *run[place + 2 : place + 2 + NEAR]])
            extra.append(run[place] + run[place + 1] - 2 * usual)
    return 1000 * float(np.median(extra))


def _megabytes(model_dir: Path) -> float:
    return sum(path.stat().st_size for path in model_dir.rglob("events.out.tfevents.*")) / 1e6


def _page(times: Mapping[str, Sequence[np.ndarray]], megabytes: Mapping[str, float], handed_on: Sequence[str]) -> str:
    writings = _writings(times)
    command = shlex.join(["python", "-m", "benchmarks.summaries", *machine.without_places(handed_on)])
    totals = [
        f"| `{level}` | {sum(each.share for each in writings if level in each.levels):.2%} | {megabytes[level]:.1f} |"
        for level in LEVELS
    ]
    return f"""# What summaries cost

Written by `{command}`, {datetime.date.today()}, commit {machine.commit()}, {machine.this_machine().device}.

| `--summaries` | of the time of the seed run's steps, beyond `minimal` | MB of the seed run's event files |
|---|---|---|
{chr(10).join(totals)}

The time cannot be seen in the run itself, whose speed wavers by more: it is the sum of what single writings cost, as
measured below. What evaluations draw makes those longer, not steps.

MB are of a run that writes as many points, pictures, histograms and evaluations as the {SEED_STEPS:,} steps of
`configs/seed.flags`.

## Measured with everything written far too often

| `--summaries` | images/s, median | range | against `minimal`, median of pairs | range |
|---|---|---|---|---|
{chr(10).join(_speeds(times))}

ResNet-18 at 96 px, batch {BATCH_SIZE}, {ROUNDS} runs of each level in turn, by the clock on the wall over steps
{FIRST + 1} to {LAST}, so that hooks and writing are in it. Scalars are written at every step, pictures every
{PICTURES} steps and histograms every {HISTOGRAMS}; in the seed run every {SEED_INTERVAL}, {SEED_PICTURES} and
{SEED_HISTOGRAMS}.

| one writing of | ms | every so many steps of the seed run | of the time of its steps |
|---|---|---|---|
{chr(10).join(f"| {each.what} | {each.milliseconds:.0f} | {each.interval} | {each.share:.3%} |" for each in writings)}

By the median step of {1000 * _median_step(times, LEVELS[0]):.0f} ms; a negative number is the machine's wavering.
"""


def _speeds(times: Mapping[str, Sequence[np.ndarray]]) -> list[str]:
    speeds = {level: [_images_per_second(run) for run in runs] for level, runs in times.items()}
    rows = []
    for level in LEVELS:
        ratios = [speed / other for speed, other in zip(speeds[level], speeds[LEVELS[0]], strict=True)]
        rows.append(
            f"| `{level}` | {statistics.median(speeds[level]):.1f}"
            f" | {min(speeds[level]):.1f} to {max(speeds[level]):.1f}"
            f" | {statistics.median(ratios):.3f} | {min(ratios):.3f} to {max(ratios):.3f} |"
        )
    return rows


def _writings(times: Mapping[str, Sequence[np.ndarray]]) -> list[Writing]:
    base = _median_step(times, "minimal")
    scalars = 1000 * (_median_step(times, "standard") - base)
    pictures = _extra_milliseconds(times["standard"], PICTURES, but_not=STEPS)
    histograms = _extra_milliseconds(times["full"], HISTOGRAMS, but_not=PICTURES)
    return [
        Writing("scalars, beyond those of `minimal`", scalars, SEED_INTERVAL, base, LEVELS[1:]),
        Writing("pictures", pictures, SEED_PICTURES, base, LEVELS[1:]),
        Writing("histograms", histograms, SEED_HISTOGRAMS, base, LEVELS[2:]),
    ]


def _median_step(times: Mapping[str, Sequence[np.ndarray]], level: str) -> float:
    """Seconds."""
    return float(np.median(np.concatenate(times[level])))


if __name__ == "__main__":
    main(sys.argv[1:])

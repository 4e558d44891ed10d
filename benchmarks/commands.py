"""The command lines of what is measured: this project's training, probes of its pieces, and the peers."""

import dataclasses
from pathlib import Path

from benchmarks.results import Precision

PEERS = Path(__file__).parent / "peers"
BATCH_SIZE, IMAGE_SIZE = 64, 96
SAID_EVERY = 10  # Steps; the seed run says something every 200.
OURS = "Stepdown"
# PyTorch's own advice for CPUs is an allocator that keeps freed memory; glibc's can be told to, and to use huge pages.
# It takes eager steps in bfloat16 from 114 to 140 images/s (one round of 20 steps, 2 busy cores, 2.13.0).
_KEEPING_MEMORY = "GLIBC_TUNABLES=" + ":".join(
    ["glibc.malloc.hugetlb=1", "glibc.malloc.mmap_threshold=4294967296", "glibc.malloc.trim_threshold=8589934592"]
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How to measure.

    Steps `warmup_steps` + 1 to `last_step` are timed. `flags` are handed on to every run of this project, such as
    --data_dir. `data` is a file with the training split for the peers, and `folder` takes what runs write.
    `python` runs this project and Keras, `peers_python` PyTorch. `gpu`: there is one, and one is what all train on.
    """

    python: str
    peers_python: str
    precision: Precision
    rounds: int
    warmup_steps: int
    timed_steps: int
    flags: tuple[str, ...]
    folder: Path
    gpu: bool

    @property
    def last_step(self) -> int:
        return self.warmup_steps + self.timed_steps

    @property
    def data(self) -> Path:
        return self.folder / "examples.npz"


def training(plan: Plan, *flags: str) -> list[str]:
    """This project's real training, as configs/seed.flags has it: input, hooks, summaries, all at their defaults."""
    return [*seed_run(plan), f"--summary_interval={SAID_EVERY}", *flags]


def seed_run(plan: Plan) -> list[str]:
    """configs/seed.flags as it is, to its end."""
    return [plan.python, "main.py", *_experiment(plan), "--overwrite"]


def on_processors(plan: Plan) -> list[str]:
    """`training` that sees no GPU."""
    return ["env", "CUDA_VISIBLE_DEVICES=-1", *training(dataclasses.replace(plan, gpu=False))]


def cluster(plan: Plan, workers: int) -> list[str]:
    """The same by several workers on this machine's processors, without an evaluator beside them."""
    handed_on = training(dataclasses.replace(plan, gpu=False))[2:]
    return [plan.python, "-m", "cluster.local", f"--workers={workers}", "--no-evaluator", "--", *handed_on]


def probe(plan: Plan, name: str, *, steps: int) -> list[str]:
    """A piece of this project by itself; see probes/."""
    return [plan.python, "-m", f"benchmarks.probes.{name}", f"--steps={steps}", *_experiment(plan)]


def examples(plan: Plan) -> list[str]:
    """Writes `plan.data`."""
    return [plan.python, "-m", "benchmarks.probes.examples", f"--output={plan.data}", *_experiment(plan)]


def input_wait(plan: Plan) -> list[str]:
    """Tells of the last run of `training`."""
    return [plan.python, "-m", "benchmarks.probes.input_wait", f"--model_dir={plan.folder / 'run'}"]


def matrix_product(plan: Plan) -> list[str]:
    return [plan.python, "-m", "benchmarks.probes.matrix_product", f"--precision={plan.precision.value}"]


def peers(plan: Plan) -> dict[str, list[str]]:
    """Programs that do the same work as `training`, by name."""
    options = [
        f"--data={plan.data}",
        f"--steps={plan.last_step}",
        f"--precision={plan.precision.value}",
        f"--batch_size={BATCH_SIZE}",
        f"--image_size={IMAGE_SIZE}",
    ]
    pytorch = ["env", _KEEPING_MEMORY, plan.peers_python, str(PEERS / "pytorch.py"), *options]
    return {
        "PyTorch": pytorch,
        "PyTorch, compiled": [*pytorch, "--compile"],
        "Keras": [plan.python, str(PEERS / "keras_fit.py"), *options],
    }


def _experiment(plan: Plan) -> list[str]:
    precision = f"--precision={plan.precision.value}"
    gpu = ["--num_gpus=1"] if plan.gpu else []
    return ["--flagfile=configs/seed.flags", precision, *gpu, f"--model_dir={plan.folder / 'run'}", *plan.flags]

"""What the numbers were measured on, and what with."""

import dataclasses
import importlib.metadata
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
_OWN_FILES = [f":(exclude)benchmarks/{name}" for name in ("*.md", "*.png", "results.json")]
_GIBIBYTE = 2**30


@dataclasses.dataclass(frozen=True)
class Machine:
    """Where a program runs. `gpus`: names, as the driver has them."""

    processor: str
    cores: int
    memory_gib: int
    gpus: tuple[str, ...]

    @property
    def device(self) -> str:
        """What trains, in a few words."""
        return ", ".join(self.gpus) or f"{self.cores} cores of {self.processor}"

    def __str__(self) -> str:
        gpus = f"; {', '.join(self.gpus)}" if self.gpus else ""
        return f"{self.cores} cores of {self.processor}, {self.memory_gib} GiB of memory{gpus}"


def this_machine() -> Machine:
    """The one that this process runs on."""
    memory = round(psutil.virtual_memory().total / _GIBIBYTE)
    return Machine(_processor(), psutil.cpu_count() or 1, memory, tuple(nvidia_smi("name")))


def nvidia_smi(query: str) -> list[str]:
    """One answer a GPU, such as "NVIDIA A100"; none where there is no GPU, or no driver."""
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def commit() -> str:
    """The short name of the commit that is checked out, and whether files differ from it."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        return "unknown"
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", *_OWN_FILES], cwd=ROOT).returncode
    return done.stdout.strip() + (" with changes" if changed else "")


def without_places(flags: Sequence[str]) -> list[str]:
    """Flags as another machine can be given them: DIR for each directory."""
    return [f"{name}=DIR" if (name := flag.partition("=")[0]).endswith("_dir") else flag for flag in flags]


def versions(peers_python: str | None) -> dict[str, str]:
    """Of Python, TensorFlow and, if it is in that environment, PyTorch."""
    found = {"Python": platform.python_version()}
    for name in ("tensorflow", "keras", "numpy"):
        found[name] = importlib.metadata.version(name)
    if peers_python:
        asked = "import importlib.metadata as m; print(m.version('torch'))"
        done = subprocess.run([peers_python, "-c", asked], capture_output=True, text=True)
        if done.returncode == 0:
            found["torch"] = done.stdout.strip()
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()

"""Jobs that run cluster/slurm/train.sbatch on a Slurm of the tests' own."""

import re

from tests.common import ROOT
from tests.slurm.cluster import wait_until

_ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}


class Job:
    """A job, or one task of an array: what Slurm knows of it, and what it said."""

    def __init__(self, slurm, name, folder):
        self._slurm, self.name, self._folder = slurm, name, folder

    def cancel(self):
        self._slurm.run("scancel", self.name)

    def stop(self):
        """What Slurm does some time before the end of the job's time."""
        self._slurm.run("scancel", "--batch", "--signal=USR1", self.name)

    def limit(self, minutes):
        """Gives it another time limit, or "UNLIMITED"."""
        self._slurm.run("scontrol", "update", f"jobid={self.name}", f"timelimit={minutes}")

    def tasks(self, *numbers):
        """The jobs of an array."""
        return [Job(self._slurm, f"{self.name}_{number}", self._folder) for number in numbers]

    @property
    def configuration(self):
        """What tells the processes of its Slurm from another's: their SLURM_CONF."""
        return self._slurm.configuration

    def fields(self):
        """What `scontrol show job` says, such as JobState, Restarts and ExitCode."""
        return dict(re.findall(r"(\w+)=(\S*)", self._slurm.run("scontrol", "show", "job", self.name)))

    def finish(self, *, seconds=240):
        """Waits for its end. Returns state, exit status and how often it was started again."""

        def ended():
            fields = self.fields()
            return fields if fields["JobState"] in _ENDED else None

        fields = wait_until(ended, self.said, seconds=seconds)
        return fields["JobState"], int(fields["ExitCode"].split(":")[0]), int(fields["Restarts"])

    def wait_for(self, pattern, *, task=None, seconds=240):
        """The match of a pattern in what the job says, or what one of its tasks says."""
        path = self.log if task is None else self.log_of(task)

        def found():
            return re.search(pattern, path.read_text() if path.exists() else "", re.M)

        return wait_until(found, lambda: f"{pattern!r} in {path}\n{self.said()}", seconds=seconds)

    @property
    def log(self):
        return self._folder / f"{self.name}.out"

    def log_of(self, task):
        return self._folder / f"slurm-{self.name}" / f"task-{task}.log"

    def said(self):
        """All that there is to read of it."""
        paths = [self.log, *sorted((self._folder / f"slurm-{self.name}").glob("*.log"))]
        texts = [f"--- {path}\n{path.read_text(errors='replace')[-8000:]}" for path in paths if path.exists()]
        return "\n".join(
            [*texts, f"--- Slurm\n{self._slurm.run('scontrol', 'show', 'job', self.name)}", self._slurm.log()]
        )


def submit(slurm, folder, *arguments, options=(), **environment):
    """Submits train.sbatch: `options` are sbatch's, `arguments` main.py's. Logs go into `folder`."""
    name = "%A_%a" if any(option.startswith("--array") for option in options) else "%j"
    number = slurm.run(
        "sbatch",
        "--parsable",
        f"--chdir={ROOT}",
        f"--output={folder}/{name}.out",
        *options,
        str(ROOT / "cluster/slurm/train.sbatch"),
        *arguments,
        LOGS=str(folder),
        **environment,
    )
    return Job(slurm, number, folder)

"""A real Slurm on this machine, all of whose nodes are this machine, for as long as some tests run.

It needs no root and no configuration: its own munge, ports and folder. Several of them stand side by side.
"""

import contextlib
import getpass
import itertools
import os
import random
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo", "setpriv")
# Names under which any machine finds itself, and tasks of two nodes each other.
NODES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
_PORTS = range(10_000, 20_000)  # A job's tasks take theirs above.
_TRIES = 5  # On a busy machine munge gives up after two seconds.
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# A requeue waits one second longer than credentials live.
AuthInfo=socket={folder}/munge.socket,cred_expire=10
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
JobRequeue=1
ReturnToService=1
SlurmdParameters=config_overrides
MessageTimeout=60
SlurmdTimeout=30
# Seconds for which a job that has ended can be asked for.
MinJobAge=86400
KillWait=60
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=1000 Gres=gpu:2\n"


def missing():
    """The first program that is needed and not installed, or None."""
    return next((program for program in PROGRAMS if _path(program) is None), None)


class Slurm:
    """A controller and three nodes with two processors and two pretended GPUs each. A context manager."""

    def __init__(self):
        # Not pytest's: what munge and slurmd talk through needs a short path, and one that others may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.configuration = str(self.folder / "slurm.conf")
        self._environment = {**os.environ, "SLURM_CONF": self.configuration}
        self._daemons = []
        self._nodes = {}

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_):
        self._stop()

    def run(self, *command, **environment):
        """What a command of Slurm's prints."""
        for tries_left in reversed(range(_TRIES)):
            done = subprocess.run(
                command, env={**self._environment, **environment}, capture_output=True, text=True, timeout=240
            )
            if done.returncode == 0 or not tries_left:
                break
            time.sleep(1)
        assert done.returncode == 0, f"{command}: {done.stderr}\n{self.log()}"
        return done.stdout.strip()

    def log(self):
        """The end of what the daemons say."""
        return "\n".join((self.folder / "daemons.log").read_text().splitlines()[-20:])

    def start_node(self, name):
        """Starts a node, or starts it again, and waits until it can be used."""
        self._nodes[name] = self._daemon("slurmd", "-D", "-N", name)
        wait_until(lambda: self._is_idle(name), self.log)

    def kill_node(self, name):
        """What becomes of a machine without power: all that is Slurm's on it is gone, without a word."""
        tasks = [process for process in self._left() if process.environ().get("SLURMD_NODENAME") == name]
        self._nodes.pop(name).kill()
        for process in [*(task.parent() for task in tasks), *tasks]:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _start(self):
        self.folder.chmod(0o755)
        self._configure()
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(128))
        files = {"socket": "munge.socket", "key-file": key.name, "pid-file": "munge.pid", "seed-file": "munge.seed"}
        self._daemon("munged", "--foreground", *(f"--{name}={self.folder / file}" for name, file in files.items()))
        wait_until((self.folder / "munge.socket").exists, lambda: "munge does not start")
        self._daemon("slurmctld", "-D")
        for node in NODES:
            self.start_node(node)

    def _configure(self):
        (self.folder / "state").mkdir()
        host, user = socket.gethostname(), getpass.getuser()
        port, *ports = _free_ports(1 + len(NODES))
        configuration = _CONFIGURATION.format(folder=self.folder, host=host, port=port, user=user)
        nodes = [_NODE.format(name=name, host=host, port=port) for name, port in zip(NODES, ports, strict=True)]
        Path(self.configuration).write_text(configuration + "".join(nodes))
        devices = [f"NodeName={name} Name=gpu File=/dev/{file}\n" for name in NODES for file in ("null", "zero")]
        (self.folder / "gres.conf").write_text("".join(devices))

    def _daemon(self, program, *arguments):
        # In a session of its own, so that Ctrl-C leaves it to `_stop`; and it ends where pytest itself is killed.
        command = ["setpriv", "--pdeathsig", "TERM", _path(program), *arguments]
        with (self.folder / "daemons.log").open("a") as log:
            daemon = subprocess.Popen(command, env=self._environment, start_new_session=True, stdout=log, stderr=log)
        self._daemons.append(daemon)
        return daemon

    def _is_idle(self, node):
        assert self._nodes[node].poll() is None, self.log()
        command = ["sinfo", "--noheader", f"--nodes={node}", "--format=%T"]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=60)
        return done.stdout.strip() == "idle"

    def _stop(self):
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        while left := self._left():
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left(self):
        """Tasks of jobs, and who watches them: they outlive the daemons."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SLURM_CONF") == self.configuration:
                    found.append(process)
        return found


def wait_until(condition, what, *, seconds=240):
    """The first true value of `condition()`, asked four times a second. `what()` says what was there instead."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not seen within {seconds} s:\n{what()}"
        time.sleep(0.25)
    return found


def _free_ports(count):
    """Ports that nobody listens to. Drawn, so that several of these at a time draw different ones."""
    drawn = random.SystemRandom().sample(_PORTS, len(_PORTS))
    return list(itertools.islice(filter(_is_free, drawn), count))


def _is_free(port):
    with socket.socket() as each, contextlib.suppress(OSError):
        each.bind(("", port))
        return True
    return False


def _path(program):
    # Daemons stand where an ordinary user's PATH does not look.
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")

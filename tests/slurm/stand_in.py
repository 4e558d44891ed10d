"""Stands in for the interpreter of a Slurm task: notes how it was called, and ends as STAND_IN says.

STAND_IN has a word for each rank, of each start of the job, as in `75,75;0,0`: a status to end with; `kill` to die of
SIGKILL; `wait` to wait for a signal and then end with 75, the higher the rank the later. Starts without words of their
own have those of the last. STAND_IN_2 goes before it in task 2 of an array.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

LONGEST = 300  # seconds that it lives where nobody ends it
SECONDS = 2.0  # from one rank's end to the next one's, after a signal


def main():
    start, rank = int(os.environ.get("SLURM_RESTART_COUNT", 0)), int(os.environ["SLURM_PROCID"])
    seed = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    starts = os.environ.get(f"STAND_IN_{seed}", os.environ["STAND_IN"]).split(";")
    word = starts[min(start, len(starts) - 1)].split(",")[rank]
    note = {"arguments": sys.argv[1:], "environment": dict(os.environ)}
    Path(os.environ["NOTES"], f"{seed}-{start}-{rank}".lstrip("-")).write_text(json.dumps(note))
    signal.alarm(LONGEST)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda number, _: print(signal.Signals(number).name))
    print(f"start {start}, rank {rank}")
    if word == "wait":
        signal.pause()
        time.sleep(rank * SECONDS)
        print("a checkpoint is written")
        word = "75"
    if word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(int(word))


if __name__ == "__main__":
    main()

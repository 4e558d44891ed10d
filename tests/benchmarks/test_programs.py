import os
import subprocess
import sys
import time

import pytest

from benchmarks import programs
from benchmarks.programs import Line, ProgramFailed, Said, step_of
from benchmarks.watch import Sample, Watch


def run(code, **arguments):
    return programs.run([sys.executable, "-uc", code], **arguments)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("step 20/20000: loss 2.3, learning rate 0.1, 160 images/s, 2:00:00 left", 20),
        ("step 20 of 80: loss 2.3", 20),
        ("chief    | step 7/90: loss 2.3", 7),
        ("step 20: validation loss 2.3, accuracy 10.00%", None),
        ("20,000 steps of 64 examples", None),
        ("a misstep 3 of 4", None),
    ],
)
def test_a_line_tells_of_a_step(text, step):
    assert step_of(text) == step


def test_what_a_program_says_is_stamped():
    said = run("import time; print('parameters 42'); print('step 10 of 20'); time.sleep(0.2); print('step 20 of 20')")
    steps = said.steps()
    assert said.facts() == {"parameters": 42}
    assert 0 < steps[10] < steps[20] - 0.15


def test_memory_is_that_of_a_program_and_its_children():
    holding = "held = bytearray(b'1') * (64 << 20); print('held', flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holding!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == "held\n"
        watch = Watch(parent.pid, gpus=False)
        watch.start()
        watch.stop()
        parent.communicate("\n")
    assert 64 < Said((), tuple(watch.samples), started=0.0).peak_memory_mib() < 256


def test_a_program_ends_with_its_children_once_it_has_come_far_enough():
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('child', child.pid); print('step 1 of 9'); time.sleep(600)"
    )
    said = run(code, until=lambda text: step_of(text) == 1)
    child = int(said.lines[0].text.split()[1])
    deadline = time.monotonic() + 60
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid):
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"  # Nobody waits for an orphan in a container.
    except OSError:
        return False


def test_a_program_may_write_what_it_has_to_before_it_ends(tmp_path):
    code = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(tmp_path / 'kept')!r}, 'w').close(), sys.exit(75)))\n"
        "print('step 1 of 9'); time.sleep(600)"
    )
    run(code, until=lambda text: step_of(text) == 1)
    assert (tmp_path / "kept").exists()


def test_a_program_that_fails_is_quoted():
    with pytest.raises(ProgramFailed, match="ended early: .*no such GPU"):
        run("raise SystemExit('no such GPU')")


def test_a_program_that_ends_before_the_step_that_was_waited_for_has_failed():
    with pytest.raises(ProgramFailed, match="step 1 of 9"):
        run("print('step 1 of 9')", until=lambda text: step_of(text) == 9)


def test_usage_is_that_between_two_times():
    samples = tuple(
        Sample(100 + t, memory_mib=100 * t, busy=busy, own=own, gpu_share=share, gpu_memory_mib=1000 * t)
        for t, busy, own, share in [(0, 0, 0, 0.0), (1, 2, 0, 0.5), (3, 5, 2, 0.7), (9, 99, 2, 0.0)]
    )
    said = Said((Line(1.0, "step 10 of 20"), Line(3.5, "step 20 of 20")), samples, started=100)
    usage = said.usage(1.0, 3.5, cores=2)
    # Of 2 cores and 2 seconds, 3 processor seconds were busy, and 2 of these the program's own.
    assert usage == pytest.approx({"others": 0.25, "gpu_share": 0.6, "gpu_memory_mib": 3000})
    assert said.peak_memory_mib() == 900

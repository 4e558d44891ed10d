import re
from pathlib import Path

import pytest

from benchmarks import commands, figure, run
from benchmarks.commands import Plan
from benchmarks.measuring import BARE_STEP, WHOLE_RUN, check_same_network
from benchmarks.page import page
from benchmarks.programs import ProgramFailed
from benchmarks.results import Part, Precision
from tests.benchmarks.records import make_record, speeds

NUMBERS = {
    Part.PEERS: make_record().numbers,
    Part.OVERHEAD: {WHOLE_RUN: speeds(97.0, 99.0, input_wait_share=[0.001, 0.002]), BARE_STEP: speeds(100.0, 100.0)},
    Part.INPUT: {"input pipeline": speeds(4000.0, processor_milliseconds_per_batch=[20.0])},
    Part.EVALUATION: {"first of a run": speeds(300.0, seconds=[8.0]), "a later one": speeds(350.0, seconds=[7.0])},
    Part.START: {"Stepdown": {"seconds": [12.0, 14.0, 13.0]}},
    Part.BATCH_SIZE: {"16": speeds(80.0), "64": speeds(160.0)},
    Part.IMAGE_SIZE: {"32": speeds(800.0), "96": speeds(160.0)},
    Part.DEPTH: {"resnet18": speeds(160.0), "resnet50": speeds(50.0)},
    Part.ACCUMULATION: {"1": speeds(160.0), "4": speeds(150.0)},
    Part.WORKERS: {"1 process": speeds(160.0), "2 workers": speeds(120.0)},
    Part.ROOFLINE: {BARE_STEP: {"operations_per_second": [3e11]}, "matrix product": {"operations_per_second": [4e11]}},
    Part.SEED_RUN: {"Stepdown": {"seconds": [6000.0], "others": [0.25]}},
}


def rows(text, title):
    """Of the first table below a heading, cells by row; the head is the first."""
    lines = text.split(f"### {title}\n")[1].splitlines()
    found = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    return [found[0], *found[2:]]


def test_every_part_has_a_section_that_says_where_it_comes_from():
    text = page([make_record(part=part, numbers=numbers, command=f"run {part}") for part, numbers in NUMBERS.items()])
    assert set(NUMBERS) == set(Part)
    assert text.count("### ") == len(Part)
    for part in Part:
        assert f"2024-01-01, commit abc1234, by `run {part}`" in text
    assert "Other programs had 25% to 25% of the processor meanwhile." in text


def test_peers_are_compared_pair_by_pair():
    found = rows(page([make_record()]), "Against other programs")
    assert found[1][:6] == ["float32", "Stepdown", "100.0", "90.0 to 110.0", "1.000", "1.000 to 1.000"]
    # 100 / 80, 110 / 100, 90 / 100: their median is not the ratio of the medians.
    assert found[2][:6] == ["float32", "PyTorch", "100.0", "80.0 to 100.0", "1.100", "0.900 to 1.250"]
    assert found[2][6] == "1.00"


def test_a_gpu_has_columns_of_its_own():
    on_gpu = speeds(5000.0, gpu_share=[0.5], gpu_memory_mib=[2048.0])
    found = rows(page([make_record(numbers={"Stepdown": on_gpu, "PyTorch": speeds(1.0)})]), "Against other programs")
    assert found[0][-2:] == ["GPU at work", "GPU memory, GiB"]
    assert found[1][-2:] == ["50%", "2.00"]
    assert "GPU" not in page([make_record()])


def test_overhead_is_what_is_missing_to_the_bare_step():
    found = rows(page([make_record(part=Part.OVERHEAD, numbers=NUMBERS[Part.OVERHEAD])]), "What the loop costs")
    assert found[1] == ["float32", "98.0", "100.0", "2.00", "1.00 to 3.00", "0.15"]


def test_the_roofline_is_a_share_of_the_product():
    text = page([make_record(part=Part.ROOFLINE, numbers=NUMBERS[Part.ROOFLINE])])
    assert rows(text, "Against the hardware's limit")[1] == ["float32", "2.00", "300", "400", "75", "75 to 75"]


def test_precisions_stand_side_by_side():
    records = [
        make_record(part=Part.BATCH_SIZE, numbers=NUMBERS[Part.BATCH_SIZE]),
        make_record(part=Part.BATCH_SIZE, numbers={"64": speeds(200.0)}, precision=Precision.BFLOAT16),
    ]
    found = rows(page(records), "Cost against batch size")
    assert found[1] == ["16", "80.0", "80.0 to 80.0", "12.50", "1.00", "", "", "", ""][: len(found[1])]
    assert found[2] == ["64", "160.0", "160.0 to 160.0", "6.25", "1.00", "200.0", "200.0 to 200.0", "5.00", "1.00"]


def test_machines_do_not_mix():
    text = page([make_record(), make_record(device="a GPU", machine="a GPU and 16 cores")])
    assert re.findall("^## (.*)$", text, re.M) == ["2 cores of X, 24 GiB of memory", "a GPU and 16 cores"]


def test_a_figure_is_drawn_of_what_there_is(tmp_path):
    path = tmp_path / "cost.png"
    assert not figure.draw([make_record()], path)
    assert not path.exists()
    assert figure.draw([make_record(part=Part.IMAGE_SIZE, numbers=NUMBERS[Part.IMAGE_SIZE])], path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_peers_must_train_the_same_network():
    check_same_network("Keras", 42, 42)
    with pytest.raises(ProgramFailed, match="Keras trains 43 parameters, and Stepdown 42"):
        check_same_network("Keras", 42, 43)


def test_the_page_names_the_command_without_places_of_this_machine():
    told = run.told(["--only=peers", "--peers_python=/opt/x/python"], ["--data_dir=/secret", "--network=resnet8"])
    assert told == "python -m benchmarks.run --only=peers -- --data_dir=DIR --network=resnet8"


def test_a_part_that_fails_leaves_the_others_to_be_measured(monkeypatch, capsys):
    def measured(part, plan):
        if part is Part.START:
            raise ProgramFailed("it ended early")
        return {}, {}

    kept = []
    monkeypatch.setattr(run, "measure", measured)
    monkeypatch.setattr(run, "_keep", lambda record: kept.append(record.part))
    assert run.main(["--only=start,input", "--precision=float32"]) == 1
    assert kept == [Part.INPUT] and "error: it ended early" in capsys.readouterr().err


def test_workers_and_the_process_beside_them_see_no_gpu():
    """`cluster.local` hides GPUs from them, so that none may be asked for."""
    plan = Plan("python", "python", Precision.FLOAT32, 1, 10, 10, (), Path("folder"), gpu=True)
    for command in (commands.on_processors(plan), commands.cluster(plan, 2)):
        assert not any(part.startswith("--num_gpus") for part in command)
    assert "--num_gpus=1" in commands.training(plan)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--peers_python=nowhere"], "error: --peers_python=nowhere is not there; make benchmark sets it up"),
        (["--only=input", "--steps=15"], "error: --warmup_steps and --steps must be multiples of 10"),
    ],
)
def test_a_wrong_option_is_one_line(flags, message, capsys):
    assert run.main(flags) == 2
    assert capsys.readouterr().err.startswith(message)

import subprocess
import sys

import pytest

import flags
import settings
from tests.common import ROOT, run_main


def parse(*arguments, model_dir="run"):
    parsed = flags.parse(["main.py", *([f"--model_dir={model_dir}"] if model_dir else []), *arguments])
    assert parsed is not None
    return parsed


def test_the_defaults_are_the_notebooks_run():
    found = parse().settings
    assert found.mode is settings.Mode.TRAIN_AND_EVALUATE
    assert (found.data.dataset, found.data.image_size) == ("cifar10", 96)
    assert found.model.network is settings.Network.RESNET18
    assert found.model.schedule == settings.PiecewiseConstant(boundaries=(12000,), values=(0.1, 0.01))
    assert (found.model.momentum, found.training.batch_size, found.training.train_steps) == (0.9, 64, 20000)
    assert found.training.summary_interval == 200


def test_seed_flags_spell_out_the_defaults():
    by_file = parse(f"--flagfile={ROOT}/configs/seed.flags", model_dir=None)
    assert by_file.settings == parse(model_dir="runs/seed").settings


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("*.flags")), ids=lambda path: path.name)
def test_every_config_is_valid_and_says_how_to_run_it(config):
    assert parse(f"--flagfile={config}", model_dir=None).settings.model_dir == f"runs/{config.stem}"
    assert f"python main.py --flagfile=configs/{config.name}" in config.read_text()


def test_a_later_flag_wins_and_nothing_is_left_from_an_earlier_command_line():
    assert parse("--batch_size=8", "--batch_size=16").settings.training.batch_size == 16
    assert parse().settings.training.batch_size == 64


def test_values_are_read():
    found = parse(
        "--boundaries=5, 10", "--values=1,0.5,1e-2", "--network=ResNet50", "--overwrite", "--train_steps=11"
    ).settings
    assert found.model.schedule == settings.PiecewiseConstant(boundaries=(5, 10), values=(1.0, 0.5, 0.01))
    assert found.model.network is settings.Network.RESNET50
    assert found.overwrite
    assert parse("--boundaries=", "--values=0.1").settings.model.schedule.boundaries == ()


def test_the_record_holds_every_flag_as_json_has_it():
    found = parse("--network=resnet8")
    assert found.flags["network"] == "resnet8"
    assert found.flags["boundaries"] == [12000]
    assert {"batch_size", "verbosity", "mode", "data_dir"} <= set(found.flags)
    assert "batch_size" in found.hyper_parameters
    assert not {"train_steps", "model_dir", "data_dir", "verbosity"} & set(found.hyper_parameters)


WRONG = [
    (["--bacth_size=8"], "Unknown command line flag 'bacth_size'. Did you mean: batch_size"),
    (["train"], "unexpected argument 'train'"),
    (["--flagfile=missing.flags"], "missing.flags"),
    (["--mode=trian"], "--mode=trian: value should be one of <train_and_evaluate|report>"),
    (["--network=resnet19"], "--network=resnet19"),
    (["--verbosity=loud"], "--verbosity=loud"),
    (["--overwrite=perhaps"], "--overwrite=perhaps: must be true or false"),
    (["--batch_size=0"], "--batch_size=0: must be a whole number at least 1"),
    (["--batch_size=-4"], "--batch_size=-4"),
    (["--batch_size=6.5"], "--batch_size=6.5: must be a whole number"),
    (["--batch_size=many"], "--batch_size=many"),
    (["--batch_size="], "--batch_size="),
    (["--train_steps=0"], "--train_steps=0"),
    (["--summary_interval=0"], "--summary_interval=0"),
    (["--evaluation_interval=-1"], "--evaluation_interval=-1"),
    (["--keep_checkpoints=0"], "--keep_checkpoints=0"),
    (["--seed=-1"], "--seed=-1"),
    (["--image_size=7"], "--image_size=7"),
    (["--image_size=1e9"], "--image_size=1e9"),
    (["--momentum=1"], "--momentum=1: must be a finite number at least 0 and below 1"),
    (["--momentum=nan"], "--momentum=nan"),
    (["--weight_decay=-0.1"], "--weight_decay=-0.1"),
    (["--weight_decay=inf"], "--weight_decay=inf"),
    (["--color_jitter=2"], "--color_jitter=2"),
    (["--values=0.1,0"], "--values=0.1,0: must be comma-separated, and each value a finite number above 0"),
    (["--values=0.1,-1"], "--values=0.1,-1"),
    (["--values=0.1,nan"], "--values=0.1,nan"),
    (["--values=0.1,inf"], "--values=0.1,inf"),
    (["--values=0.1;0.01"], "--values=0.1;0.01"),
    (["--boundaries=0"], "--boundaries=0"),
    (["--boundaries=1.5"], "--boundaries=1.5"),
    (["--boundaries=10,,20", "--values=3,2,1"], "--boundaries=10,,20"),
    (["--values=0.1"], "1 boundaries need 2 values"),
    (["--boundaries=1,2"], "--boundaries=1,2 --values=0.1,0.01: 2 boundaries need 3 values"),
    (["--boundaries=20,10", "--values=3,2,1"], "boundaries must rise"),
    (["--boundaries=10,10", "--values=3,2,1"], "boundaries must rise"),
    (["--boundaries=20000"], "boundary 20000 is not inside the run of --train_steps=20000"),
    (["--train_steps=12000"], "boundary 12000 is not inside the run"),
    (["--cpu_replicas=3"], "--batch_size=64 cannot be split evenly over --cpu_replicas=3; give a multiple of 3"),
    (["--num_gpus=5"], "--batch_size=64 cannot be split evenly over --num_gpus=5"),
    (["--num_gpus=0"], "--num_gpus=0"),
    (["--cpu_replicas=0"], "--cpu_replicas=0"),
    (["--from_step=-1"], "--from_step=-1"),
    (["--from_step=20000"], "--from_step=20000: the report's curves would start past the run of --train_steps=20000"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_a_wrong_flag_is_one_line_that_shows_it(arguments, message):
    with pytest.raises(settings.UserError) as error:
        parse(*arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_model_dir_is_needed():
    with pytest.raises(settings.UserError, match="--model_dir is missing"):
        parse(model_dir=None)


def test_a_wrong_flag_ends_the_program_with_one_line_and_status_2():
    done = run_main("--model_dir=never_made", "--batch_size=0", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: flag --batch_size=0")
    assert done.stderr.count("\n") == 1
    assert not (ROOT / "never_made").exists()


def test_flags_are_checked_before_any_slow_import():
    """TensorFlow takes seconds to import; a wrong flag is to be answered at once."""
    code = "import sys, main; main.main(['main.py', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = done.stdout.splitlines()[-1].split()
    assert not {"tensorflow", "numpy", "matplotlib", "tensorboard"} & set(modules)


def test_help_shows_our_flags_in_groups():
    text = run_main("--help").stdout
    for group in ("Run:", "Data:", "Model:", "Learning rate:", "Training:", "Devices:", "Report:"):
        assert f"\n{group}\n" in text
    assert "--boundaries: Global steps at which the learning rate changes" in text
    assert "one of resnet18, resnet34" in text
    assert len(text.splitlines()) < 150, "the libraries' flags have come in"

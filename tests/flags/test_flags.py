import math
import subprocess
import sys

import pytest

import flags
import settings
from flags.registry import Group
from tests.common import ROOT, run_main

EXAMPLES = 50_000


def command(*arguments, model_dir="run"):
    parsed = flags.parse(["main.py", *([f"--model_dir={model_dir}"] if model_dir else []), *arguments])
    assert parsed is not None
    return parsed


def parse(*arguments, model_dir="run"):
    return flags.experiment(command(*arguments, model_dir=model_dir), num_train_examples=lambda data: EXAMPLES)


def schedule(*arguments):
    return parse(*arguments).settings.model.learning_rate.schedule


def test_the_defaults_are_the_notebooks_run():
    found = parse().settings
    assert command().mode is settings.Mode.TRAIN_AND_EVALUATE
    assert (found.data.dataset, found.data.image_size) == ("cifar10", 96)
    assert found.model.network is settings.Network.RESNET18
    piecewise = settings.PiecewiseConstant(boundaries=(12000,), values=(0.1, 0.01))
    assert found.model.learning_rate == settings.LearningRate(piecewise, warmup=0, scale=1.0)
    assert (found.model.momentum, found.training.batch_size, found.training.train_steps) == (0.9, 64, 20000)
    assert found.training.summary_interval == 200


def test_seed_flags_spell_out_the_defaults():
    by_file = parse(f"--flagfile={ROOT}/configs/seed.flags", model_dir=None)
    assert by_file.settings == parse(model_dir="runs/seed").settings


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("*.flags")), ids=lambda path: path.name)
def test_every_config_is_valid_and_says_how_to_run_it(config):
    found = command(f"--flagfile={config}", model_dir=None)
    runs = flags.comparison(found).runs.values() if found.mode is settings.Mode.COMPARE else [found]
    for run in runs:
        assert not flags.experiment(run, num_train_examples=lambda data: EXAMPLES).unused
    assert found.model_dir == f"runs/{config.stem}"
    assert f"python main.py --flagfile=configs/{config.name}" in config.read_text()


def test_the_recipe_that_is_compared_is_that_of_best_flags():
    """Scaled to a shorter run, as the notebook's is."""
    best = command(f"--flagfile={ROOT}/configs/best.flags", model_dir=None)
    found = flags.comparison(command(f"--flagfile={ROOT}/configs/compare_best.flags", model_dir=None))
    assert found.control == "seed"
    compared = flags.experiment(found.runs["best"], num_train_examples=lambda data: EXAMPLES)
    recipe = flags.experiment(best, num_train_examples=lambda data: EXAMPLES)
    scaled = {"decay_steps": 6000, "warmup": 300}
    assert compared.hyper_parameters == {**recipe.hyper_parameters, **scaled}
    seed = flags.experiment(found.runs["seed"], num_train_examples=lambda data: EXAMPLES)
    assert seed.hyper_parameters == {**parse().hyper_parameters, "boundaries": [3600]}


def test_a_later_flag_wins_and_nothing_is_left_from_an_earlier_command_line():
    assert parse("--batch_size=8", "--batch_size=16").settings.training.batch_size == 16
    assert parse().settings.training.batch_size == 64


def test_values_are_read():
    arguments = ["--boundaries=5, 10", "--values=1,0.5,1e-2", "--network=ResNet50", "--overwrite", "--train_steps=11"]
    assert schedule(*arguments) == settings.PiecewiseConstant(boundaries=(5, 10), values=(1.0, 0.5, 0.01))
    assert parse(*arguments).settings.model.network is settings.Network.RESNET50
    assert command(*arguments).values["overwrite"]
    assert schedule("--boundaries=", "--values=0.1").boundaries == ()


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
    (["--mode=trian"], "--mode=trian: value should be one of <train_and_evaluate|report"),
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
    (["--boundaries=0"], "--boundaries=0 is no time at all"),
    (["--boundaries=1.5"], "--boundaries=1.5"),
    (["--boundaries=120%"], "each value in steps (12000) or epochs (15e) or percent of the run (60%)"),
    (["--boundaries=-3"], "--boundaries=-3"),
    (["--boundaries=1e3"], "--boundaries=1e3"),
    (["--boundaries=100%"], "boundary 20000 is not inside the run"),
    (["--train_steps=50%"], "--train_steps=50%: must be in steps (12000) or epochs (15e)"),
    (["--train_steps=ten"], "--train_steps=ten"),
    (["--summary_interval=0.0e"], "--summary_interval=0e is no time at all"),
    (["--warmup=-1"], "--warmup=-1"),
    (["--warmup=100%"], "--warmup=20000 does not end inside the run of --train_steps=20000"),
    (["--reference_batch_size=0"], "--reference_batch_size=0"),
    (["--learning_rate_schedule=cosin"], "--learning_rate_schedule=cosin"),
    (["--learning_rate=0"], "--learning_rate=0: must be a finite number above 0"),
    (["--learning_rate=-0.1"], "--learning_rate=-0.1"),
    (["--learning_rate=nan"], "--learning_rate=nan"),
    (["--minimum_learning_rate=-1"], "--minimum_learning_rate=-1"),
    (
        ["--learning_rate_schedule=cosine", "--minimum_learning_rate=0.1"],
        "--minimum_learning_rate=0.1 is not below --learning_rate=0.1",
    ),
    (
        ["--learning_rate_schedule=one_cycle", "--rise_steps=80%", "--decay_steps=50%"],
        "--rise_steps=16000 leaves no step of --decay_steps=10000",
    ),
    (["--decay_rate=0"], "--decay_rate=0"),
    (["--decay_steps=0", "--learning_rate_schedule=cosine"], "--decay_steps=0 is no time at all"),
    (["--power=0"], "--power=0"),
    (["--period_factor=0.9"], "--period_factor=0.9"),
    (["--restart_factor=0"], "--restart_factor=0"),
    (["--rise_factor=0.5"], "--rise_factor=0.5"),
    (["--plateau_factor=1"], "--plateau_factor=1"),
    (["--plateau_metric=f1"], "--plateau_metric=f1"),
    (["--plateau_patience=soon"], "--plateau_patience=soon"),
    (["--target_accuracy=70"], "--target_accuracy=70"),
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


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ("12000", 12000),
        ("15e", 11719),
        ("0.5e", 391),
        (".5e", 391),
        ("60%", 12000),
        (" 60% ", 12000),
        ("0.01%", 2),
        ("0.0001%", 1),
    ],
)
def test_durations_are_steps_epochs_or_percent(given, steps):
    """50,000 examples in batches of 64 are 781.25 steps an epoch; the nearest whole step counts."""
    assert schedule(f"--boundaries={given}").boundaries == (steps,)


def test_every_duration_flag_takes_epochs_and_percent():
    found = parse("--train_steps=16e", "--batch_size=50", "--warmup=1e", "--summary_interval=10%", "--boundaries=50%")
    assert found.settings.training.train_steps == 16_000
    assert found.settings.model.learning_rate.warmup == 1000
    assert found.settings.training.summary_interval == 1600
    assert found.hyper_parameters["boundaries"] == [8000], "the record and TensorBoard show steps"


def test_the_data_set_is_asked_only_for_epochs():
    def no_data(data):
        raise AssertionError("asked")

    flags.experiment(command("--boundaries=60%"), num_train_examples=no_data)
    with pytest.raises(AssertionError, match="asked"):
        flags.experiment(command("--boundaries=1e"), num_train_examples=no_data)


def test_each_schedule_is_filled_from_its_flags():
    run = ["--train_steps=1000", "--learning_rate=0.2", "--minimum_learning_rate=0.001"]
    expected = {
        "constant": settings.Constant(0.2),
        "exponential": settings.Exponential(0.2, 0.01, 1000, staircase=False),
        "natural_exponential": settings.NaturalExponential(0.2, math.log(100), 1000, staircase=False),
        "inverse_time": settings.InverseTime(0.2, 99.0, 1000, staircase=False),
        "polynomial": settings.Polynomial(0.2, 0.001, 1000, power=1.0, cycle=False),
        "cosine": settings.Cosine(0.2, 0.001, 1000),
        "cosine_restarts": settings.CosineRestarts(0.2, 0.001, 143, period_factor=2.0, restart_factor=1.0),
        "linear_cosine": settings.LinearCosine(0.2, 0.001, 1000),
        "one_cycle": settings.OneCycle(0.2, 0.001, 1000, rise_steps=300, rise_factor=25.0),
        "plateau": settings.Plateau(0.2, 0.001, 100, 0.1, settings.Metric.LOSS),
    }
    assert {*expected, "piecewise_constant"} == {name.value for name in settings.ScheduleName}
    for name, described in expected.items():
        assert schedule(*run, f"--learning_rate_schedule={name}") == described


def test_the_linear_scaling_rule_follows_the_batch_size():
    assert parse("--batch_size=256", "--reference_batch_size=64").settings.model.learning_rate.scale == 4
    assert parse("--batch_size=256").settings.model.learning_rate.scale == 1


def test_hyper_parameters_are_those_of_the_schedule_in_use():
    """What the schedule does not use may change from one start of a run to the next."""
    found = parse("--learning_rate_schedule=cosine").hyper_parameters
    assert {"learning_rate_schedule", "learning_rate", "decay_steps", "warmup", "reference_batch_size"} <= set(found)
    assert not {"boundaries", "values", "power"} & set(found)


def test_flags_that_the_schedule_does_not_use_are_named():
    assert parse("--learning_rate_schedule=cosine", "--values=1,2", "--power=2").unused == ("power", "values")
    assert parse("--warmup=5").unused == ()


@pytest.mark.parametrize(
    ("argument", "request_"),
    [
        ("--learning_rate=0.003", settings.Request(settings.Action.SET, 0.003)),
        ("--learning_rate_factor=0.1", settings.Request(settings.Action.SCALE, 0.1)),
        ("--release", settings.Request(settings.Action.RELEASE, None)),
    ],
)
def test_a_change_of_a_running_run(argument, request_):
    assert flags.rate_request(command("--mode=set_learning_rate", argument)) == request_


@pytest.mark.parametrize("arguments", [[], ["--norelease"], ["--release", "--learning_rate=1"]])
def test_a_change_is_exactly_one(arguments):
    with pytest.raises(settings.UserError, match="--mode=set_learning_rate with .*: give one of --learning_rate=0.003"):
        flags.rate_request(command(*arguments))


def test_a_range_test_needs_a_range():
    assert flags.range_of_rates(command("--find_steps=50")) == settings.RangeTest(1e-5, 10.0, 50)
    with pytest.raises(settings.UserError, match="--find_smallest=20 is not below --find_largest=10"):
        flags.range_of_rates(command("--find_smallest=20"))


def test_compared_runs_differ_by_their_learning_rate():
    found = flags.comparison(
        command("--seed=7", "--run=slow --learning_rate=0.01 --learning_rate_schedule=constant", "--run=step")
    )
    runs = found.runs
    assert list(runs) == ["slow", "step"]
    assert [run.model_dir for run in runs.values()] == ["run/slow", "run/step"]
    assert {run.values["seed"] for run in runs.values()} == {7}
    assert {run.mode for run in runs.values()} == {settings.Mode.TRAIN_AND_EVALUATE}
    assert runs["slow"].values["learning_rate"] == 0.01
    assert found.control == "slow"


def test_compared_runs_may_differ_by_their_recipe_and_be_measured_against_any_of_them():
    found = flags.comparison(command("--control=plain", "--run=plain", "--run=better --nesterov --mixup=0.2"))
    assert (list(found.runs), found.control) == (["plain", "better"], "plain")
    recipes = [(run.values["nesterov"], run.values["mixup"]) for run in found.runs.values()]
    assert recipes == [(False, 0.0), (True, 0.2)]


def test_without_a_control_a_constant_rate_is_always_compared():
    found = flags.comparison(command("--learning_rate=0.3", "--run=cosine --learning_rate_schedule=cosine"))
    runs = found.runs
    assert (list(runs), found.control) == (["constant", "cosine"], "constant")
    assert runs["constant"].values["learning_rate_schedule"] is settings.ScheduleName.CONSTANT
    assert runs["constant"].values["learning_rate"] == 0.3


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "has nothing to compare"),
        (["a", "a"], "--run=a: two runs have this name"),
        (["--learning_rate=1"], "a run begins with its name"),
        (["../up"], "a run begins with its name"),
        ([" "], "a run begins with its name"),
        (["a 'b"], "no closing quotation"),
        (["a --batch_size=3"], "'--batch_size=3' is no flag of learning rate or recipe"),
        (["a extra"], "'extra' is no flag of learning rate or recipe"),
        (["a --learning_rate=x"], "--learning_rate=x"),
        (["constant --learning_rate_schedule=cosine"], "--run=constant: its schedule is another"),
    ],
)
def test_a_wrong_comparison_is_one_line(runs, message):
    with pytest.raises(settings.UserError) as error:
        flags.comparison(command(*[f"--run={run}" for run in runs]))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_help_shows_our_flags_in_groups():
    text = run_main("--help").stdout
    for group in Group:
        assert f"\n{group.value}:\n" in text
    assert "--boundaries: piecewise_constant: where the rate changes." in text
    assert "one of resnet18, resnet34" in text
    assert len(text.splitlines()) < 400, "the libraries' flags have come in"

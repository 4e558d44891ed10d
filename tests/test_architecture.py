"""The map of rooms, held: imports point one way, and each room keeps to itself what it owns."""

import ast
import dataclasses
import functools
import re

import pytest

import settings
from summaries import tags
from tests.common import ROOT

# Which rooms a room may import. Every room may read settings.
ALLOWED = {
    "settings": set(),
    "locks": set(),
    "control": {"locks"},
    "checkpoints": {"control"},
    "flags": set(),
    "run_record": {"control"},
    "input_fn": {"locks"},
    "summaries": set(),
    "model_fn": {"summaries"},
    "hooks": {"summaries", "model_fn", "control", "checkpoints"},
    "cluster": set(),
    "report": {"summaries"},
    "training": {"input_fn", "model_fn", "hooks", "cluster", "summaries", "control", "checkpoints"},
    "serving": {"input_fn", "model_fn", "checkpoints"},
    "tensorboard_server": set(),
    "modes": {
        "tensorboard_server",
        "flags",
        "run_record",
        "control",
        "cluster",
        "input_fn",
        "model_fn",
        "training",
        "serving",
        "checkpoints",
        "report",
    },
    "main": {"flags", "modes"},
    "benchmarks": {"flags", "modes", "input_fn", "model_fn", "training", "cluster", "summaries"},
}
# Which rooms may import a library.
LIBRARIES = {
    "tensorflow_datasets": {"input_fn"},
    "absl": {"flags"},
    "matplotlib": {"report", "summaries", "benchmarks"},
    "tensorboard": {"report", "summaries", "benchmarks"},
    "tqdm": {"hooks"},
    "tensorflow": {
        "input_fn",
        "model_fn",
        "summaries",
        "hooks",
        "cluster",
        "training",
        "checkpoints",
        "serving",
        "benchmarks",
    },
    "PIL": {"serving", "summaries"},
}


@functools.cache
def sources():
    """(room, path) of every file of the program."""
    own = [path for path in ROOT.iterdir() if path.name not in ("tests", ".venv", ".venv-benchmark", "runs", "data")]
    paths = sorted(path for each in own for path in (each.rglob("*.py") if each.is_dir() else [each]))
    return [(path.relative_to(ROOT).parts[0].removesuffix(".py"), path) for path in paths if path.suffix == ".py"]


@functools.cache
def parsed(path):
    return ast.parse(path.read_text())


def imported(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the room they come from"
            yield node.module


def every_import():
    return [(room, path, name.split(".")[0]) for room, path in sources() for name in imported(path)]


def test_every_room_is_on_the_map():
    assert {room for room, _ in sources()} == set(ALLOWED)


def test_imports_point_one_way():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path, name in every_import()
        if name in ALLOWED and name not in {room, "settings"} | ALLOWED[room]
    ]
    assert not wrong


def test_libraries_stay_in_their_rooms():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path, name in every_import()
        if name in LIBRARIES and room not in LIBRARIES[name]
    ]
    assert not wrong


def test_only_the_edge_reads_the_environment():
    users = {room for room, path in sources() if re.search(r"os\.(environ|getenv)", path.read_text())}
    assert users <= {"main", "cluster"}


def test_only_sources_knows_tfds():
    users = {path.name for _, path in sources() if "tensorflow_datasets" in set(imported(path))}
    assert users <= {"sources.py", "preparing.py", "damage.py", "shapes10.py"}


def test_settings_have_no_defaults():
    for name, kind in vars(settings).items():
        for field in dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ():
            assert field.default is field.default_factory is dataclasses.MISSING, f"{name}.{field.name}"


def tag_values():
    return [value for name, value in vars(tags).items() if name.isupper()]


@pytest.mark.parametrize("tag", tag_values())
def test_a_tag_is_named_in_one_place(tag):
    """In code: no other string constant of the rooms that write is equal to a tag."""
    rooms = {"model_fn", "hooks", "summaries", "training"}
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room, path in sources()
        if room in rooms and path.name != "tags.py"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and node.value == tag
    ]
    assert tag_values().count(tag) == 1
    assert not named

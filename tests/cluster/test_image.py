"""The container image, as far as it can be checked without building it: what it would hold, and that this runs."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import PurePosixPath

import pytest

from tests import test_architecture
from tests.cluster import manifests
from tests.common import ROOT
from tests.test_end_to_end import TINY


def instructions():
    """(name, arguments) of every line of the Dockerfile."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def of(name):
    return [arguments for instruction, arguments in instructions() if instruction == name]


def patterns():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def in_image(path: str) -> bool:
    """Whether .dockerignore lets a file through: the last pattern that fits it, or a folder that it is in, says so."""
    parts = PurePosixPath(path).parts
    let_through = True
    for pattern in patterns():
        bare = pattern.removeprefix("!")
        anywhere = bare.startswith("**/")
        if any(fnmatch.fnmatchcase(part, bare.removeprefix("**/")) for part in (parts if anywhere else parts[:1])):
            let_through = pattern.startswith("!")
    return let_through


def files_in_image():
    for top in ROOT.iterdir():
        if in_image(top.name):
            for path in [top, *top.rglob("*")]:
                name = path.relative_to(ROOT).as_posix()
                if path.is_file() and in_image(name):
                    yield name


@pytest.fixture
def image(tmp_path):
    """A folder with what the image holds."""
    folder = tmp_path / "stepdown"
    for name in files_in_image():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def run(image, *arguments):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "HOME": str(image.parent),
        "MPLCONFIGDIR": str(image.parent / "matplotlib"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "main.py", *arguments],
        cwd=image,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_patterns_are_of_the_kinds_that_are_understood_here():
    assert patterns()[0] == "*", "what is not named stays out"
    assert all("/" not in pattern.removeprefix("!").removeprefix("**/") for pattern in patterns())


def test_every_name_that_is_let_through_is_there():
    named = [pattern[1:] for pattern in patterns() if pattern.startswith("!")]
    assert named and all((ROOT / name).exists() for name in named)


def test_every_room_is_in_the_image():
    rooms = set(test_architecture.ALLOWED) - {"benchmarks"}
    held = {PurePosixPath(name).parts[0].removesuffix(".py") for name in files_in_image() if name.endswith(".py")}
    assert held == rooms
    assert {f"configs/{path.name}" for path in (ROOT / "configs").iterdir()} <= set(files_in_image())


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".git/config",
        ".venv/bin/python",
        "data/shapes10/x",
        "flags/__pycache__/x.pyc",
        "__pycache__/main.pyc",
        "id_rsa",
        "runs/seed/model.ckpt-1.index",
        "tests/common.py",
    ],
)
def test_nothing_else_is(name):
    assert not in_image(name)


def test_what_is_copied_is_there():
    for arguments in of("COPY"):
        *sources, _ = arguments.split()
        for source in sources:
            assert source == "." or in_image(f"{source}x"), source
            assert (ROOT / source).exists()
    assert of("COPY")[-1] == ". ."


@pytest.mark.parametrize("name", ["run", "gpu"])
def test_packages_are_the_locked_ones(name):
    (install,) = (arguments for arguments in of("RUN") if arguments.startswith("pip install"))
    assert "--require-hashes" in install.split()
    lock = re.search(r'--requirement="(.*)"', install)
    assert lock and "REQUIREMENTS=run" in of("ARG")
    assert (ROOT / lock[1].replace("${REQUIREMENTS}", name)).exists()
    assert in_image(lock[1])


def test_the_base_is_of_the_locked_python():
    assert of("FROM") == ["${BASE}"]
    assert "BASE=python:3.11-slim" in of("ARG")
    assert 'requires-python = ">=3.11,<3.12"' in (ROOT / "pyproject.toml").read_text()


def test_the_program_is_the_first_process_and_not_roots():
    (user,) = of("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    names = [name for name, _ in instructions()]
    assert names.index("USER") > max(number for number, name in enumerate(names) if name in ("RUN", "COPY"))
    assert of("ENTRYPOINT") == ['["python", "main.py"]'], "a shell in between would keep signals to itself"


def test_manifests_start_what_the_image_holds():
    document = manifests.one("tfjob.yaml", "TFJob")
    commands = [manifests.container(template)["command"] for template in manifests.templates(document)]
    assert all(in_image(command[-1]) and (ROOT / command[-1]).exists() for command in commands)


@pytest.mark.cluster
def test_the_program_runs_from_what_the_image_holds(image, shapes10_dir, tmp_path):
    """Two steps, and nothing is written beside the program, where a container's own files may be read-only."""
    before = sorted(image.rglob("*"))
    assert run(image).returncode == 2, "--model_dir is needed"
    helped = run(image, "--help")
    assert helped.returncode == 0 and "evaluator_task" in helped.stdout
    model_dir = tmp_path / "run"
    done = run(
        image, *TINY, f"--data_dir={shapes10_dir}", f"--model_dir={model_dir}", "--train_steps=2", "--boundaries=1"
    )
    assert done.returncode == 0, done.stderr
    assert (model_dir / "report.html").exists()
    assert sorted(image.rglob("*")) == before

"""A run, with secrets in its environment, seen from outside: where it writes, for whom, and what.

What is left to trust, and why, is in BUILD.md, under "Security and old TensorFlow".
"""

import gzip
import json
import os
import subprocess
import sys

import pytest

from tests.common import ROOT

pytestmark = pytest.mark.slow
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "c4d1f0e7-aws",
    "API_TOKEN": "c4d1f0e7-token",
    "SECRET": "c4d1f0e7-secret",
    "GIT_ASKPASS_PASSWORD": "c4d1f0e7-password",
}
# What libraries keep for themselves: matplotlib its list of fonts, Keras its settings.
OF_LIBRARIES = (".cache", ".cache/matplotlib", ".config", ".config/matplotlib", ".keras", ".keras/keras.json")


def mode(path):
    return path.stat().st_mode & 0o777


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def state_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def seen(shapes10_dir, tmp_path_factory):
    """The folder around a run: `run` is its model_dir, and `home`, `tmp` and `here` were empty before it."""
    around = tmp_path_factory.mktemp("around")
    for name in ("home", "tmp", "here"):
        (around / name).mkdir()
    before = state_of(shapes10_dir)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL", "KERAS"))}
    environment |= {"HOME": str(around / "home"), "TMPDIR": str(around / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "main.py"), f"--model_dir={around}/run", f"--data_dir={shapes10_dir}"),
            *("--dataset=shapes10", "--train_split=train[:64]", "--validation_split=test[:20]", "--network=resnet8"),
            *("--image_size=16", "--batch_size=16", "--train_steps=4", "--boundaries=2", "--summary_interval=2"),
            *("--evaluation_interval=4", "--summaries=full", "--profile_steps=2:3"),
        ],
        cwd=around / "here",
        env=environment | SECRETS,
        umask=0o022,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert state_of(shapes10_dir) == before, "data that are prepared are left alone"
    return around


def test_a_run_writes_into_its_model_dir_and_nowhere_else(seen):
    assert "run.json" in everything_in(seen / "run")
    assert everything_in(seen / "tmp") == everything_in(seen / "here") == []
    others = [name for name in everything_in(seen / "home") if name not in OF_LIBRARIES]
    assert not [name for name in others if not name.startswith(".cache/matplotlib/fontlist-")]
    assert sorted(path.name for path in seen.iterdir()) == ["here", "home", "run", "tmp"]


def test_what_a_run_writes_can_be_read_by_others(seen):
    """As the umask has it: a colleague's TensorBoard reads it, and nobody else writes it."""
    closed = {
        str(path): oct(mode(path))
        for path in (seen / "run").rglob("*")
        if mode(path) != (0o755 if path.is_dir() else 0o644)
    }
    assert not closed
    assert mode(seen / "run") == 0o755


def test_a_run_writes_no_secret_of_its_environment(seen):
    """Not into event files, profiles and pages, which people publish."""
    paths = [path for path in (seen / "run").rglob("*") if path.is_file()]
    assert {"events", ".xplane.pb", "report.html"} <= {
        part for path in paths for part in ("events", ".xplane.pb", "report.html") if part in path.name
    }
    for path in paths:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert b"c4d1f0e7" not in content, path
    environment = json.loads((seen / "run" / "run.json").read_text())["sessions"][0]
    assert not set(SECRETS) & set(json.dumps(environment).replace('"', " ").split())

import shutil

import pytest

from tests.checkpoints.common import save


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Three checkpoints, whose weight is their step. Not to be changed."""
    folder = tmp_path_factory.mktemp("saved")
    save(folder, {1: 1.0, 2: 2.0, 3: 3.0})
    return folder


@pytest.fixture
def run(saved, tmp_path):
    """A copy of `saved` to be damaged."""
    return shutil.copytree(saved, tmp_path / "run")

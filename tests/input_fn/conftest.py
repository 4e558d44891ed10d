import shutil

import pytest

from tests.input_fn import common


@pytest.fixture(scope="session")
def small_data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    common.prepare_small(folder)
    return folder


@pytest.fixture
def small(small_data_dir, tmp_path):
    """A prepared shapes10 of 30 and 20 examples that a test may damage; its folder."""
    shutil.copytree(small_data_dir, tmp_path / "data")
    return tmp_path / "data" / "shapes10" / "1.0.0"

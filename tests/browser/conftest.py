"""What the browser tests share: two runs and their comparison, trained once, and one browser."""

import shutil

import pytest

from tests.browser import common
from tests.browser.common import STEPS
from tests.common import run_main
from tests.test_end_to_end import TINY


@pytest.fixture(scope="session")
def runs(shapes10_dir, tmp_path_factory):
    """Two runs under one parent, and their comparison; the first was stopped and went on."""
    folder = tmp_path_factory.mktemp("runs")
    shared = [f"--data_dir={shapes10_dir}", *TINY, "--validation_split=test[:100]", "--image_interval=8"]
    full = ["--summaries=full", "--histogram_interval=8", "--profile_steps=10:13", "--embedding_examples=60"]
    for train_steps in (STEPS - 16, STEPS):
        run_main(f"--model_dir={folder}/step", *shared, *full, f"--train_steps={train_steps}")
    compared = ["--run=step", "--run=constant --learning_rate_schedule=constant --learning_rate=0.05"]
    run_main("--mode=compare", f"--model_dir={folder}", *shared, *compared, f"--train_steps={STEPS}")
    return folder


@pytest.fixture(scope="session")
def browser():
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("Chromium's driver is not installed (Debian: chromium-driver)")
    window = common.start(driver)
    yield window
    window.quit()

"""What a person sees of a run in TensorBoard, each dashboard opened in a real browser."""

import gzip
import json
import shutil
import urllib.parse
import urllib.request

import pytest

import tensorboard_server
from input_fn.shapes10 import SHAPES
from tests.browser import common
from tests.browser.common import elements, see, texts, wait_for
from tests.common import run_main
from tests.test_end_to_end import TINY

pytestmark = pytest.mark.browser
STEPS = 40


@pytest.fixture(scope="session")
def runs(shapes10_dir, tmp_path_factory):
    """Two runs under one parent; the first was stopped and went on."""
    folder = tmp_path_factory.mktemp("runs")
    common_flags = [f"--data_dir={shapes10_dir}", *TINY, "--validation_split=test[:100]", "--image_interval=8"]
    full = ["--summaries=full", "--histogram_interval=8", "--profile_steps=10:13", "--embedding_examples=60"]
    for train_steps in (STEPS - 16, STEPS):
        run_main(f"--model_dir={folder}/step", *common_flags, *full, f"--train_steps={train_steps}")
    constant = ["--learning_rate_schedule=constant", "--learning_rate=0.05", f"--train_steps={STEPS}"]
    run_main(f"--model_dir={folder}/constant", *common_flags, *constant)
    return folder


@pytest.fixture(scope="session")
def address(runs):
    said: list[str] = []
    with tensorboard_server.running(str(runs), host="localhost", port=None, tell=said.append):
        yield wait_for(lambda: [line.split()[1] for line in said if "http" in line], lambda: "TensorBoard")[0]


@pytest.fixture(scope="session")
def browser():
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("Chromium's driver is not installed (Debian: chromium-driver)")
    window = common.start(driver)
    yield window
    window.quit()


@pytest.fixture
def page(browser, address):
    """Opens a dashboard afresh."""

    def opened(name, query=""):
        browser.get("about:blank")
        browser.get(f"{address}{query}#{name}")
        return browser

    return opened


def fetched(address, path, **parameters):
    """What TensorBoard's HTTP endpoint answers."""
    with urllib.request.urlopen(f"{address}data/{path}?{urllib.parse.urlencode(parameters)}", timeout=60) as answer:
        content = answer.read()
        return gzip.decompress(content) if answer.headers["Content-Encoding"] == "gzip" else content


def asked(address, path, **parameters):
    return json.loads(fetched(address, path, **parameters))


def test_the_first_chart_is_the_notebooks_picture(page):
    """Loss, and in one chart train and validation; beside it accuracy, learning rate and images per second."""
    window = page("custom_scalars")
    see(window, "Curves", "Loss", "Accuracy (top-1)", "Learning rate", "Images per second")
    see(window, "step", "step/eval", "constant", "constant/eval")
    cards = wait_for(lambda: elements(window, "tf-custom-scalar-multi-line-chart-card"), lambda: "charts")
    assert len(cards) >= 4


def test_scalars_are_described(address):
    found = asked(address, "plugin/scalars/tags")
    assert set(found) == {"step", "step/eval", "constant", "constant/eval"}
    for tag, about in found["step"].items():
        assert about["displayName"], tag
        assert about["description"], tag


def test_a_resumed_run_is_one_unbroken_line(address):
    for run in ("step", "constant"):
        points = asked(address, "plugin/scalars/scalars", run=run, tag="loss")
        assert [step for _, step, _ in points] == list(range(4, STEPS + 1, 4))


def test_pictures_are_shown(page):
    window = page("images")
    see(window, "input_images", "first_layer_filters", "confusion_matrix", "most_confident_mistakes")
    images = wait_for(
        lambda: [i for i in elements(window, "img") if (i.get_attribute("src") or "").find("individualImage") >= 0],
        lambda: "image cards",
    )
    wait_for(lambda: all(int(image.get_property("naturalWidth")) > 100 for image in images), lambda: "loaded images")


def test_time_series_shows_titles(page):
    window = page("timeseries")
    see(window, "loss", "accuracy", "learning_rate")


def test_histograms_and_distributions(page):
    for name in ("histograms", "distributions"):
        window = page(name)
        see(window, "kernels", "gradients", "activations")


def test_text_pages(page):
    window = page("text")
    found = see(window, "flags", "environment", "model", "learning_rate_schedule")
    assert any("git commit" in text for text in texts(window)), found


def test_the_graph_is_scoped_by_room(page):
    window = page("graphs")
    see(window, "network", "objective", "optimizer")


def test_precision_recall_curves(page):
    window = page("pr_curves")
    see(window, "step/eval")
    see(window, *[f"precision_recall/{next(iter(SHAPES))}"])


def test_hparams_list_both_runs(page):
    window = page("hparams")
    see(window, "step", "constant", "learning_rate_schedule", "piecewise_constant")


def test_the_projector_has_its_points(page, address):
    runs = asked(address, "plugin/projector/runs")
    assert "step/eval" in runs
    info = asked(address, "plugin/projector/info", run="step/eval")
    # TensorBoard lists matrices of the checkpoint beside it, after ours.
    embedding = info["embeddings"][0]
    assert embedding["tensorShape"] == [60, 64]
    labels = fetched(address, "plugin/projector/metadata", run="step/eval", name=embedding["tensorName"]).decode()
    assert len(labels.splitlines()) == 60
    sprite = fetched(address, "plugin/projector/sprite_image", run="step/eval", name=embedding["tensorName"])
    assert sprite.startswith(b"\x89PNG")
    window = page("projector")
    wait_for(lambda: elements(window, "iframe"), lambda: "the projector's page")


def test_the_profile_opens(address):
    runs = asked(address, "plugin/profile/runs")
    assert len(runs) == 1
    assert runs[0].startswith("step/")

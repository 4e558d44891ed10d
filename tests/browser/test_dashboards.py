"""What a person sees of a run in TensorBoard, each dashboard opened in a real browser."""

import gzip
import json
import re
import urllib.parse
import urllib.request

import pytest

import tensorboard_server
from input_fn.shapes10 import SHAPES
from tests.browser.common import STEPS, elements, enter_frames, see, texts, wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def address(runs):
    said: list[str] = []
    with tensorboard_server.running(str(runs), host="localhost", port=None, tell=said.append):
        (line,) = wait_for(lambda: [line for line in said if "http" in line], lambda: "TensorBoard")
        yield line.split()[1].removesuffix(tensorboard_server.FIRST_PAGE)


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


def test_the_address_opens_on_the_charts_as_they_are(browser, address):
    """Without smoothing, which would make a slide of the step."""
    browser.get("about:blank")
    browser.get(f"{address}{tensorboard_server.FIRST_PAGE}")
    see(browser, "Curves", "Learning rate")
    (smoothing,) = wait_for(lambda: elements(browser, "tf-smoothing-input"), lambda: "the smoothing")
    assert float(smoothing.get_property("weight")) == 0


def test_the_first_chart_is_the_notebooks_picture(page):
    """Loss, and in one chart train and validation; beside it accuracy, learning rate and images per second."""
    window = page("custom_scalars")
    see(window, "Curves", "Loss", "Accuracy (top-1)", "Learning rate", "Images per second")
    see(window, "step", "step/eval", "constant", "constant/eval")
    wait_for(lambda: len(elements(window, "tf-custom-scalar-multi-line-chart-card")) >= 4, lambda: "four charts")


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


def test_scalars_show_names_above_tags(page):
    window = page("scalars")
    see(window, "Accuracy (top-1)", "Accuracy (top-5)", "accuracy", "accuracy_top_5")


def test_time_series_shows_every_curve_under_its_tag(page):
    """TensorBoard has no names there."""
    see(page("timeseries"), "loss", "accuracy", "accuracy_top_5", "learning_rate")


def test_histograms_and_distributions(page):
    for name in ("histograms", "distributions"):
        window = page(name)
        see(window, "kernels", "gradients", "activations")


def test_text_pages(page):
    see(page("text"), "flags", "environment", "git commit", "model", "learning_rate_schedule")


def test_the_graph_is_scoped_by_room(page):
    window = page("graphs")
    see(window, "input", "network", "objective", "schedule", "optimizer")


def test_precision_recall_curves(page):
    window = page("pr_curves")
    see(window, "step/eval")
    see(window, *[f"precision_recall/{next(iter(SHAPES))}"])


def test_hparams_list_both_runs(page):
    window = page("hparams")
    see(window, "step", "constant", "learning_rate_schedule", "piecewise_constant")


def test_the_projector_has_its_points(page, address):
    # TensorBoard lists matrices of the checkpoint after ours, and opens on the first run, whichever that is.
    runs = asked(address, "plugin/projector/runs")
    assert sorted(runs) == ["constant", "constant/eval", "step", "step/eval"]
    firsts = {run: asked(address, "plugin/projector/info", run=run)["embeddings"][0] for run in runs}
    assert {embedding["tensorName"] for embedding in firsts.values()} == {f"validation, step {STEPS}"}
    embedding = firsts["step"]
    assert embedding["tensorShape"] == [60, 64]
    labels = fetched(address, "plugin/projector/metadata", run="step", name=embedding["tensorName"]).decode()
    assert len(labels.splitlines()) == 60
    sprite = fetched(address, "plugin/projector/sprite_image", run="step", name=embedding["tensorName"])
    assert sprite.startswith(b"\x89PNG")
    # TensorBoard began to look for points before the address was told, and lists the page once it has found some.
    wait_for(lambda: asked(address, "plugins_listing")["projector"]["enabled"], lambda: "the projector in the list")
    window = page("projector")
    enter_frames(window, depth=2)
    see(window, embedding["tensorName"])
    items = wait_for(lambda: named(elements(window, "paper-item"), "step"), lambda: "the run in the projector")
    window.execute_script("arguments[0].click()", items[0])
    counts = "span.numDataPoints, span.dim"
    wait_for(
        lambda: [count.text for count in elements(window, counts)] == ["60", "64"],
        lambda: f"60 points of 64 dimensions, but {[count.text for count in elements(window, counts)]}",
    )
    see(window, embedding["tensorName"], "60x64", "label")


def named(found, text):
    return [element for element in found if element.get_property("textContent").strip() == text]


def test_the_profile_tells_how_long_a_step_took(page, address):
    (run,) = asked(address, "plugin/profile/runs")
    assert run.startswith("step/")
    window = page("profile")
    enter_frames(window, depth=1)
    wait_for(lambda: window.execute_script("return typeof loadBundle === 'function'"), lambda: "the profile's page")
    # The page is blank until it has a library of charts from a host that no test reaches. It is given an empty one.
    window.execute_script("window.google = {charts: {safeLoad() {}, setOnLoadCallback() {}}}; loadBundle()")
    see(window, run, "overview_page", "Performance Summary", "Average Step Time")

    def step_time():
        found = texts(window)
        after = found[found.index("Average Step Time") :][:4]
        return [float(text.split()[0]) for text in after if re.fullmatch(r"[\d.]+ ms", text)]

    assert wait_for(step_time, lambda: "how long a step took")[0] > 0

"""A real browser on TensorBoard: what a person would see, through all shadow roots."""

import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

STEPS = 40  # of each run that is looked at
# Text nodes and the tags of elements live in shadow roots below shadow roots, which no selector reaches into.
_WALK = """
const found = [];
(function walk(node) {
  if (['STYLE', 'SCRIPT', 'TEMPLATE'].includes(node.nodeName)) return;
  visit(node, found);
  if (node.shadowRoot) walk(node.shadowRoot);
  node.childNodes.forEach(walk);
})(document.body || document.createDocumentFragment());
return found;
function visit(node, found) { %s }
"""


def start(driver_path):
    """Chromium without a window, 1500 x 1100 pixels, that reaches this machine alone."""
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--use-gl=angle",  # The projector draws with WebGL.
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--window-size=1500,1100",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})  # Of this kind are the requests of a page.
    return webdriver.Chrome(options=options, service=Service(driver_path))


def texts(browser):
    """Every piece of text on the page, in order."""
    visit = "if (node.nodeType === 3 && node.textContent.trim()) found.push(node.textContent.trim())"
    return browser.execute_script(_WALK % visit)


def elements(browser, selector):
    """Every element that a CSS selector matches within its own root."""
    return browser.execute_script(_WALK % f"if (node.matches && node.matches({selector!r})) found.push(node)")


def wait_for(condition, what, *, seconds=60):
    """The first true value of `condition()`, asked four times a second. `what()` says what was waited for."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not seen within {seconds} s: {what()}"
        time.sleep(0.25)
    return found


def see(browser, *wanted):
    """Waits until each of some texts stands on the page by itself, and returns all texts."""

    def missing():
        there = set(texts(browser))
        return [text for text in wanted if text not in there]

    wait_for(lambda: not missing(), lambda: f"{wanted}, missing {missing()}")
    return texts(browser)


def enter_frames(browser, *, depth):
    """Goes into a frame within a frame, `depth` deep; from there on only what it shows is seen, to the next page."""
    for level in range(depth):
        frames = wait_for(lambda: elements(browser, "iframe"), lambda level=level: f"a frame at depth {level + 1}")
        browser.switch_to.frame(frames[0])

"""What a person sees of the pages that a run and a comparison leave, opened from disk in a real browser."""

import json
import re

import pytest
from selenium.webdriver.common.by import By

from tests.browser.common import STEPS, wait_for

pytestmark = pytest.mark.browser
RUN, COMPARISON = "step/report.html", "compare.html"
SECTIONS = ["Curves", "Numbers", "Learning rate", "Mistakes", "Classes", "Speed", "Flags", "Environment"]
DESK, TELEPHONE = 1500, 400  # pixels
# Texts that stand, wholly or in part, outside their paragraph, cell or item, or where no pushing brings them on screen.
_OVERFLOWING = """
const found = [], edge = document.documentElement.clientWidth;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const reaches = (inner, outer) => inner.left < outer.left - 1 || inner.right > outer.right + 1;
while (walker.nextNode()) {
  const text = walker.currentNode, range = document.createRange();
  if (!text.textContent.trim()) continue;
  let block = text.parentElement;
  while (getComputedStyle(block).display === 'inline') block = block.parentElement;
  range.selectNodeContents(text);
  const box = block.getBoundingClientRect();
  const pushed = [...document.querySelectorAll('*')].filter(e => e.contains(block) && e.scrollWidth > e.clientWidth
    && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).pop();
  const shown = pushed ? pushed.getBoundingClientRect() : box;
  if (reaches(range.getBoundingClientRect(), box) || reaches(shown, {left: 0, right: edge}))
    found.push(text.textContent.trim());
}
return found;
"""


@pytest.fixture
def opened(browser, runs):
    """Opens a page from disk on a screen of a width in pixels."""

    def open_page(name, *, width=DESK):
        browser.get("about:blank")
        # A window of Chromium is 500 pixels wide or wider, a screen is not.
        screen = {"width": width, "height": 1100, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        browser.get_log("performance")  # What was before is read away.
        browser.get((runs / name).as_uri())
        assert browser.execute_script("return innerWidth") == width
        return browser

    yield open_page
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def every(within, selector):
    return within.find_elements(By.CSS_SELECTOR, selector)


def seen(within, selector):
    """The texts, as they are seen, of the elements that a CSS selector matches."""
    return [found.text for found in every(within, selector)]


def section(page, title):
    (found,) = [part for part in every(page, "section") if seen(part, "h2, h3")[:1] == [title]]
    return found


def rows(within):
    """The texts of the cells of all tables, a row each."""
    return [seen(row, "th, td") for row in every(within, "tr")]


def test_a_run_is_told_in_sections_under_its_name(opened):
    page = opened(RUN)
    assert page.title == "step"
    assert seen(page, "h1") == ["step"]
    assert seen(page, "h2") == SECTIONS
    (summary,) = seen(page, ".summary")
    assert re.fullmatch(
        rf"resnet8, shapes10, batch size 16, {STEPS} of {STEPS} steps\. Validation accuracy .*", summary
    )


def test_the_numbers_tell_both_sides_of_the_boundary(opened):
    headings, *numbers = rows(section(opened(RUN), "Numbers"))
    assert headings == ["", "train loss", "validation loss", "train accuracy", "validation accuracy"]
    assert [row[0] for row in numbers[:3]] == ["before step 10", "after step 10", f"end, step {STEPS}"]
    for row in numbers[:3]:
        assert all(re.fullmatch(r"\d+\.\d{3}", cell) for cell in row[1:3]), row
        assert all(re.fullmatch(r"\d+\.\d%", cell) for cell in row[3:]), row


def test_the_flags_of_the_run_are_listed(opened):
    flags = dict(rows(section(opened(RUN), "Flags")))
    wanted = {
        "--network": "resnet8",
        "--boundaries": "10",
        "--values": "0.1, 0.01",
        "--train_steps": str(STEPS),
        "--summaries": "full",
    }
    assert {name: flags.get(name) for name in wanted} == wanted


def test_a_title_in_the_index_leads_to_its_section(opened):
    page = opened(RUN)
    for title in SECTIONS:
        page.find_element(By.LINK_TEXT, title).click()
        (heading,) = every(section(page, title), "h2")
        top = page.execute_script("return arguments[0].getBoundingClientRect().top", heading)
        assert -1 <= top < page.execute_script("return innerHeight"), title


def test_a_comparison_comes_before_its_runs(opened, runs):
    page = opened(COMPARISON)
    assert page.title == f"{runs.name}: 2 runs side by side"
    assert seen(page, "h1") == [page.title]
    assert seen(page, "h2") == ["Comparison", "step", "constant"]
    for name in ("step", "constant"):
        assert seen(section(page, name), "h3") == SECTIONS


def test_a_comparison_measures_against_the_control_and_tells_what_differs(opened):
    numbers, differences = every(section(opened(COMPARISON), "Comparison"), "table")
    headings, *runs = rows(numbers)
    assert headings[:3] == ["run", "final accuracy", "best accuracy"]
    assert [row[0] for row in runs] == ["step", "constant (control)"]
    assert all(re.fullmatch(r"\d+\.\d%", row[1]) and row[-1] == str(STEPS) for row in runs), runs
    assert ["--learning_rate_schedule", "piecewise_constant", "constant"] in rows(differences)


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
@pytest.mark.parametrize(("name", "count"), [(RUN, 4), (COMPARISON, 9)])
def test_figures_are_loaded_and_large_enough_to_read(opened, name, count, width):
    images = every(opened(name, width=width), "img")
    assert len(images) == count
    for image in images:
        wait_for(lambda image=image: image.get_property("complete"), lambda image=image: image.get_attribute("alt"))
        assert image.is_displayed() and image.get_property("naturalWidth") > 0, image.get_attribute("alt")
        assert min(image.size["width"], image.size["height"]) > 100, image.get_attribute("alt")


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
@pytest.mark.parametrize("name", [RUN, COMPARISON])
def test_the_page_is_no_wider_than_the_screen(opened, name, width):
    page = opened(name, width=width)
    wide, screen = page.execute_script("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]")
    assert wide <= screen
    assert page.execute_script(_OVERFLOWING) == []


@pytest.mark.parametrize("name", [RUN, COMPARISON])
def test_names_of_flags_stay_whole_on_a_wide_screen(opened, name):
    lines = """
        return [...document.querySelectorAll('.values tbody th')].map(cell => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return [cell.textContent, range.getClientRects().length];
        });
    """
    names = dict(opened(name).execute_script(lines))
    assert names["--train_steps"] == 1
    assert [flag for flag, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", [RUN, COMPARISON])
def test_nothing_needs_pushing_on_a_wide_screen(opened, name):
    page = opened(name)
    parts = "return [...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth && e.clientWidth)"
    pushed = [part.text or part.get_attribute("outerHTML")[:80] for part in page.execute_script(parts)]
    assert pushed == []


def test_what_stands_side_by_side_begins_at_one_height(opened):
    pairs = every(opened(RUN), ".sides")
    assert [len(every(pair, ":scope > *")) for pair in pairs] == [2, 2], "pictures of mistakes, and flags"
    for pair in pairs:
        left, right = every(pair, ":scope > *")
        assert left.location["y"] == right.location["y"] and left.location["x"] < right.location["x"], pair.text[:40]


@pytest.mark.parametrize("name", [RUN, COMPARISON])
def test_nothing_is_asked_of_any_host(opened, name, runs):
    page = opened(name)
    asked = [event["request"]["url"] for event in events(page, "Network.requestWillBeSent")]
    assert asked[0] == (runs / name).as_uri()
    assert len(asked) > 1, "the figures, which stand in the page"
    assert [url[:80] for url in asked[1:] if not url.startswith("data:")] == []
    listed = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [url[:80] for url in listed if not url.startswith(("data:", "file:"))] == []
    for attribute in ("src", "href"):
        values = [element.get_dom_attribute(attribute) for element in every(page, f"[{attribute}]")]
        assert [value[:80] for value in values if not value.startswith(("data:", "#"))] == []


def test_the_page_may_not_ask_a_host_either(opened):
    """A picture on a host, put into the page by force, is refused."""
    refused = opened(RUN).execute_async_script("""
        document.addEventListener('securitypolicyviolation', event => arguments[0](event.effectiveDirective));
        document.body.append(Object.assign(new Image(), {src: 'http://localhost:9/picture.png'}));
        setTimeout(arguments[0], 10000, 'not refused');
    """)
    assert refused == "img-src"


def events(browser, method):
    """What Chromium has reported under a method of its protocol since this was asked last."""
    entries = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [entry["params"] for entry in entries if entry["method"] == method]

"""Runs -> one HTML page that needs nothing beside it: pictures and style are inside, and nothing is fetched."""

from collections.abc import Callable, Sequence

from report.curve_sections import (
    classes_section,
    curves_section,
    drops_section,
    mistakes_section,
    rate_section,
    speed_section,
    summary,
)
from report.curves import Curves
from report.files import write_text
from report.markup import Element, bullets, document, element, link, paragraph
from report.record_sections import environment_section, flags_section
from report.run_page import RunPage

_OF_CURVES: dict[str, Callable[[RunPage, Curves], list[Element]]] = {
    "Curves": curves_section,
    "Numbers": drops_section,
    "Learning rate": rate_section,
    "Mistakes": mistakes_section,
    "Classes": classes_section,
    "Speed": speed_section,
}
_OF_RECORD = {"Flags": flags_section, "Environment": environment_section}


def write_page(runs: Sequence[RunPage], path: str, *, title: str, opening: Sequence[Element] = ()) -> None:
    """Writes `page` to `path`, whole or not at all. Raises UserError where it cannot be written."""
    write_text(page(runs, title=title, opening=opening), path, what="report")


def page(runs: Sequence[RunPage], *, title: str, opening: Sequence[Element] = ()) -> str:
    """The page as HTML: `title` and the runs in their order, under an index and an `opening` that compares them.

    Without `opening` there is one run, and its index alone. Each section has an id, "run-2-speed" for the speed of the
    second run.
    """
    heading = element("h1", title, id="top")
    if not opening:
        (run,) = runs
        return document(title, heading, *_run(run, "run-1", level=2))
    links = [link(id_, run.name) for id_, run in _with_ids(runs)]
    index = element("nav", bullets([link("comparison", "Comparison"), *links]))
    comparison = element("section", element("h2", "Comparison"), *opening, id="comparison")
    sections = [
        element("section", element("h2", run.name), *_run(run, id_, level=3), _back(), id=id_, class_="run")
        for id_, run in _with_ids(runs)
    ]
    return document(title, heading, index, comparison, *sections)


def _with_ids(runs: Sequence[RunPage]) -> list[tuple[str, RunPage]]:
    return [(f"run-{place}", run) for place, run in enumerate(runs, start=1)]


def _back() -> Element:
    return paragraph(link("top", "To the top"), class_="note")


def _run(run: RunPage, id_: str, *, level: int) -> list[Element]:
    """Summary, index and sections of one run, their headings of `level`."""
    contents = {title: make(run.record) for title, make in _OF_RECORD.items()}
    if run.curves is not None:
        contents = {title: make(run, run.curves) for title, make in _OF_CURVES.items()} | contents
    ids = {title: f"{id_}-{title.lower().replace(' ', '-')}" for title in contents}
    sections = [
        element("section", element(f"h{level}", title), *inside, id=ids[title]) for title, inside in contents.items()
    ]
    index = element("nav", bullets(link(target, title) for title, target in ids.items()))
    return [paragraph(summary(run), class_="summary"), index, *sections]

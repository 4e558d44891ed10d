"""HTML as a tree of elements: what is put in as text is escaped when the tree becomes text."""

import base64
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

# Nothing is fetched and nothing runs, whatever got into the page.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def element(name: str, /, *inside: str | Element, **attributes: str) -> Element:
    """An element with texts and elements inside. `class_` is the attribute `class`."""
    made = Element(name, {key.rstrip("_"): value for key, value in attributes.items()})
    for part in inside:
        if isinstance(part, Element):
            made.append(part)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + part
        else:
            made.text = (made.text or "") + part
    return made


def paragraph(*inside: str | Element, class_: str = "") -> Element:
    """A paragraph, of a class where one is given."""
    return element("p", *inside, **({"class_": class_} if class_ else {}))


def bullets(items: Iterable[str | Element]) -> Element:
    """A list with one item for each of `items`."""
    return element("ul", *(element("li", item) for item in items))


def link(target: str, text: str) -> Element:
    """A link to the element of this page whose id is `target`."""
    return element("a", text, href=f"#{target}")


def table(rows: Sequence[Sequence[str | Element]], *, left: int, caption: str = "", class_: str = "numbers") -> Element:
    """A table of `rows` of equally many cells, the first its headings: `left` columns flush left, the others right.

    Where it is wider than the screen it is pushed to the side.
    """
    heading, *others = rows
    head = element("thead", element("tr", *(_cell("th", inside, i < left) for i, inside in enumerate(heading))))
    body = element("tbody", *(_row(row, left) for row in others))
    title = [element("caption", caption)] if caption else []
    return element("div", element("table", *title, head, body, class_=class_), class_="scroll")


def _row(row: Sequence[str | Element], left: int) -> Element:
    cells = [_cell("td" if i else "th", inside, i < left) for i, inside in enumerate(row)]
    cells[0].set("scope", "row")
    return element("tr", *cells)


def _cell(name: str, inside: str | Element, is_left: bool) -> Element:
    return element(name, inside) if is_left else element(name, inside, class_="number")


def picture(png: bytes, *, alt: str, caption: str, class_: str = "picture") -> Element:
    """A figure with the PNG inside the page. Of the class "chart" it stays large on a narrow screen."""
    # A PNG's first chunk begins at byte 16, with width and height (https://www.w3.org/TR/png/#11IHDR).
    width, height = struct.unpack(">II", png[16:24])
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    image = element("img", src=source, alt=alt, width=str(width), height=str(height))
    return element("figure", element("div", image, class_="scroll"), element("figcaption", caption), class_=class_)


def document(title: str, *inside: Element) -> str:
    """A whole page with its style inside."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", **{"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("link", rel="icon", href="data:,"),  # Else a browser asks the page's host for one.
        element("style", Path(__file__).with_name("page.css").read_text()),
    )
    page = element("html", head, element("body", *inside), lang="en")
    return f"<!DOCTYPE html>\n{ElementTree.tostring(page, encoding='unicode', method='html')}\n"

"""Elements become HTML, and texts stay texts."""

import pytest

from report.markup import document, element, link, paragraph, picture, table
from tests.report.makers import small_png
from tests.report.parsed import embedded, parse


def body(*inside):
    return parse(document("a title", *inside)).only("body")


HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;", "a 'quoted' <!-- thing", "]]>"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_a_text(text):
    inside = body(element("p", text, element("b", text), text, title=text), link(text, text))
    assert [node.name for node in inside.every()] == ["p", "b", "a"]
    assert inside.only("p").text == 3 * text
    assert inside.only("p").attributes == {"title": text}
    assert inside.only("a").attributes == {"href": f"#{text}"}


def test_texts_and_elements_keep_their_order():
    assert body(element("p", "a", "b", element("b", "c"), "d", "e", element("i"), "f")).text == "abcdef"


def test_a_class_is_given_or_absent():
    plain, classed = body(paragraph("a"), paragraph("b", class_="note")).every("p")
    assert (plain.attributes, classed.attributes) == ({}, {"class": "note"})


def test_a_table_has_headings_and_columns_to_the_left_and_right():
    inside = body(table([("run", "of", "value"), ("a", "b", element("i", "c"))], left=2, caption="All", class_="k"))
    assert inside.only("table", class_="k").rows() == [["run", "of", "value"], ["a", "b", "c"]]
    assert [node.name for node in inside.every("th", "td")] == ["th", "th", "th", "th", "td", "td"]
    assert [node.attributes.get("class") for node in inside.every("th", "td")] == [None, None, "number"] * 2
    assert [node.attributes.get("scope") for node in inside.every("th")] == [None, None, None, "row"]
    assert inside.only("caption").text == "All"


def test_a_table_without_a_caption_has_none():
    assert not body(table([("run",), ("a",)], left=1)).every("caption")


def test_a_picture_stands_in_the_page_with_its_size():
    png = small_png(0.5)
    figure = body(picture(png, alt="what is seen", caption="what it is", class_="chart")).only("figure", class_="chart")
    image = figure.only("img")
    assert embedded(image) == png
    assert {"alt": "what is seen", "width": "4", "height": "3"}.items() <= image.attributes.items()
    assert figure.only("figcaption").text == "what it is"


def test_a_page_says_what_it_is_and_fetches_nothing():
    page = parse(document("<b>", element("p")))
    assert page.only("title").text == "<b>"
    assert page.only("meta", charset="utf-8")
    assert page.only("html").attributes == {"lang": "en"}
    policy = page.only("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    style = page.only("style").text
    assert "prefers-color-scheme: dark" in style and "@media print" in style
    assert "url(" not in style and "@import" not in style

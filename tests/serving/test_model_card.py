"""The card, read by a Markdown parser of somebody else's."""

import ast
import re
from html.parser import HTMLParser

import markdown  # type: ignore[import-untyped]
import pytest

from serving import Facts, model_card
from settings import Network, TrainedModel

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b",
    "*a* _b_ `c` **d** ~~e~~ $f$",
    "[text](https://example.org) ![image](x)",
    "\\| &lt; # heading",
    "two\nlines",
    "```",
]


def model(**changes):
    values = {
        "checkpoint": "/somewhere/run/model.ckpt-256",
        "network": Network.RESNET8,
        "class_names": ("circle", *HOSTILE),
        "image_size": 96,
        "evaluation_crop": 1.0,
        "stored_size": (28, 32),
    }
    return TrainedModel(**{**values, **changes})


def facts(**changes):
    values = {
        "data": {"name": "shapes10", "train examples": 10_000},
        "metrics": {"accuracy": 0.87654321},
        "flags": {"boundaries": (3, 5), "data_dir": "/home/somebody/data", "scale": None, "staircase": True},
        "versions": {"tensorflow": "2.15.1"},
        "commit": "0123abcd",
    }
    return Facts(**{**values, **changes})


class Page(HTMLParser):
    """The cells of all rows of a page's tables, and the elements on the page."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.elements, self._cell = [], [], None
        self.feed(markdown.markdown(text, extensions=["tables", "fenced_code"]))

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append(self._cell)
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data


def card(**changes):
    return model_card.text(model(), facts(**changes), folder="my export", tflite=True)


def test_classes_are_read_back_as_text():
    page = Page(card())
    expected = [[str(index), " ".join(name.split())] for index, name in enumerate(model().class_names)]
    start = page.rows.index(["index", "class"]) + 1
    assert page.rows[start : start + len(expected)] == expected
    assert not {"script", "img", "em", "strong", "a"} & set(page.elements)


@pytest.mark.parametrize("text", HOSTILE)
def test_facts_are_read_back_as_text(text):
    page = Page(card(flags={text: text}, data={"name": text}, metrics={text: 1.0}, versions={}, commit=text))
    shown = " ".join(text.split())
    for row in ([shown, shown], ["name", shown], [shown, "1"], ["commit of the code", shown]):
        assert row in page.rows, row
    assert not {"script", "img", "em", "strong", "a"} & set(page.elements)


def test_values_are_shown_as_flags_are_given():
    rows = Page(card()).rows
    for row in (
        ["boundaries", "3, 5"],
        ["scale", "not given"],
        ["staircase", "true"],
        ["accuracy", "0.876543"],
        ["train examples", "10000"],
        ["checkpoint", "model.ckpt-256"],
        ["network", "resnet8"],
        ["tensorflow", "2.15.1"],
    ):
        assert row in rows


def test_paths_of_this_machine_are_left_out():
    assert "data_dir" not in card() and "somebody" not in card() and "somewhere" not in card()


def test_the_code_is_code_and_names_the_folder():
    blocks = re.findall(r"^```python\n(.*?)^```", card(), re.M | re.S)
    assert len(blocks) == 2
    for block in blocks:
        ast.parse(block)
        assert "'my export'" in block


def test_tensorflow_lite_is_told_of_where_there_is_one():
    assert "model.tflite" in card()
    assert "tflite" not in model_card.text(model(), facts(), folder="export", tflite=False)


@pytest.mark.parametrize(
    ("crop", "told"),
    [(1.0, "values in -1 to 1, as evaluations do"), (0.85, "values in -1 to 1 of the middle, 0.85 of each side, as")],
)
def test_how_images_are_brought_to_size_is_told(crop, told):
    text = model_card.text(model(evaluation_crop=crop), facts(), folder="export", tflite=False)
    assert told in text.replace("\n", " ")


def test_a_card_without_metrics_does_not_speak_of_them():
    assert "| metric |" in card() and "Metrics are of" in card()
    assert "| metric |" not in card(metrics={}) and "Metrics" not in card(metrics={})

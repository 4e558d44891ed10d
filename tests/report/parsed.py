"""An HTML page read back as a browser would, strictly: every element is closed where it should be."""

import base64
import dataclasses
import html.parser

VOID = {"meta", "link", "img", "br", "hr", "input"}


@dataclasses.dataclass
class Node:
    name: str
    attributes: dict
    inside: list = dataclasses.field(default_factory=list)  # Nodes and texts.

    def every(self, *names):
        """The elements of these names below this one, of all names where none is given, in the order of the page."""
        found = []
        for part in self.inside:
            if isinstance(part, Node):
                found += [part] if part.name in names or not names else []
                found += part.every(*names)
        return found

    def only(self, name, **attributes):
        """The one element of this name with these attributes; `class_` is the attribute `class`."""
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        (found,) = [node for node in self.every(name) if wanted.items() <= node.attributes.items()]
        return found

    @property
    def text(self):
        return "".join(part if isinstance(part, str) else part.text for part in self.inside)

    def rows(self):
        """The texts of a table's cells."""
        return [[cell.text for cell in row.every("th", "td")] for row in self.every("tr")]


class _Builder(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]
        self.declarations = []

    def handle_decl(self, decl):
        self.declarations.append(decl)

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"<{tag}> with an attribute twice: {attrs}"
        node = Node(tag, dict(attrs))
        self.open[-1].inside.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].inside.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


def parse(text):
    """The root of a page. Fails where an element is not closed, or there is no doctype of today."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder.declarations == ["DOCTYPE html"]
    assert builder.open == [builder.root], f"not closed: {[node.name for node in builder.open[1:]]}"
    return builder.root


def embedded(image):
    """The bytes of an image that stands in the page."""
    kind, _, content = image.attributes["src"].partition(",")
    assert kind == "data:image/png;base64"
    return base64.b64decode(content, validate=True)

"""What tests ask of a page: its outline, its names, and that nothing in it can act."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import NamedTuple

VOID = {"meta", "img", "br", "hr", "link", "input", "area", "base", "col", "embed", "source", "track", "wbr"}
ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "base",
    "link",
    "input",
    "button",
    "video",
    "audio",
    "foreignobject",
}
OWN_LINK = re.compile(
    r"#[\w-]+|executed\.html(#cell-\d+)?|feedback\.html|grades\.csv|[a-z0-9][a-z0-9._-]*/feedback\.html"
)
PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=]+")


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str]
    path: tuple[str, ...]


class Page(HTMLParser):
    """A parsed page; raises AssertionError where tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.lines: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> without a beginning"
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split(" ")).strip()
        if words and not {"style", "svg"} & set(self._open):
            self.lines.append(words)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    @property
    def ids(self) -> list[str]:
        return [element.attributes["id"] for element in self.elements if "id" in element.attributes]


def assert_inert(html: str) -> Page:
    """No element, attribute or address that could run, load or send anything."""
    page = Page(html)
    for element in page.elements:
        assert element.tag not in ACTIVE, element
        assert not [name for name in element.attributes if name.startswith("on")], element
        for name in ("src", "data", "poster", "background", "srcset", "action", "formaction", "ping"):
            value = element.attributes.get(name)
            assert value is None or PICTURE.fullmatch(value), element
        for name in ("href", "xlink:href"):
            value = element.attributes.get(name)
            outside = value is not None and re.match(r"https?://", value) and "noreferrer" in element.attributes["rel"]
            assert value is None or OWN_LINK.fullmatch(value) or outside, element
        assert not re.search(r"url\((?!#)|expression|@import", element.attributes.get("style", "")), element
    assert sum(element.tag == "style" for element in page.elements) == 1
    (policy,) = [e for e in page.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"].startswith("default-src 'none'")
    return page


def assert_accessible(html: str, language: str) -> Page:
    """Language, landmarks, outline, names, table headings."""
    page = Page(html)
    assert page.all("html")[0].attributes["lang"] == language
    assert len(page.all("main")) == 1
    assert page.all("title")
    assert len(set(page.ids)) == len(page.ids), sorted(name for name in page.ids if page.ids.count(name) > 1)
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch(r"h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    for element in page.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(element.attributes.get(name, "").split()) <= set(page.ids), element
        target = element.attributes.get("href", "")
        assert not target.startswith("#") or target[1:] in page.ids, element
    assert all(image.attributes.get("alt") for image in page.all("img"))
    for drawing in page.all("svg"):
        assert drawing.attributes.get("role") == "img" or "ul" in drawing.path, drawing
    return page


def assert_tables_named(page: Page) -> None:
    """Our own tables have a caption, and each heading says what it heads."""
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(heading.attributes.get("scope") in ("row", "col") for heading in page.all("th"))

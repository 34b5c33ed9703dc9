"""What must hold of anything that is made of a student's bytes, whatever they were; a breach is an ``Unsafe``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import PurePosixPath

from autograder.messages import LANGUAGES, render
from autograder.records import Message

RUNS = frozenset("script iframe object embed applet base form frame frameset link meta foreignobject".split())
"""Elements that run, load or lead elsewhere."""
PLAIN = frozenset(
    "table thead tbody tfoot tr th td caption p br hr h2 h3 h4 h5 h6 ul ol li blockquote em strong s code pre a "
    "span".split()
)
"""All that prose and tables of a student may become."""
URLS = frozenset("href src srcset action formaction data poster background xlink:href ping".split())
_DIRECTIONS = frozenset("LRE RLE LRO RLO PDF LRI RLI FSI PDI BN".split())
_JOINER = "\u200d"
_STARTS = frozenset("=+-@|%\uff1d\uff0b\uff0d\uff20")


class Unsafe(AssertionError):
    """Something came through that must not."""


def hidden(text: str) -> Iterator[str]:
    """Characters that a reader does not see, or that change how others are read."""
    for place, sign in enumerate(text):
        kind = unicodedata.category(sign)
        if sign in "\n\t" or kind in ("Cn", "Co"):
            continue
        if kind in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(sign) in _DIRECTIONS:
            emoji = place and unicodedata.category(text[place - 1]) in ("So", "Sk", "Mn")
            if sign != _JOINER or not emoji:
                yield sign


def shown(text: str) -> None:
    """A text as people see it in the end."""
    if found := next(hidden(text), None):
        raise Unsafe(f"hidden U+{ord(found):04X}")
    encodable(text)


def encodable(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Unsafe("not encodable") from error


def sentences(messages: Iterable[Message | None]) -> None:
    """Each can be said in each language, and says nothing hidden."""
    for message in filter(None, messages):
        for value in message.values.values():
            encodable(str(value))
        for language in LANGUAGES:
            shown(render(message, language))


FRAME = ("div", [("class", "scroll"), ("tabindex", "0")])
"""What we lay around a student's table, so that it scrolls in its place."""


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def inert(html: str, only: frozenset[str] | None = None) -> None:
    """HTML in which nothing runs and no address leads but to the web; of ``only`` these elements."""
    shown(html)
    parser = _Elements()
    parser.feed(html)
    parser.close()
    for tag, attributes in parser.found:
        if only is not None and (tag, attributes) == FRAME:
            continue
        if only is not None and tag not in only:
            raise Unsafe(f"element {tag}")
        if tag in RUNS and not _ours(tag, dict(attributes)):
            raise Unsafe(f"element {tag}")
        for name, value in attributes:
            _attribute(tag, name, value or "", only is not None)


def _ours(tag: str, attributes: dict[str, str | None]) -> bool:
    """What the head of each page of ours holds: nothing that leads elsewhere."""
    return tag == "meta" and attributes.get("http-equiv") in (None, "Content-Security-Policy")


def _attribute(tag: str, name: str, value: str, student: bool) -> None:
    if name.startswith("on") or (student and name in ("style", "id", "class", "name")):
        raise Unsafe(f"attribute {name} of {tag}")
    if name in URLS:
        plain = "".join(sign for sign in value if sign > " ").lower()
        scheme = plain.partition(":")[0] if ":" in plain.split("/")[0].split("#")[0] else ""
        allowed = {"http", "https", "mailto"} | (set() if student else {"", "data"})
        if scheme not in allowed or (scheme == "data" and not plain.startswith("data:image/png;base64,")):
            raise Unsafe(f"address {value[:60]!r}")


def cell(text: str) -> None:
    """A field of a spreadsheet that is no formula."""
    shown(text)
    bare = text.lstrip()
    number = bare[:1] in ("+", "-") and bare[1:].replace(".", "", 1).replace(",", "", 1).isdigit()
    if bare[:1] in _STARTS and not number:
        raise Unsafe(f"formula {text[:40]!r}")


def inside(path: PurePosixPath) -> None:
    """A path that stays below the folder it is put into."""
    if path.is_absolute() or not path.parts or ".." in path.parts or any("\0" in part for part in path.parts):
        raise Unsafe(f"path {path!s:.60}")


def at_most(what: str, number: int, cap: int) -> None:
    if number > cap:
        raise Unsafe(f"{what}: {number} where {cap} are allowed")

"""Texts that readers see, and code that the grader reads: what acts on whoever opens it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.attacks.record import Attack, Text

_PAGES = "no raw HTML, tags and addresses by allow-list, a content policy, characters that direct text made visible"
_PARSER = "what would cost more than any honest cell is not parsed"


def _text(id: str, tries: str, text: str) -> Text:
    return Text(id=id, tries=tries, stopped_by=_PAGES, must="pages stay inert and show what it is", text=text)


TEXTS = (
    _text("script", "a script", "<script>alert(1)</script>"),
    _text("event", "an attribute that acts", "\"><img src=x onerror=alert(1)> ' onmouseover=alert(1) x='"),
    _text("link", "an address that is a script", "[x](javascript:alert(1)) <a href='data:text/html,<script>'>x</a>"),
    _text(
        "frame",
        "frames, forms and objects",
        "<iframe src=//evil.example></iframe><form action=//evil.example><input name=x>",
    ),
    _text(
        "drawing",
        "script and style in a drawing",
        "<svg onload=alert(1)><style>*{background:url(//evil.example)}</style></svg>",
    ),
    _text(
        "table",
        "a table that acts",
        "<table onclick=alert(1)><tr><td style='x:expression(1)'><object data=x></td></tr></table>",
    ),
    _text(
        "closing",
        "closes what it stands in",
        "</style></title></textarea></pre></td></main><script src=//evil.example></script>",
    ),
    _text(
        "picture", "a picture that tells who reads", "![x](http://evil.example/x.png) <img src=//evil.example/y.png>"
    ),
    _text("template", "commands of a template", "{{ 7 * 7 }} {% include '/etc/passwd' %} {text} {x:pct} %(x)s"),
    _text("formula", "a formula of a spreadsheet", "=cmd|'/c calc'!A1"),
    _text("fullwidth-formula", "a formula in wide letters, behind blanks", " \u00a0\uff1dHYPERLINK(1)"),
    _text("terminal", "escape sequences of a terminal", "\x1b]0;title\x07\x1b[31mred\x1b[2J\x9b2J"),
    _text(
        "direction",
        "text that reads otherwise than it stands",
        "\u202etxt.exe\u202c \u2066grade: 20\u2069 a\u200bb\ufeff",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Attack):
    """The source of a cell, which the grader itself reads."""

    build: Callable[[], str]


def _code(id: str, tries: str, build: Callable[[], str]) -> Code:
    return Code(id=id, tries=tries, stopped_by=_PARSER, must="read, or passed over, within seconds", build=build)


CODE = (
    _code("dotted-name", "an import whose name takes forty gigabytes to parse", lambda: "import a" + ".a" * 200_000),
    _code("statements", "four megabytes of statements", lambda: "a\n" * 2_000_000),
    _code("f-string", "an f-string of a megabyte", lambda: 'f"' + "{a}" * 330_000 + '"'),
    _code("brackets", "brackets without end", lambda: "(" * 90_000),
    _code("chain", "a chain of a hundred thousand calls", lambda: "a" + "()" * 40_000),
    _code("blanks", "a line of blanks, for a pattern to try in every way", lambda: " " * 90_000 + "x"),
    _code("magic", "a line that is almost a command", lambda: "a, " * 30_000 + "!"),
)

"""What of a TeX formula is not seen: phantoms, letters as white as the page, comments, definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autograder.notebook.styles import Look, within

Span = tuple[int, int]

_TOKEN = re.compile(
    r"(?P<gone>\\(?:[hv]?phantom|label|require|(?:re)?newcommand\*?|def\s*\\[a-zA-Z]+|style)(?![a-zA-Z])\s*+(?=\{))"
    r"|(?P<ink>\\(?:text)?color\s*+(?=\{))|(?P<skip>\\.)|(?P<open>\{)|(?P<close>\})|(?P<dollar>\$+)"
    r"|(?P<end>\n[ \t]*+\n)|(?P<note>%[^\n$]*+)",
    re.S,
)
_TWO = re.compile(r"\\(?:style|(?:re)?newcommand\*?)")
_BETWEEN = re.compile(r"(?:\[[^\[\]{}]{0,20}\])?\s*+")


def unseen(source: str) -> Iterator[Span]:
    """Places that a reader of the formulas does not see; braces are matched within a paragraph."""
    if "$" not in source and "\\" not in source:
        return
    tokens = list(_TOKEN.finditer(source))
    closes, ends = _matched(tokens, len(source))
    opening = _formulas(tokens)
    inside = False
    for token in tokens:
        kind, start = token.lastgroup, token.start()
        if kind == "dollar":
            inside = token.start() in opening
        elif kind == "end":
            inside = False
        elif kind == "note" and inside and start + 1 < token.end():
            yield start + 1, token.end()
        elif kind == "gone" and token.end() in closes:
            yield from _gone(source, token, closes)
        elif kind == "ink" and token.end() in closes:
            end = closes[token.end()]
            if not within(Look(), "font", {"color": source[token.end() + 1 : end - 1]}).hidden:
                continue
            if "text" in token[0]:
                yield end, closes.get(end + len(_between(source, end)), end)
            else:
                yield end, ends[start]


def _formulas(tokens: list[re.Match[str]]) -> set[int]:
    """Where formulas begin: at a dollar that another one in the same paragraph answers."""
    opening: set[int] = set()
    first: int | None = None
    for token in tokens:
        if token.lastgroup == "end":
            first = None
        elif token.lastgroup == "dollar":
            opening |= set() if first is None else {first}
            first = token.start() if first is None else None
    return opening


def _gone(source: str, token: re.Match[str], closes: dict[int, int]) -> Iterator[Span]:
    end = closes[token.end()]
    following = end + len(_between(source, end))
    if "\\style" in token[0]:
        if within(Look(), "span", {"style": source[token.end() + 1 : end - 1]}).hidden:
            yield token.start(), closes.get(following, end)
        return
    yield token.start(), closes.get(following, end) if _TWO.match(token[0]) else end


def _between(source: str, place: int) -> str:
    found = _BETWEEN.match(source, place)
    return found[0] if found else ""


def _matched(tokens: list[re.Match[str]], length: int) -> tuple[dict[int, int], dict[int, int]]:
    """Of each brace the place behind the one that closes it, and of each change of ink the end of its group."""
    closes: dict[int, int] = {}
    ends: dict[int, int] = {}
    braces: list[int] = []
    inks: list[tuple[int, int]] = []
    for token in tokens:
        place = token.start()
        if token.lastgroup == "open":
            braces.append(place)
        elif token.lastgroup == "ink":
            inks.append((len(braces), place))
        elif token.lastgroup == "close" and braces:
            closes[braces.pop()] = place + 1
        elif token.lastgroup in ("end", "dollar"):
            ends.update((ink, place) for _, ink in inks)
            inks.clear()
            if token.lastgroup == "end":
                braces.clear()
        while inks and inks[-1][0] > len(braces):
            ends[inks.pop()[1]] = place
    ends.update((ink, length) for _, ink in inks)
    return closes, ends

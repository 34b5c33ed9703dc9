"""Words, lines and comparisons of text; no opinion about what it says."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# No part of these patterns can run on over the start of another match: hostile text costs no more than its length.
_MARKS = re.compile(
    r"!\[[^\[\]]{0,500}\]\([^()]{0,2000}\)|\[([^\[\]]{0,500})\]\([^()]{0,2000}\)|</?[a-zA-Z][^<>]{0,300}>|[*_`~#>]+"
)
_BULLET = re.compile(r"^\s*(?:[-*+•‣–]|\(?\d{1,2}[.)/])\s+")
_SENTENCE = re.compile(r"(?<=[^\d\s][.!?…;])\s+|(?<=\d[.!?])\s+(?=[A-ZÀ-Ý])|\n")
_STRAY = re.compile(r"<(?!/?[a-zA-Z]|[!?])")
_HIDING = re.compile(
    r"<(?:(?P<note>!--)|(?P<raw>script|style|title|textarea|iframe|noscript)(?=[\s/>])"
    r"|(?P<ends>/?)(?P<drawn>template|svg|math)(?=[\s/>])[^>]*+>?)",
    re.IGNORECASE,
)
"""Where a comment or an element begins or ends whose content is no text of a page."""
_RAW_ENDS = {
    name: re.compile(rf"</{name}(?=[\s/>])[^>]*+>?", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "iframe", "noscript")
}
_NOTE_END = re.compile(r"--!?>")
_FOREIGN = re.compile(
    r"</?(?!(?:table|thead|tbody|tfoot|tr|th|td|caption)(?![^\s/>]))[a-zA-Z][^>]*>",
    re.IGNORECASE,
)
"""Every tag but those of tables."""


def fold(text: str) -> str:
    """Lower case, no accents, plain apostrophes, single spaces: ``L’Époque`` becomes ``l'epoque``."""
    return _fold(text) if len(text) <= 400 else _fold.__wrapped__(text)


@lru_cache(maxsize=16384)
def _fold(text: str) -> str:
    text = text.replace("œ", "oe").replace("Œ", "oe").replace("’", "'").replace("ʼ", "'")
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(sign for sign in decomposed if not unicodedata.combining(sign)).split())


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def sentences(text: str) -> list[str]:
    """Cut at full stops that end a word and at line ends, never inside a number."""
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def plain(line: str) -> str:
    """A line of Markdown without its marks and bullet."""
    return _BULLET.sub("", _MARKS.sub(lambda match: match.group(1) or " ", line)).strip()


def tabular(html: str) -> str:
    """HTML with no tags but those of tables; what is left is still to be sanitised.

    Parsers of HTML take the square of the time over elements that are left open inside a table, and over drawings.
    """
    whole, end, rest = _without_hidden(html).rpartition(">")
    return _FOREIGN.sub("", _STRAY.sub("&lt;", whole + end)) + rest


def _without_hidden(html: str) -> str:
    """Without comments and elements whose content is no text; one that is never closed hides all that follows."""
    kept: list[str] = []
    place = depth = 0
    outer = ""
    while found := _HIDING.search(html, place):
        if not depth:
            kept.append(html[place : found.start()])
        place = found.end()
        if found["drawn"]:
            name = found["drawn"].lower()
            outer = outer if depth else name
            opens = not found["ends"] and not found[0].endswith("/>")
            depth = max(0, depth + (opens or -bool(found["ends"]))) if name == outer else depth
            continue
        ending = _NOTE_END if found["note"] else _RAW_ENDS[found["raw"].lower()]
        end = ending.search(html, place - 2 if found["note"] else place)  # <!--> is a comment without a word
        if end is None:
            return "".join(kept)
        place = end.end()
    return "".join(kept) if depth else "".join([*kept, html[place:]])

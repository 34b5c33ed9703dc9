"""What students wrote, made harmless: Markdown, tables of HTML output, long text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.token import Token
from markupsafe import Markup, escape

from autograder.feedback import address
from autograder.messages import visible
from autograder.notebook.text import tabular

MARKDOWN_CHARACTERS: Final = 10_000
"""A longer cell is shown as it was typed: nobody reads it, and rendering could be made slow on purpose."""
STEPS: Final = 2_000_000
"""Of all cells of a notebook, each about a microsecond of the worst text that is known; honest ones take a tenth."""
HTML_CHARACTERS: Final = 300_000

_TABLE_TAGS = {"table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption"}
_PROSE_TAGS = _TABLE_TAGS | {
    *("p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"),
    *("em", "strong", "s", "code", "pre", "a", "span"),
}
_SPAN = re.compile(r"[1-9]\d{0,2}")
_WEB = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_LADEN = re.compile(r"<([A-Za-z][A-Za-z0-9]{0,20})\b[^<>]{2000,}+>")
"""A tag with more attributes than anybody writes, which the sanitiser compares with one another."""
_DEEPEST = 6
SPANNED: Final = 20_000
"""Places that the cells of one output may take beside their own: a browser lays out each, and needs minutes for cells
that all lie across each other."""
_SPANNING = re.compile(r'<(t[dh])((?: (?:colspan|rowspan)="\d{1,3}")+)>')


@dataclass(slots=True)
class Effort:
    """What may still be spent on the Markdown of one notebook; counted, not timed, so that a page is always the same."""

    left: int = STEPS


def _bounded(
    rule: Callable[[StateInline, bool], bool], mark: str
) -> Callable[[StateInline, bool], bool]:
    """A rule that looks for the end of a bracket as far as the paragraph goes, as long as there is effort left for it.

    A bracket that is too many for that is a bracket.
    """

    def bounded(state: StateInline, silent: bool) -> bool:
        if not state.src.startswith(mark, state.pos):
            return False
        effort: Effort = state.env["effort"]
        effort.left -= state.posMax - state.pos
        return effort.left > 0 and rule(state, silent)

    return bounded


class _Renderer(RendererHTML):
    """Images become their description, headings go below that of the page, and links say where they lead."""

    def link_close(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        start = next(at for at in range(idx - 1, -1, -1) if tokens[at].type == "link_open")
        target = str(tokens[start].attrs.get("href", ""))
        text = "".join(token.content for token in tokens[start + 1 : idx])
        if not _WEB.match(target) or text in (target, target.partition(":")[2]):
            return "</a>"
        return f"</a> <span>({escape(address.shown(target))})</span>"

    def image(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        return str(escape(f"[image: {tokens[idx].content or '…'}]"))

    def heading_open(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        return f"<{_lowered(tokens[idx].tag)}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        return f"</{_lowered(tokens[idx].tag)}>\n"


def _lowered(tag: str) -> str:
    return f"h{min(_DEEPEST, int(tag[1:]) + 1)}"


def markdown(text: str, effort: Effort) -> Markup | None:
    """Prose as HTML without raw HTML, images, identifiers or links other than http, https and mailto.

    None for what is to be shown as it was typed: too long, or more than there is effort left for.
    """
    shown = visible(text[: MARKDOWN_CHARACTERS + 1])
    if len(shown) > MARKDOWN_CHARACTERS:  # counted once hidden characters are shown, which takes eight for one
        return None
    # Some of the rules of blocks look through all lines at each of them.
    effort.left -= 10 * len(shown) + shown.count("\n") ** 2
    if effort.left <= 0:
        return None
    parser = MarkdownIt("js-default", {"html": False}, renderer_cls=_Renderer)
    parser.inline.ruler.at("link", _bounded(link, "["))
    parser.inline.ruler.at("image", _bounded(image, "!["))
    return _scrolling(_clean(parser.render(shown, {"effort": effort}), _PROSE_TAGS, {"a": {"href"}, "ol": {"start"}}))


def _scrolling(prose: Markup) -> Markup:
    """Each table in a box of its own; Markdown has no tables in tables."""
    around = {"<table>": Markup('<div class="scroll" tabindex="0"><table>'), "</table>": Markup("</table></div>")}
    for tag, boxed in around.items():
        prose = Markup(boxed).join(prose.split(tag))
    return prose


def table(html: str) -> Markup | None:
    """The tables of an HTML output, every other tag and attribute dropped; None when there is none to show."""
    if len(html) > HTML_CHARACTERS or "<table" not in html.lower():
        return None
    cleaned = _clean(tabular(html), _TABLE_TAGS, {})
    return cleaned if "<table" in cleaned else None


def _clean(html: str, tags: set[str], attributes: dict[str, set[str]]) -> Markup:
    spans = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
    cleaned = nh3.clean(
        _LADEN.sub(r"<\1>", visible(html)),
        tags=tags,
        clean_content_tags={"script", "style", "title", "textarea", "iframe", "noscript", "template", "svg", "math"},
        attributes=attributes | spans | {"*": set()},
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    # Entities have become characters by now: a direction mark cannot hide behind &#x202e;.
    return Markup(visible(_laid_out(cleaned)))  # noqa: S704 - the line above is the sanitiser


def _laid_out(cleaned: str) -> str:
    """With as many spans of cells as a page can bear; what is one too many is a single cell."""
    left = SPANNED

    def kept(cell: re.Match[str]) -> str:
        nonlocal left
        area = prod(map(int, re.findall(r"\d+", cell[2]))) - 1
        if area > left:
            return f"<{cell[1]}>"
        left -= area
        return cell[0]

    return _SPANNING.sub(kept, cleaned)


def _kept(tag: str, attribute: str, value: str) -> str | None:
    if attribute in ("colspan", "rowspan", "start") and not _SPAN.fullmatch(value):
        return None
    if attribute == "href" and not address.leads(value):
        return None  # a relative one would lead to whatever lies beside the page
    return value


def settled(text: str) -> str:
    """What a terminal would show in the end: progress bars write each state over the one before."""
    lines = text.replace("\x08", "").replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def shortened(text: str, *, lines: int = 45, characters: int = 6_000, row: int = 1_000) -> tuple[str, int, str]:
    """Beginning, number of lines left out, and end of a text; nothing is left out of a short one."""
    rows = [line if len(line) <= row else line[:row] + " …" for line in visible(text).split("\n")]
    if len(rows) <= lines and sum(map(len, rows)) <= characters:
        return "\n".join(rows), 0, ""
    head = _within(rows[: lines * 2 // 3], characters * 2 // 3)
    tail = _within(rows[len(head) :][::-1][: lines - len(head)], characters // 3)[::-1]
    return "\n".join(head), len(rows) - len(head) - len(tail), "\n".join(tail)


def _within(rows: Sequence[str], characters: int) -> list[str]:
    kept: list[str] = []
    for row in rows:
        characters -= len(row) + 1
        if characters < 0:
            break
        kept.append(row)
    return kept

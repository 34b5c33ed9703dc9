"""Of a text cell what its reader sees: no markup that shows nothing, no text that was made invisible.

Line breaks stay, so that numbers of lines hold. Read as browsers read what Markdown hands them, in linear time; where
renderers differ, text that some of them show is seen. Rules of a style sheet are not looked into.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from autograder.notebook.formulas import unseen
from autograder.notebook.styles import Look, within
from autograder.notebook.text import words

_DEEPEST: Final = 64
_RAW: Final = {"script", "style", "title", "textarea", "iframe", "noscript", "noembed", "noframes"}
"""Elements in which no other begins."""
_SEEN_RAW: Final = {"textarea"}
_UNSEEN: Final = {"template", "head", "datalist", "option", "canvas", "object", "audio", "video"}
_VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_FORMATS: Final = frozenset("a b big code em font i nobr s small strike strong tt u".split())
"""What the parser of a browser opens again in the next paragraph when it was left open."""
_BLOCKS: Final = frozenset(
    "address article aside base basefont blockquote body caption center col colgroup dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html iframe legend li link "
    "main menu menuitem nav noframes ol optgroup option p param search section summary table tbody td tfoot th thead "
    "title tr track ul pre script style textarea".split()
)
_BRIEF: Final = {"script", "style", "textarea"}
_CODES: Final = {"script", "style"}

_PREFIX = r"(?:[ \t]{0,3}(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])))*+[ \t]*+"
_ATTRIBUTE = r"""\s++[a-zA-Z_:@][\w.:@-]*+(?:\s*+=\s*+(?:[^\s"'=<>`]++|'[^']*+'|"[^"]*+"))?+"""
_STRICT = re.compile(rf"<(?:[a-zA-Z][\w-]*+(?:{_ATTRIBUTE})*+\s*+/?|/[a-zA-Z][\w-]*+\s*+)>")
_LOOSE = re.compile(r"</?([a-zA-Z][^\s/>]*+)")
_GIVEN = re.compile(
    r"""[\s/]*+([^\s/>=][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^\s>]*+)))?+""", re.S
)
_FENCE = re.compile(r"[^\S\n]{0,3}(```+|~~~+)")
_BLANK = re.compile(r"[ \t\r]*+(?:\n|\Z)")
_HTML_LINE = re.compile(_PREFIX + r"<(?:/?([a-zA-Z][\w-]*+)|[!?])")
_ALONE = re.compile(_PREFIX + rf"{_STRICT.pattern}[ \t]*+(?:\n|\Z)")
_TITLE = r"""(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\))"""
_DEFINITION = re.compile(
    _PREFIX + r"\[(?:[^\[\]\\]|\\.){1,999}+\]:[ \t]*+\n?[ \t]*+(?:<[^<>\n]*+>|[^\s<]\S*+)"
    rf"(?:[ \t]*+\n?[ \t]*+(?<=\s){_TITLE}(?=[ \t]*+(?:\n|\Z)))?+[ \t]*+(?=\n|\Z)",
    re.S,
)
_TARGET = re.compile(rf"\]\(\s*+(?:<[^<>\n]*+>|[^\s<>()]*+(?:\([^\s()]*+\)[^\s()]*+)*+)(?:\s++{_TITLE})?+\s*+\)", re.S)
_IMAGE = re.compile(
    r"!\[(?:[^\[\]\\]|\\.|\[[^\[\]]*+\])*+\](?:\((?:[^()\\]|\\.|\([^()]*+\))*+\)|\[[^\[\]]{0,999}+\])", re.S
)
_MARK = re.compile(r"\n|`++|\\[!-/:-@\[-`{-~]|<|!\[|\]\(")
_COMMENT_END = re.compile(r"--!?>")
_ENTITY = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_NOTHING: Final = dict.fromkeys(
    (
        *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)),
        *range(0xE0000, 0xE0080),
    )
)
"""Characters that take no room or show nothing, some of which pass for letters."""
_NEAR: Final = 60
"""Lines, and characters of each, that are looked through for what is quoted."""
_SIGNS: Final = "".join(map(chr, _NOTHING))


@dataclass(frozen=True, slots=True)
class Shown:
    text: str
    """As many lines as the source has."""
    unseen: int
    """Words that were left out; those of comments, code and addresses are none."""
    signed: str = ""
    """The text with what takes no room in it, by which a word reads otherwise than it stands."""

    def written(self, line: int, parts: Iterable[str]) -> Iterator[str]:
        """Parts of the text, which follow each other from this line on, as they stand there; else as they are."""
        near = "\n".join(self.signed.split("\n", line + _NEAR)[line : line + _NEAR])[: _NEAR * _NEAR]
        kept = [at for at, sign in enumerate(near) if ord(sign) not in _NOTHING]
        plain, place = near.translate(_NOTHING), 0
        for part in parts:
            start = plain.find(part, place) if part else -1
            if start < 0:
                yield part
                continue
            place = start + len(part)
            first = len(near[: kept[start]].rstrip(_SIGNS))
            yield near[first : kept[place - 1] + 1]


def lines(source: str) -> list[str]:
    """Lines of a Markdown source as they are seen; those of code fences are emptied as well."""
    return shown(source).text.split("\n")


@lru_cache(maxsize=1024)
def shown(source: str) -> Shown:
    kept: list[str] = []
    place = count = 0
    for start, end in sorted(unseen(source)):
        if end > place:
            start = max(start, place)
            kept += [source[place:start], "\n" * source.count("\n", start, end)]
            count += len(words(source[start:end]))
            place = end
    reader = _Reader("".join([*kept, source[place:]]))
    reader.read()
    signed = _ENTITY.sub(_meant, "".join(reader.kept))
    return Shown(signed.translate(_NOTHING), count + reader.unseen, signed)


def _meant(entity: re.Match[str]) -> str:
    """The letter that an entity stands for; any other sign, and what stands for none, is a blank: it begins no tag
    here."""
    sign = html.unescape(entity[0])
    return sign if sign and (sign.isalnum() or ord(sign[0]) in _NOTHING) else " "


@dataclass(slots=True)
class _Open:
    """An element that is open, and changes how text looks."""

    name: str
    attributes: Mapping[str, str]
    look: Look
    raw: bool
    """Opened where no Markdown is read, so that it outlives the paragraph."""
    same: int = 0
    """Elements of its name that are open within it."""
    blocks: int = 0


@dataclass(slots=True)
class _Reader:
    source: str
    kept: list[str] = field(default_factory=list)
    unseen: int = 0
    place: int = 0
    opened: list[_Open] = field(default_factory=list)
    raw: bool = False
    """Whether these lines are HTML, in which no Markdown is read."""
    brief: bool = False
    """Whether they are so for the rest of this line alone: behind a comment or a script Markdown goes on."""
    paragraph: bool = False
    lost: bool = False
    """More elements are open than anybody opens: what follows is taken for unseen."""
    endless: bool = False
    """Whether no comment ends any more."""
    last: dict[str, int] = field(default_factory=dict)
    """Where an element is closed for the last time, by its name."""
    blanks: list[int] = field(default_factory=list)
    ticks: dict[int, list[int]] = field(default_factory=dict)

    def read(self) -> None:
        for run in re.finditer(r"`+", self.source):
            self.ticks.setdefault(len(run[0]), []).append(run.start())
        self.blanks = [blank.start() for blank in re.finditer(r"\n(?=[ \t]*+\n)", self.source)]
        self._line()
        while self.place < len(self.source):
            mark = _MARK.search(self.source, self.place)
            self._text(mark.start() if mark else len(self.source))
            if mark is None:
                return
            self._mark(mark)

    def _mark(self, mark: re.Match[str]) -> None:
        sign = mark[0]
        if sign == "\n":
            self._text(mark.end())
            self._line()
        elif sign == "<":
            self._angle()
        elif self.raw:
            self._text(mark.end())
        elif sign[0] == "`":
            self._code(mark)
        elif sign == "![" and (image := _IMAGE.match(self.source, self.place)):
            self._drop(image.end())
        elif sign == "](" and (target := _TARGET.match(self.source, self.place)):
            self._text(self.place + 2)
            self._drop(target.end() - 1)
        else:
            self._text(mark.end())

    @property
    def look(self) -> Look:
        return self.opened[-1].look if self.opened else Look()

    def _text(self, end: int) -> None:
        """Text as it stands, where it is seen."""
        text = self.source[self.place : end]
        if self.lost or (self.opened and self.look.hidden):
            self._drop(end, counted=True)
            return
        self.kept.append(text)
        self.place = end

    def _drop(self, end: int, *, counted: bool = False) -> None:
        text = self.source[self.place : end]
        self.unseen += len(words(text)) if counted else 0
        self.kept.append("\n" * text.count("\n") or " " * bool(text.strip()))
        self.place = end

    # --- lines ---

    def _line(self) -> None:
        """What begins with the line that begins here."""
        self.raw, self.brief = self.raw and not self.brief, False
        while not self.raw:
            if fence := _FENCE.match(self.source, self.place):
                self._fence(fence[1])
                self.paragraph = False
            elif not self.paragraph and (told := _DEFINITION.match(self.source, self.place)):
                address = re.sub(r"\]:\s*\S+", "] ", told[0])
                self._drop(told.end())
                self.unseen += len(words(address))
            else:
                break
            if self.place >= len(self.source):
                return
            self._text(self.place + 1)
        if _BLANK.match(self.source, self.place):
            self.raw = self.paragraph = False
            while self.opened and self._ends_here(self.opened[-1]):
                self.opened.pop()
        elif not self.raw:
            begins = _HTML_LINE.match(self.source, self.place)
            name = (begins[1] or "script").lower() if begins else ""
            named, self.brief = name in _BLOCKS, name in _BRIEF
            self.raw = named or (not self.paragraph and _ALONE.match(self.source, self.place) is not None)
            self.paragraph = not self.raw and self.source[self.place : self.place + 4].lstrip()[:1] != "#"

    def _ends_here(self, element: _Open) -> bool:
        """Whether the end of a paragraph ends it."""
        return element.name == "p" or (not element.raw and element.name not in _FORMATS | _BLOCKS)

    def _fence(self, mark: str) -> None:
        """Over the lines of code to the end of the line that closes them."""
        closing = re.compile(rf"^[^\S\n]{{0,3}}{mark[0]}{{{len(mark)},}}", re.M)
        first = self.source.find("\n", self.place)
        found = closing.search(self.source, first + 1) if first >= 0 else None
        end = self.source.find("\n", found.end()) if found else -1
        end = end if end >= 0 else len(self.source)
        self.kept.append("\n" * self.source.count("\n", self.place, end))
        self.place = end

    def _code(self, mark: re.Match[str]) -> None:
        """A span of code is read as it stands."""
        runs = self.ticks.get(len(mark[0]), [])
        index = bisect_left(runs, mark.end())
        closing = runs[index] if index < len(runs) else -1
        parted = closing < 0 or "\n\n" in self.source[mark.end() : min(closing, mark.end() + 5000)]
        self._text(mark.end() if parted or closing - mark.end() > 5000 else closing + len(mark[0]))

    # --- tags ---

    def _angle(self) -> None:
        source, place = self.source, self.place
        if source.startswith("<!--", place):
            shut = source.startswith(("<!-->", "<!--->"), place)
            found = _COMMENT_END.search(source, place + (2 if shut else 4)) if not self.endless else None
            if found or self.raw:
                self._drop(found.end() if found else len(source))
                return
            self.endless = True
        elif source.startswith(("<!", "<?", "</ "), place) and (end := self._shut(place)):
            self._drop(end)
            return
        elif (self.raw or _STRICT.match(source, place)) and (name := _LOOSE.match(source, place)):
            self._tag(name)  # a loose name may go on to the end of the text, so it is read where there is a tag
            return
        self._text(place + 1)

    def _shut(self, place: int) -> int:
        """Behind the next ``>`` on the same line or the next; 0 where there is none."""
        end = self.source.find(">", place, place + 5000)
        return end + 1

    def _tag(self, name: re.Match[str]) -> None:
        tag, closes = name[1].lower(), name[0][1] == "/"
        attributes, end = self._attributes(name.end())
        start = self.place
        inside = self.source[start + 1 : end].removesuffix(">")
        simple = len(inside) < 300 and not re.search(r"[<>\n]", inside)
        written = f"<{'/' * closes}{tag}>"
        if simple and self.source[end - 1] == ">":
            written = self.source[start:end]
        if closes:
            self._close(tag)
        hidden = self.look.hidden or self.lost
        self.kept.append(("" if hidden else written) + "\n" * (0 if simple else self.source.count("\n", start, end)))
        self.place = end
        if not closes:
            self._open(tag, attributes)

    def _attributes(self, place: int) -> tuple[dict[str, str], int]:
        """Of the tag whose name ends here, and where it ends: at the latest with the paragraph."""
        after = bisect_left(self.blanks, place)
        last = self.blanks[after] if after < len(self.blanks) else len(self.source)
        found: dict[str, str] = {}
        while given := _GIVEN.match(self.source, place, last):
            value = next((part for part in given.groups()[1:] if part is not None), "")
            found.setdefault(given[1].lower(), html.unescape(value[:20_000]))
            place = given.end()
        end = self.source.find(">", place, last)
        return found, end + 1 if end >= 0 else last

    def _open(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _RAW and self._has_end(tag):
            self._raw(tag, attributes)
            return
        if tag in _VOID:
            return
        if tag in _BLOCKS and self.opened and self.opened[-1].name == "p":
            self.opened.pop()
        look = within(self.look, tag, attributes)
        if tag in _UNSEEN or (tag == "dialog" and "open" not in attributes):
            look = within(look, tag, {"hidden": ""}) if self._has_end(tag) else look
        if look is not self.look and look != self.look:
            self.lost = self.lost or len(self.opened) >= _DEEPEST
            self.opened.append(_Open(tag, attributes, look, self.raw))
        elif self.opened:
            for element in reversed(self.opened):
                if element.name == tag:
                    element.same += 1
                    break
            self.opened[-1].blocks += tag in _BLOCKS

    def _close(self, tag: str) -> None:
        crossed = False
        for index in range(len(self.opened) - 1, -1, -1):
            element = self.opened[index]
            crossed = crossed or element.blocks > 0
            if element.name == tag:
                break
            crossed = crossed or element.name in _BLOCKS
        else:
            index = -1
        if self.opened and tag in _BLOCKS and self.opened[-1].blocks:
            self.opened[-1].blocks -= 1
        if index < 0:
            return
        element = self.opened[index]
        if element.same:
            element.same -= 1
        elif tag in _FORMATS:
            self._reopen(index)
        elif tag in _BLOCKS or not (crossed or (element.raw and not self.raw)):
            left = [one for one in self.opened[index + 1 :] if one.name in _FORMATS]
            self.opened[index:] = [element, *left]
            self._reopen(index)

    def _reopen(self, index: int) -> None:
        """Take one element out; those within it look as they do without it."""
        above = self.opened[index + 1 :]
        del self.opened[index:]
        for element in above:
            element.look = within(self.look, element.name, element.attributes)
            self.opened.append(element)

    def _has_end(self, tag: str) -> bool:
        """Whether it is closed further on: one that is not was never meant as markup."""
        if tag not in self.last:
            ends = [end.start() for end in re.finditer(rf"</{tag}\b", self.source, re.I)]
            self.last[tag] = ends[-1] if ends else -1
        return self.last[tag] >= self.place

    def _raw(self, tag: str, attributes: Mapping[str, str]) -> None:
        found = re.compile(rf"</{tag}\b[^<>]*>?", re.I).search(self.source, self.place)
        begins, ends = found.span() if found else (len(self.source), len(self.source))
        inner = self.source[self.place : begins]
        seen = tag in _SEEN_RAW and not self.lost and not within(self.look, tag, attributes).hidden
        if seen:
            self.kept.append(inner.replace("<", " "))
            self.place = begins
        else:
            self._drop(begins, counted=tag not in _CODES or not re.search(r"[{=]", inner))
        self._drop(ends)

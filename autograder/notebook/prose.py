"""What the author wrote in words, told apart from the starter notebook's text, and ways to search it.

Everything here is a heuristic over French and English; nothing understands a sentence.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from rapidfuzz import fuzz, process

from autograder.notebook.headings import heading_lines
from autograder.notebook.shown import lines
from autograder.notebook.source import code_cells, parse, python
from autograder.notebook.text import fold, plain, words
from autograder.records import Cell, CellKind

_TABLE = re.compile(r"\|.*\||[:\-| ]{3,}$")
_ITEM = re.compile(r"(\s*)(?:(?:[-*+•‣–]|\(?\d{1,2}[.)])\s+\S|<li\b)")
_WHY = re.compile(
    r"\b(?:pourquoi|raisons?|justifications?|motivations?|hypotheses?|objectifs?|but|attendus?|intuitions?"
    r"|why|reasons?|rationale|hypothesis|goals?|aims?|purpose|expect(?:ed|ations?))\b"
)
_PAIR = re.compile(r"\d\s?(?:->|→|↔|<->|/|vs)\s?\d")
"""``8 → 1``, of a list of what is taken for what, says something without a word."""
_HOLLOW = re.compile(
    r"(?:a|to be|to) (?:completer|remplir|rediger|faire|complete|fill(?: in)?|do|completed)\b|\btodo\b|lorem ipsum"
    r"|(?:votre|your) (?:texte|text|reponse|answer|analyse|analysis|introduction|conclusion|commentaire)s? (?:ici|here)"
    r"|^(?:ecrivez|redigez|decrivez|presentez|completez|expliquez|write|describe|explain) (?:ici|here)\b"
)
_FRENCH = frozenset(
    "le la les des est une un pour avec dans nous que qui sur et du au aux ce cette plus mais par sont pas il elle ont "
    "ne se je donc ainsi afin comme entre notre mes mon leur ces ou".split()
)
_ENGLISH = frozenset(
    "the is of and to for with we in that this are was it as by from which but not on be our has have than at an my "
    "were more can then these its so will when".split()
)


class Origin(StrEnum):
    MARKDOWN = "markdown"
    TABLE = "table"
    """A row of a Markdown table in which a cell reads as a sentence."""
    COMMENT = "comment"
    """Sentences in comments of code."""
    PRINTED = "printed"
    """Sentences in strings that the code prints, or that stand alone."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    cell: int
    line: int
    """0-based line of the cell at which it begins."""
    text: str
    origin: Origin = Origin.MARKDOWN
    listed: bool = False
    """Whether it is an item of a list, or what stands right before the first."""
    explains: bool = False
    """Whether, as a row of a table, it says something in a column that is headed as that of the reasons."""

    @property
    def words(self) -> int:
        return len(words(self.text))


def paragraphs(
    cells: Iterable[Cell], template_cells: Sequence[str] = (), *, by_item: bool = False
) -> tuple[Paragraph, ...]:
    """The author's own prose in order of the notebook; ``by_item``: what a list holds, one by one.

    Left out: headings, tables of figures, code, lines of the starter notebook (also slightly changed ones),
    placeholders such as "à compléter", and lines said before (a text pasted ten times is one text).
    """
    given = Given(template_cells)
    said: set[str] = set()
    own: list[Paragraph] = []
    for cell in _looked_into(cells):
        for paragraph in _raw(cell, by_item=by_item):
            kept = [line for line in map(given.own_part, paragraph.text.split("\n")) if line and _new(line, said)]
            if kept:
                own.append(replace(paragraph, text="\n".join(kept)))
    return tuple(own)


def _looked_into(cells: Iterable[Cell]) -> Iterator[Cell]:
    known = tuple(cells)
    looked = {cell.index for cell in code_cells(known)}
    return (cell for cell in known if cell.kind is not CellKind.CODE or cell.index in looked)


def _new(line: str, said: set[str]) -> bool:
    folded = " ".join(words(fold(line)))
    if folded in said and len(folded) > 20:
        return False
    said.add(folded)
    return True


class Given:
    """The text of the starter notebook, line by line."""

    def __init__(self, template_cells: Sequence[str]) -> None:
        told = (_row(line) or plain(line) for source in template_cells for line in source[:50_000].split("\n")[:2000])
        self._lines = sorted({fold(line) for line in told if words(line)}, key=len, reverse=True)
        self._known = frozenset(self._lines)

    def own_part(self, line: str) -> str:
        """What of a line is the author's: all, what follows an instruction, or nothing."""
        folded = fold(line)
        wordless = not words(folded) and not _PAIR.search(folded)
        if wordless or folded in self._known or hollow(line):
            return ""
        start = next((known for known in self._lines if len(known.split()) >= 2 and folded.startswith(known)), "")
        if start:
            return line[len(start) :].strip(" :.-–—")
        if len(folded.split()) >= 5 and process.extractOne(folded, self._lines, scorer=fuzz.ratio, score_cutoff=92):
            return ""
        return line


def hollow(line: str) -> bool:
    """Whether a short line only says that something remains to be written."""
    folded = fold(line)
    return len(folded) < 120 and bool(_HOLLOW.search(folded))


def _raw(cell: Cell, *, by_item: bool = False) -> Iterator[Paragraph]:
    if cell.kind is CellKind.MARKDOWN:
        yield from _markdown(cell, by_item)
    elif cell.kind is CellKind.CODE:
        yield from sorted([*_comments(cell), *_printed(cell)], key=lambda paragraph: paragraph.line)


def _markdown(cell: Cell, by_item: bool) -> Iterator[Paragraph]:
    skipped = heading_lines(cell)
    block: list[tuple[int, str, str]] = []
    heads: list[str] = []
    for number, line in [*enumerate(lines(cell.source)), (-1, "")]:
        told = line.strip() if number not in skipped else ""
        if told and (row := _row(line)):
            yield Paragraph(cell.index, number, row, Origin.TABLE, explains=_explains(told, heads))
        heads = (heads or _fields(told)) if told and _TABLE.match(told) else []
        text = plain(line) if told and not _TABLE.match(told) else ""
        if text:
            block.append((number, line, text))
        elif block:
            yield from _parts(cell.index, block, by_item)
            block = []


def _parts(cell: int, block: Sequence[tuple[int, str, str]], by_item: bool) -> Iterator[Paragraph]:
    """A run of lines, or what stands before its first item and then each item, with the lists within it."""
    starts = [0]
    first: int | None = None
    for place, (_, line, _) in enumerate(block if by_item else ()):
        indent = len(found.group(1).expandtabs()) if (found := _ITEM.match(line)) else None
        if indent is not None and (first is None or indent <= first):
            first = indent
            starts += [place] if place else []
    for start, end in zip(starts, [*starts[1:], len(block)], strict=True):
        told = "\n".join(text for _, _, text in block[start:end])
        yield Paragraph(cell, block[start][0], told, listed=len(starts) > 1)


def _fields(row: str) -> list[str]:
    return [plain(field) for field in row.strip().strip("|").split("|")]


def _explains(row: str, heads: Sequence[str]) -> bool:
    """Whether a few words stand in a column whose head asks for a reason."""
    return any(
        _WHY.search(fold(head)) and len(words(field)) >= 3 for head, field in zip(heads, _fields(row), strict=False)
    )


def _row(line: str) -> str:
    """The fields of a table's row when one of them has five words or more; empty for rows of names and figures."""
    if not _TABLE.match(line.strip()):
        return ""
    fields = _fields(line)
    return " ; ".join(filter(None, fields)) if any(len(words(field)) >= 5 for field in fields) else ""


def _comments(cell: Cell) -> Iterator[Paragraph]:
    """Runs of comment lines that read as sentences: at least eight words, and no code that was switched off."""
    block: list[str] = []
    start = 0
    for number, line in [*enumerate(cell.source.split("\n")), (-1, "")]:
        comment = re.match(r"\s*#+\s?(?![!%])(.*)", line)
        if comment and not re.fullmatch(r"[\W_]*", comment.group(1)) and not looks_like_code(comment.group(1)):
            start = start if block else number
            block.append(plain(comment.group(1)))
            continue
        if sum(len(words(part)) for part in block) >= 8:
            yield Paragraph(cell.index, start, "\n".join(block), Origin.COMMENT)
        block = []


def looks_like_code(comment: str) -> bool:
    """Whether a comment is a statement that was switched off rather than words."""
    tree = parse(comment.strip())
    if tree is None:
        return False
    return any(
        not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Name | ast.Constant) for node in tree.body
    )


def _printed(cell: Cell) -> Iterator[Paragraph]:
    tree = parse(python(cell.source))
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("print", "Markdown"):
            texts = [arg for arg in node.args if isinstance(arg, ast.Constant)]
        elif isinstance(node, ast.Module):
            texts = [
                item.value for item in node.body if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)
            ]
        else:
            continue
        for text in texts:
            if isinstance(text.value, str) and len(words(text.value)) >= 8:
                said = "\n".join(filter(None, map(plain, text.value.split("\n"))))
                yield Paragraph(cell.index, text.lineno - 1, said, Origin.PRINTED)


def guess_language(cells: Iterable[Cell]) -> str:
    """``fr`` or ``en``, by the share of little words; French when there is nothing to tell by."""
    french, english, _ = _little_words(text for cell in _looked_into(cells) for text in _told(cell))
    return "en" if english > french else "fr"


def readable(own: Iterable[Paragraph]) -> bool:
    """Whether the prose is French or English as far as little words tell: other languages are for a person to read."""
    french, english, total = _little_words(paragraph.text for paragraph in own)
    return total < 40 or max(french, english) >= 0.12 * total


def _told(cell: Cell) -> Iterator[str]:
    if cell.kind is CellKind.MARKDOWN:
        yield "\n".join(lines(cell.source))
    else:
        yield from (paragraph.text for paragraph in _raw(cell))


def _little_words(texts: Iterable[str]) -> tuple[int, int, int]:
    french = english = total = 0
    for text in texts:
        for word in re.findall(r"[^\W\d_]+", text.casefold()):
            total += 1
            french += word in _FRENCH
            english += word in _ENGLISH
    return french, english, total

"""Finding rows and columns of text wherever a notebook may show a table; what they mean is left to ``tables``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from itertools import takewhile

import nh3

from autograder.extraction.gutters import parted
from autograder.extraction.literals import literal_tables
from autograder.notebook.numbers import quantity
from autograder.notebook.shown import lines
from autograder.notebook.text import plain, tabular
from autograder.records import Cell, CellKind, Frame, Ledger, Output, Value

MAX_ROWS = 200
MAX_COLUMNS = 40
MAX_FIELD = 300
MAX_HTML = 200_000
MOST_LINES = 20_000
"""Of all that the cells of one notebook say: each is looked at in eleven ways."""

_BARS = re.compile(r"[|│┃║┆┊]")
_RULE = re.compile(r"^[\s|│┃║+\-=_:.─━═┌┐└┘├┤┬┴┼╒╕╘╛╞╡╤╧╪┏┓┗┛┡┩╇╈┳┻╋╔╗╚╝╠╣╦╩╬╭╮╯╰*~#]+$")
_TABLE_TAGS = {"table", "thead", "tbody", "tfoot", "tr", "th", "td"}
_GAP = re.compile(r"\s*(?:\.{3,}|…+|·{3,}|_{3,})\s*|\t+|\s{2,}")
"""Blanks, a tab, or leaders: ``conv ...... 96.2 %``."""
_SPREAD = re.compile(r"(?<=\d) (?:±|\+/-) (?=[\d.])")
"""Within one figure: ``0.93 ± 0.01``."""
_VALIDATION = re.compile(r"(?:^|_)val(?:id(?:ation)?)?(?:_|$)")
_LOG = re.compile(
    r"^\s*(?:\d+/(?:\d+|unknown)\s.*(?:\d(?:ms|s|us)/(?:step|epoch)|[━=]{4}|\[[=>.]{4})|epoch \d+|\d+%\|"
    r"|\[autograder\] )",
    re.I,
)
"""Lines that Keras, tqdm and we write while trainings go on: nothing that the author states."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Text in rows below a header; ``origin`` as in ``records.Table``."""

    cell: int | None
    origin: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def transposed(self) -> Grid:
        """Rows become columns: for tables with one model per column."""
        columns = tuple(zip(self.header, *self.rows, strict=True))
        return Grid(self.cell, self.origin, columns[0], columns[1:]) if columns else self


def grids(cells: Sequence[Cell], ledger: Ledger) -> Iterator[Grid]:
    """Every table of the notebook: in memory when it ended, in its text, in its outputs."""
    for frame in ledger.frames:
        yield from _frame(frame, cells)
    for cell in cells:
        if cell.kind is CellKind.MARKDOWN:
            yield from _ruled(cell.index, "markdown", lines(cell.source))
            yield from _html(cell.index, "\n".join(lines(cell.source))[:MAX_HTML])
        for html in (output.html for output in cell.outputs if output.html):
            yield from _html(cell.index, html)
        printed = stdout(cell)
        yield from _written(cell.index, printed.split("\n"))
        yield from _literal(cell, printed)


def stdout(cell: Cell) -> str:
    """All that a cell printed, pieces joined, and the text of results that have no HTML; progress bars left out."""
    texts = (
        output.text
        for output in cell.outputs
        if output.stream == "stdout" or (output.kind in ("result", "display") and not output.html and not output.image)
    )
    return "\n".join(line for text in texts for line in text.split("\n") if not _LOG.match(line))


def brief(cells: Sequence[Cell]) -> list[Cell]:
    """The same cells with no more lines than are worth the time; where they say too much together, those that say
    little are whole, and of the others the beginning is left."""
    counts = [_count(cell) for cell in cells]
    left, kept = MOST_LINES, list(cells)
    for rank, place in enumerate(sorted(range(len(cells)), key=lambda place: counts[place])):
        share = left // (len(cells) - rank)
        if counts[place] > share:
            kept[place] = _begun(cells[place], share)
        left -= min(share, counts[place])
    return kept


def _count(cell: Cell) -> int:
    """Lines of text, and rows of tables in HTML."""
    if cell.kind is CellKind.MARKDOWN:
        return cell.source.count("\n") + 1
    return stdout(cell).count("\n") + 1 + sum(map(_rows, cell.outputs)) if cell.outputs else 0


def _rows(output: Output) -> int:
    return output.html.lower().count("<tr")


def _begun(cell: Cell, lines: int) -> Cell:
    """What it shows in tables comes before what it printed."""
    if cell.kind is CellKind.MARKDOWN:
        return replace(cell, source="\n".join(cell.source.split("\n", lines)[:lines]))
    shown: list[Output] = []
    for output in cell.outputs:
        if output.html and (rows := _rows(output)) <= lines:
            shown.append(output)
            lines -= rows
    printed = "\n".join(stdout(cell).split("\n", lines)[:lines])
    return replace(cell, outputs=(*shown, Output(kind="stream", stream="stdout", text=printed)))


def _grid(cell: int | None, origin: str, header: Iterable[str], rows: Iterable[Sequence[str]]) -> Iterator[Grid]:
    """A rectangle: short rows are filled up, and what is too long is cut."""
    head = tuple(plain(field)[:MAX_FIELD] for field in header)[:MAX_COLUMNS]
    body = tuple(
        (*(plain(field)[:MAX_FIELD] for field in row[: len(head)]), *[""] * (len(head) - len(row)))
        for row, _ in zip(rows, range(MAX_ROWS), strict=False)
    )
    if len(head) >= 2 and body:
        yield Grid(cell, origin, head, body)


# --- in memory ---------------------------------------------------------------------------------------------------


def _frame(frame: Frame, cells: Sequence[Cell]) -> Iterator[Grid]:
    named = re.compile(rf"(?<![\w.]){re.escape(frame.name)}\b")
    users = [cell.index for cell in cells if cell.kind is CellKind.CODE and named.search(cell.source)]
    index = frame.index if len(frame.index) == len(frame.rows) else tuple("" for _ in frame.rows)
    counted = all(re.fullmatch(r"\d*", label) for label in index)
    columns = (_meaning(frame.name),) if frame.columns == ("value",) else frame.columns
    head = columns if counted else ("", *columns)
    body = [[*(() if counted else (label,)), *map(_said, row)] for label, row in zip(index, frame.rows, strict=True)]
    origin = "dict" if frame.kind == "dict" else "dataframe"
    yield from _grid(users[-1] if users else None, origin, head, body)


_SAYS_SHARE = re.compile(r"acc|precis|score|resul|perf|(?:^|_)res(?:_|$)|justesse")


def _meaning(name: str) -> str:
    """What a dict of plain numbers holds, by its variable's name."""
    if _VALIDATION.search(name.lower()):
        return "validation accuracy" if _SAYS_SHARE.search(name.lower()) else name
    return "accuracy" if _SAYS_SHARE.search(name.lower()) else name


def _said(value: Value) -> str:
    return "" if value is None else str(value)


# --- HTML --------------------------------------------------------------------------------------------------------


class _Rows(HTMLParser):
    """Collects the text of ``tr``, ``th`` and ``td``; everything else is passed over."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self.tables[-1][-1].append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._open = False

    def handle_data(self, data: str) -> None:
        # A table within a field has no field yet where white space stands between its tags.
        if self._open and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data


def _html(cell: int, html: str) -> Iterator[Grid]:
    if "<t" not in html.lower():
        return
    # Well-formed by a parser whose time is linear; the standard library's is not, on malformed input.
    parser = _Rows()
    parser.feed(nh3.clean(tabular(html), tags=_TABLE_TAGS, attributes={}))
    for table in parser.tables:
        rows = [row for row in table if any(field.strip() for field in row)]
        if len(rows) < 2:
            continue
        head, *body = rows
        width = max(map(len, body))
        counted = len(head) == width and not head[0].strip() and all(re.fullmatch(r"\s*\d+\s*", row[0]) for row in body)
        cut = 1 if counted else 0
        yield from _grid(cell, "html", head[cut:], [row[cut:] for row in body])


# --- text --------------------------------------------------------------------------------------------------------


def _written(cell: int, text: Sequence[str]) -> Iterator[Grid]:
    text = [line[:1000] for line in text[:20_000]]
    yield from _ruled(cell, "printed", text)
    text = _unwrapped(text)
    yield from _placed(cell, text)
    yield from _aligned(cell, text)
    yield from _separated(cell, text)
    yield from _series(cell, text)


_SERIES = re.compile(r"Name: (?P<name>[^,\n]{1,60}), (?:Length: \d+, )?dtype: (?:float|int)")


def _series(cell: int, text: Sequence[str]) -> Iterator[Grid]:
    """``print(series)``: names and figures, and what they are in the last line."""
    for number, line in enumerate(text):
        if named := _SERIES.match(line):
            rows: list[list[str]] = []
            for above in reversed(text[max(0, number - MAX_ROWS) : number]):
                fields = [field for field in _GAP.split(above.strip()) if field]
                if len(fields) != 2 or quantity(fields[1]) is None:
                    break
                rows.insert(0, fields)
            yield from _grid(cell, "printed", ("", named["name"]), rows)


_PRINTED = re.compile(r"^(?:p?print\(\s*|display\(\s*)?(\w+)\s*\)?\s*$", re.MULTILINE)
"""A line that shows one variable."""


def _literal(cell: Cell, printed: str) -> Iterator[Grid]:
    """Collections as Python prints them; plain figures mean what the printed variable's name says."""
    source = cell.source[:5000]
    meaning = "accuracy" if _SAYS_SHARE.search(source.lower()) else ""
    if (shown := _PRINTED.findall(source)) and _VALIDATION.search(shown[-1].lower()):
        meaning = _meaning(shown[-1])
    for header, rows in literal_tables(printed):
        columns = [name or (meaning if place else "") for place, name in enumerate(header)]
        yield from _grid(cell.index, "printed", columns, rows)


def _ruled(cell: int, origin: str, text: Sequence[str]) -> Iterator[Grid]:
    """Columns parted by bars: Markdown, ``tabulate``, box drawing."""
    block: list[list[str]] = []
    for line in [*text, ""]:
        fields = [field.strip() for field in _BARS.split(line.strip().strip("|│┃║").replace("\\|", "/"))]
        if _is_rule(line):
            continue
        if len(fields) >= 2 and _BARS.search(line):
            block.append(fields)
            continue
        if len(block) >= 2:
            yield from _grid(cell, origin, block[0], block[1:])
        block = []


def _aligned(cell: int, text: Sequence[str]) -> Iterator[Grid]:
    """Columns parted by two spaces or more, below a header: padded prints, ``print(df)``, ``tabulate``."""
    number = 0
    while number < len(text):
        line, number = text[number], number + 1
        head = [field for field in _GAP.split(line.strip()) if field]
        if not head or _BARS.search(line) or any(map(quantity, head)):
            continue
        if number < len(text) and _without_corner(head, text[number]):
            head = ["", *head]
        elif number + 1 < len(text) and (name := _index(head, text[number], text[number + 1])):
            head, number = [name, *head], number + 1
        if len(head) < 2:
            continue
        body: list[list[str]] = []
        while number < len(text):
            ruled = _is_rule(text[number])
            fields = [] if ruled else _fields(text[number], len(head))
            if not ruled and not fields:
                break
            body.extend([fields] if fields else [])
            number += 1
        yield from _grid(cell, "printed", head, body)


def _is_rule(line: str) -> bool:
    return bool(line.strip()) and _RULE.match(line) is not None


def _without_corner(head: Sequence[str], line: str) -> bool:
    """Whether the header lacks a name for the column of names, as where metrics are rows and models columns."""
    fields = [field for field in _GAP.split(line.strip()) if field]
    return len(fields) == len(head) + 1 and not fields[0].isdigit() and all(map(quantity, fields[1:]))


def _index(head: Sequence[str], line: str, below: str) -> str:
    """The name of an index, which pandas prints in a line of its own between header and rows; empty if it is none."""
    name = line.strip()
    alone = line == line.lstrip() and len(_GAP.split(name)) == 1 and quantity(name) is None and not _RULE.match(line)
    return name if alone and _without_corner(head, below) else ""


def _fields(line: str, count: int) -> list[str]:
    """The fields of one line below a header of ``count`` columns; empty when it does not fit or holds no figure."""
    fields = [field for field in _GAP.split(line.strip()) if field]
    if len(fields) == count + 1 and fields[0].isdigit():
        fields = fields[1:]
    if len(fields) == count:
        return fields if any(map(quantity, fields)) else []
    # A long name has eaten the padding: as many figures as columns, counted from the right.
    tokens = _SPREAD.sub("±", line).split()
    label, values = tokens[: -(count - 1)], tokens[-(count - 1) :]
    return [" ".join(label), *values] if label and all(map(quantity, values)) else []


def _unwrapped(text: Sequence[str]) -> list[str]:
    """Wide frames in one piece, which pandas prints in several below each other, with ``\\`` at the end of all headers
    but the last."""
    whole: list[str] = []
    number = 0
    while number < len(text):
        pieces = list(_pieces(text, number))
        whole += _side_by_side(pieces) if len(pieces) > 1 else [text[number]]
        number += sum(len(piece) + 1 for piece in pieces) - 1 if len(pieces) > 1 else 1
    return whole


def _pieces(text: Sequence[str], start: int) -> Iterator[list[str]]:
    """Of as many lines each, a blank one between them."""
    height, more = 0, text[start].endswith("\\")
    while more:
        piece = list(takewhile(str.strip, text[start : start + MAX_ROWS]))
        if not piece or len(piece) != (height or len(piece)):
            return
        yield piece
        height, more = len(piece), piece[0].endswith("\\")
        start += height + 1


def _side_by_side(pieces: Sequence[Sequence[str]]) -> list[str]:
    """The numbers of the rows stand in each piece; those of the first will do."""
    rows = list(pieces[0])
    for piece in pieces[1:]:
        width = max(map(len, rows))
        unnumbered = (re.sub(r"^\d+", lambda digits: " " * len(digits[0]), line) for line in piece)
        rows = [row.removesuffix("\\").ljust(width) + line for row, line in zip(rows, unnumbered, strict=True)]
    return rows


def _placed(cell: int, text: Sequence[str]) -> Iterator[Grid]:
    """Columns that stand below each other, where there is but one blank between headings of one or several words."""
    number = 0
    while number < len(text):
        line, number = text[number], number + 1
        if len(line.split()) < 2 or _BARS.search(line) or any(map(quantity, line.split())):
            continue
        body: list[str] = []
        while number < len(text) and (_is_rule(text[number]) or any(map(quantity, text[number].split()))):
            body.extend([] if _is_rule(text[number]) else [text[number]])
            number += 1
        if len(body) < 2:
            continue
        rows = parted([line, *body[:MAX_ROWS]])
        if rows and len(rows[0]) > len([field for field in _GAP.split(line.strip()) if field]):
            yield from _grid(cell, "printed", rows[0], rows[1:])


def _separated(cell: int, text: Sequence[str]) -> Iterator[Grid]:
    """CSV as printed by ``to_csv`` or ``!cat``."""
    for mark in (";", ",", "\t"):
        block: list[str] = []
        for line in [*text, ""]:
            if line.count(mark) >= 1 and (not block or line.count(mark) >= block[0].count(mark)):
                block.append(line)
                continue
            if len(block) >= 2:
                head, *body = (next(csv.reader([row], delimiter=mark), []) for row in block)
                counted = not head[0].strip() and all(row and row[0].isdigit() for row in body)
                cut = 1 if counted else 0
                yield from _grid(cell, "csv", head[cut:], [row[cut:] for row in body if len(row) == len(head)])
            block = []

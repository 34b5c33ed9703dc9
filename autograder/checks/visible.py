"""Which rows of a table that a notebook holds in memory a reader gets to see.

A heuristic, on the side of the notebook: a row counts as shown where its figure stands in any output or text, or its
name beside some number, or where a chart of the table is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from autograder.notebook.shown import lines
from autograder.notebook.text import fold
from autograder.records import ALL_IS_WELL, Cell, CellKind, Evidence, Table, TableRow

_IN_MEMORY = frozenset({"dataframe", "dict"})
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:[.,]\d{1,17})?")
MAX_CHARACTERS = 200_000
"""Of one output."""
DIGITS = 3


def visible(table: Table, evidence: Evidence, drawn: Iterable[str]) -> tuple[TableRow, ...]:
    """``drawn``: code of cells that show an image, and can have drawn it.

    All rows where a cell that speaks of the table did not come to its end: it may be the one that would have shown it.
    """
    names = [frame.name for frame in evidence.ledger.frames if len(frame.rows) >= len(table.rows)]
    if table.origin not in _IN_MEMORY or _is_named(names, drawn) or _is_named(names, _unfinished(evidence)):
        return table.rows
    seen = [line for cell in evidence.cells for line in _lines(cell)]
    figures = {figure for line in seen for figure in _figures(line)}
    named = [fold(line) for line in seen if _NUMBER.search(line)]
    return tuple(row for row in table.rows if _is_seen(row, figures, named))


def _is_named(names: Sequence[str], sources: Iterable[str]) -> bool:
    """Whether code speaks of the table, or of a list that it was made of: of one with as many entries."""
    return any(re.search(rf"(?<![\w.]){re.escape(name)}\b", source) for source in sources for name in names)


def _unfinished(evidence: Evidence) -> list[str]:
    states = {run.index: run.state for run in evidence.execution.cells}
    code = (cell for cell in evidence.cells if cell.kind is CellKind.CODE)
    return [cell.source for cell in code if states.get(cell.index) not in ALL_IS_WELL]


def _lines(cell: Cell) -> list[str]:
    if cell.kind is CellKind.MARKDOWN:
        return lines(cell.source[:MAX_CHARACTERS])
    outputs = [output for output in cell.outputs if output.kind != "error" and output.stream != "stderr"]
    texts = (output.text[:MAX_CHARACTERS] for output in outputs)
    pages = [" ".join(lines(output.html[:MAX_CHARACTERS])) for output in outputs if output.html]
    return [line for text in texts for line in text.split("\n")] + pages


def _figures(line: str) -> set[str]:
    """The digits of each number, without its point: ``0.9812``, ``98.12 %`` and ``98,12`` are the same."""
    return {digits for number in _NUMBER.findall(line) if (digits := _digits(number))}


def _digits(number: str) -> str:
    """Empty for so few that they may stand there for anything."""
    digits = re.sub(r"\D", "", number).lstrip("0")
    return digits.rstrip("0") if len(digits) >= DIGITS else ""


def _is_seen(row: TableRow, figures: set[str], named: Sequence[str]) -> bool:
    label = fold(row.label)
    if any(label in line for line in named):
        return True
    written = () if row.accuracy is None else (f"{row.accuracy:.{places}f}" for places in range(DIGITS, 18))
    return not figures.isdisjoint({_digits(number) for number in written} - {""})

"""Collections as Python prints them (dicts, lists of dicts, lists of tuples), read as tables without running them.

Only figures, names and nothing else: what ``ast`` cannot read as a literal is no table.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from autograder.records import Json

MAX_LENGTH = 20_000
MAX_DEPTH = 6
MAX_LITERALS = 20
MAX_SCANNED = 5 * MAX_LENGTH
"""Characters that are looked at for closing brackets, over all openings: most of a hostile text's never close."""
_OPENING = re.compile(r"^[^\[{(]{0,60}?(?=[\[{])", re.M)
_CALLED = re.compile(r"\b(?:np\.|numpy\.)?(?:float|int)\d{1,2}\((-?[\d.e+-]{1,30})\)")
"""numpy 2 prints ``np.float64(0.98)``."""

Rows = Sequence[Sequence[str]]


def literal_tables(text: str) -> Iterator[tuple[Sequence[str], Rows]]:
    """(header, rows) of each printed collection that has the form of a table; an empty header is one column's."""
    for value in _literals(text):
        yield from _table(value)


def _literals(text: str) -> Iterator[Json]:
    text = _CALLED.sub(r"\1", text[:MAX_LENGTH])
    place, found, scanned = 0, 0, 0
    while found < MAX_LITERALS and scanned < MAX_SCANNED and (match := _OPENING.search(text, place)):
        end, looked = _closing(text, match.end())
        scanned += looked
        if end is None:
            place = match.end() + 1
            continue
        found += 1
        try:
            value = ast.literal_eval(text[match.end() : end])
            repr(value)  # a number may be too large to be written
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            place = match.end() + 1
            continue
        yield value
        place = end


def _closing(text: str, start: int) -> tuple[int | None, int]:
    """Place behind the bracket that closes the one at ``start``, and how many characters were looked at.

    None when it is never closed, or nested too deeply.
    """
    depth, quote = 0, ""
    for place in range(start, len(text)):
        sign = text[place]
        if quote:
            quote = "" if sign == quote and text[place - 1] != "\\" else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "[{(":
            depth += 1
        elif sign in "]})":
            depth -= 1
            if depth == 0:
                return place + 1, place + 1 - start
        if depth > MAX_DEPTH:
            return None, place + 1 - start
    return None, len(text) - start


def _table(value: Json) -> Iterator[tuple[Sequence[str], Rows]]:
    if isinstance(value, dict) and value:
        inner = list(value.values())
        if all(isinstance(row, dict) for row in inner):
            yield _from_dicts([str(key) for key in value], inner)
        elif all(isinstance(column, list) and len(column) == len(inner[0]) for column in inner):
            yield [str(key) for key in value], [[_said(part) for part in row] for row in zip(*inner, strict=True)]
        else:
            yield ("", ""), [[str(key), _said(part)] for key, part in value.items()]
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        yield _from_dicts(None, value)
    elif isinstance(value, list) and value and all(isinstance(row, (tuple, list)) and len(row) >= 2 for row in value):
        width = min(map(len, value))
        yield ("",) * width, [[_said(part) for part in row[:width]] for row in value]


def _from_dicts(names: Sequence[str] | None, rows: Sequence[dict[Json, Json]]) -> tuple[Sequence[str], Rows]:
    columns = list(dict.fromkeys(str(key) for row in rows for key in row))
    cells = [[_said({str(key): part for key, part in row.items()}.get(column)) for column in columns] for row in rows]
    if names is None:
        return columns, cells
    return ["", *columns], [[name, *row] for name, row in zip(names, cells, strict=True)]


def _said(value: Json) -> str:
    """Numbers and texts; a collection within a row says nothing here."""
    return str(value)[:300] if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""

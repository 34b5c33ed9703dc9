"""Columns of printed text, by the blanks that all of its lines share; a heuristic.

``to_string(index=False)`` and padded prints may leave a single blank between columns, as there is between two words of
a heading: ``Model Test accuracy``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.notebook.numbers import quantity

WIDEST = 300
"""Signs of a line that are looked at."""
MOST = 60
"""Pieces of lines in which a table is looked for: words of prose stand below each other in more."""


@dataclass(frozen=True, slots=True)
class _Column:
    start: int
    stop: int
    head: str
    body: tuple[str, ...]

    @property
    def figures(self) -> bool:
        return all(quantity(field) is not None for field in self.body if field)


def parted(lines: Sequence[str]) -> list[list[str]]:
    """The fields of a header and of the lines below it, as many in each; empty for what is no table."""
    runs = _runs(lines)
    columns = [_column(start, stop, lines) for start, stop in runs] if len(runs) <= MOST else []
    if columns and not columns[0].head and all(field.isdigit() for field in columns[0].body):
        columns = columns[1:]  # it numbers the rows
    while (joined := _joined(columns)) is not None:
        first, last = joined
        columns[first : last + 1] = [_column(columns[first].start, columns[last].stop, lines)]
    return [list(row) for row in zip(*((column.head, *column.body) for column in columns), strict=True)]


def _runs(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Stretches of places that not all lines leave blank."""
    filled = {place for line in lines for place, sign in enumerate(line[:WIDEST]) if not sign.isspace()}
    starts = sorted(place for place in filled if place - 1 not in filled)
    stops = sorted(place + 1 for place in filled if place + 1 not in filled)
    return list(zip(starts, stops, strict=True))


def _column(start: int, stop: int, lines: Sequence[str]) -> _Column:
    head, *body = (line[start:stop].strip() for line in lines)
    return _Column(start, stop, head, tuple(body))


def _joined(columns: Sequence[_Column]) -> tuple[int, int] | None:
    """Two neighbours that are one column: headings without fields first, then fields without a heading, each with the
    nearer side, else the right one, since figures stand on the right."""
    lone = [place for place, column in enumerate(columns) if not any(column.body)]
    lone += [place for place, column in enumerate(columns) if not column.head and not _names(columns, place)]
    for place in lone:
        beside = [other for other in (place + 1, place - 1) if 0 <= other < len(columns)]
        if beside:
            other = min(beside, key=lambda other: _between(columns[place], columns[other]))
            return min(place, other), max(place, other)
    return None


def _names(columns: Sequence[_Column], place: int) -> bool:
    """Whether it is the column of names, which needs no heading: the first, before figures."""
    return place == 0 and len(columns) > 1 and columns[1].figures and not columns[0].figures


def _between(one: _Column, other: _Column) -> int:
    return max(other.start - one.stop, one.start - other.stop)

"""The tracking table as the student states it, and which training each row speaks of.

A heuristic throughout: of all tables whose rows hold a name and an accuracy, the one of which the run backs most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from autograder.extraction.columns import (
    COMMENT,
    ERROR,
    LABEL,
    LEARNT,
    NOT_ACCURACY,
    TIME,
    about_conditions,
    is_accuracy,
    is_name,
    kind_of,
    names_a_model,
    rank,
)
from autograder.extraction.grids import Grid, brief, grids
from autograder.extraction.logs import is_log
from autograder.extraction.rows import match_rows
from autograder.extraction.told import told
from autograder.extraction.unnamed import named
from autograder.notebook.numbers import seconds, shares
from autograder.notebook.text import fold
from autograder.records import Cell, Ledger, MeasuredModel, Table, TableRow

__all__ = ["find_table", "find_tables", "match_rows"]

_ORIGINS = ("html", "markdown", "csv", "printed", "dataframe", "dict")
"""What a reader sees comes before what is in memory."""
MOST_ROWS = 2000
"""Of all tables of one notebook that are held against its run."""
AGREEMENT = 0.01
"""By which a figure may differ from what is known of the model that its row names, to be that model's."""


@dataclass(frozen=True, slots=True)
class _Columns:
    label: int
    accuracy: int
    seconds: int | None
    comment: int | None


def find_table(cells: Sequence[Cell], ledger: Ledger, models: Sequence[MeasuredModel] = ()) -> Table | None:
    """The best candidate among tables in memory, displayed, written in Markdown, printed, or told line by line; its
    rows are matched with trainings.

    A table that does not say that its figures are accuracies is one where the run backs two rows at least.
    """
    cells = brief(cells)
    seen = [named(grid) for grid in grids(cells, ledger)]
    sure = [match_rows(table, ledger, models) for table in _foremost(_among(seen, cells))]
    best = max(sure, key=_worth, default=None)
    if best is not None and any(table.columns for table in sure):
        # Of a list that grows, what an earlier cell shows is a table, and the last word may be lines.
        longer = [match_rows(one, ledger, models) for one in told(cells) if len(one.rows) > len(best.rows)]
        best = max([best, *(one for one in longer if _held(one) > _held(best))], key=_worth)
    tested = best is not None and all(row.of != "validation" for row in best.rows)
    if not models or (tested and best is not None and _held(best) == len(best.rows)):
        return best
    least = 1 if best is None else _held(best)
    loose = _foremost(_loose(seen, cells))
    backed = [table for one in loose if _held(table := match_rows(one, ledger, models)) > least]
    return max(backed, key=_worth, default=best)


def find_tables(cells: Sequence[Cell], ledger: Ledger) -> Sequence[Table]:
    """As many as are worth the time, in their order; what is told line by line only where there is no other of
    several rows."""
    cells = brief(cells)
    found = _among(map(named, grids(cells, ledger)), cells)
    worth = set(map(id, _foremost(found)))
    return [table for table in found if id(table) in worth]


def _among(found_grids: Iterable[Grid], cells: Sequence[Cell]) -> list[Table]:
    found = [table for grid in found_grids for table in (_read(grid), _read(_flipped(grid))) if table]
    if not any(len(table.rows) >= 2 for table in found):
        found.extend(told(cells))
    return found


def _loose(found: Iterable[Grid], cells: Sequence[Cell]) -> Iterator[Table]:
    """Tables of names and figures whatever their headings say, and bare lines of both."""
    for grid in found:
        sides = [grid] if _columns(grid) is None else []
        for side in (*sides, *(one.transposed() for one in sides)):
            yield from _by_any_column(side)
    yield from told(cells, bare=True)


def _foremost(tables: Iterable[Table]) -> Iterator[Table]:
    """As many as are worth the time: short ones first, since nobody trains hundreds of models."""
    left = MOST_ROWS
    for table in sorted(tables, key=lambda one: len(one.rows)):
        left -= len(table.rows)
        if left < 0:
            return
        yield table


def _held(table: Table) -> int:
    """How many trainings back a row whose figure is what is known of their models."""
    return len({row.training for row in table.rows if row.training is not None and row.agrees(AGREEMENT)})


def _worth(table: Table) -> tuple[int, ...]:
    """More rows that the run backs, then figures of a test, more names, more known about each, what is displayed, and
    the later cell."""
    timed = any(row.seconds is not None for row in table.rows)
    commented = any(row.comment for row in table.rows)
    held = _held(table)
    # Lines of all cells together may hold what was said of something else.
    strays = sum(row.training is None for row in table.rows) if held and not table.columns else 0
    return (
        held,
        -strays,
        not any(row.of == "validation" for row in table.rows),
        not _repeats(table),
        len({fold(row.label) for row in table.rows}),
        timed + commented,
        -_ORIGINS.index(table.origin),
        -1 if table.cell is None else table.cell,
    )


def _repeats(table: Table) -> bool:
    """Whether each name stands there several times, as in what was kept of every fold."""
    return min(Counter(fold(row.label) for row in table.rows).values()) > 1


def _flipped(grid: Grid) -> Grid:
    """The grid on its side, when its rows are metrics ("Critère | CNN | MLP")."""
    return grid.transposed() if any(is_accuracy(row[0]) for row in grid.rows) else replace(grid, rows=())


def _read(grid: Grid, columns: _Columns | None = None) -> Table | None:
    columns = columns or _columns(grid)
    if columns is None or is_log(grid, columns.label):
        return None
    heading = grid.header[columns.accuracy]
    error = bool(ERROR.search(fold(heading)))
    values = shares([row[columns.accuracy] for row in grid.rows], percent="%" in heading, error=error)
    counted = all(row[columns.label].strip().isdigit() for row in grid.rows)
    rows = [
        TableRow(
            label=f"{grid.header[columns.label]} {row[columns.label]}" if counted else row[columns.label],
            accuracy=value,
            seconds=None if columns.seconds is None else seconds(row[columns.seconds], grid.header[columns.seconds]),
            comment="" if columns.comment is None else row[columns.comment],
            of=kind_of(heading),
        )
        for row, value in zip(grid.rows, values, strict=True)
        if value is not None and (counted or names_a_model(row[columns.label]))
    ]
    if not rows or about_conditions([row.label for row in rows]):
        return None
    return Table(cell=grid.cell, origin=grid.origin, rows=tuple(rows), columns=grid.header)


def _by_any_column(grid: Grid) -> Iterator[Table]:
    """One table for each column of shares beside the first one of names."""
    heads = [fold(head).replace("_", " ") for head in grid.header]
    label = next((place for place in range(len(heads)) if _holds_text(grid, place)), None)
    if label is None:
        return
    for place, head in sorted(enumerate(heads), key=lambda one: rank(one[1]), reverse=True):
        filled = [row[place] for row in grid.rows if row[place].strip()]
        if place == label or not filled or any(known.search(head) for known in (NOT_ACCURACY, TIME, LEARNT)):
            continue
        known = [share for share in shares(filled, percent="%" in head) if share is not None]
        if 2 * len(known) > len(filled) and (table := _read(grid, _Columns(label, place, None, None))) is not None:
            yield table


def _columns(grid: Grid) -> _Columns | None:
    """Which column holds what; None without a column of names and one of accuracies."""
    heads = [fold(head).replace("_", " ") for head in grid.header]
    if any(re.search(r"\b(?:recall|rappel|support)\b", head) for head in heads) and not any(
        "accuracy" in head for head in heads
    ):
        return None  # a classification report: its "precision" is not accuracy
    accuracy = max(
        (place for place, head in enumerate(heads) if is_accuracy(head)), key=lambda p: rank(heads[p]), default=None
    )
    if accuracy is None:
        return None
    texts = [place for place in range(len(heads)) if place != accuracy and _holds_text(grid, place)]
    label = _label_column(heads, texts, grid)
    if label is None:
        label = _numbered(heads, accuracy, grid)
    if label is None:
        return None
    comment = next((place for place in texts if place != label and COMMENT.search(heads[place])), None)
    if comment is None:
        comment = next((place for place in texts if place != label and LABEL.search(heads[place])), None)
    timed = (place for place, head in enumerate(heads) if place != label and TIME.search(head))
    return _Columns(label, accuracy, next(timed, None), comment)


def _label_column(heads: Sequence[str], texts: Sequence[int], grid: Grid) -> int | None:
    """The first column headed like a name whose entries differ, else the first column of text."""
    for place in texts:
        if LABEL.search(heads[place]) and len({row[place] for row in grid.rows}) > len(grid.rows) // 2:
            return place
    return next((place for place in texts if not COMMENT.search(heads[place]) and not TIME.search(heads[place])), None)


def _numbered(heads: Sequence[str], accuracy: int, grid: Grid) -> int | None:
    """A column headed like a name that numbers its rows: ``modèle n°``."""
    for place, head in enumerate(heads):
        entries = [row[place].strip() for row in grid.rows]
        if place != accuracy and LABEL.search(head) and all(map(str.isdigit, entries)):
            return place if len(set(entries)) == len(entries) else None
    return None


def _holds_text(grid: Grid, place: int) -> bool:
    filled = [row[place] for row in grid.rows if row[place].strip()]
    return bool(filled) and sum(map(is_name, filled)) > len(filled) // 2

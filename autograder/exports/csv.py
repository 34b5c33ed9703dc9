"""Grades as a table for spreadsheets and school systems."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from autograder.messages import visible
from autograder.records import Grade, Rubric

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_SKIPPED = r"\s\"\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u2800\ufe00-\ufe0f\ufe20-\ufe2f"
"""In a class of characters: blanks, accents without a letter, and quotes, which whoever reads the table takes away."""
_FORMULA = re.compile(
    rf"(?:\A|[,;\t\r\n])[{_SKIPPED}]*(?=[=+\-@|%"
    r"\u2212\u207a-\u207c\u208a-\u208c\ufb29\ufe62\ufe63\ufe66\ufe6a\ufe6b\uff05\uff0b\uff0d\uff1d\uff20\uff5c])"
)
"""Where a cell could begin with a sign of formulas, in any of its widths, whichever mark is taken to part cells: in a
French setting, Excel parts by semicolons even a table with commas."""
BOM: Final = "\ufeff"


def grades(grades: Sequence[Grade], rubric: Rubric, *, bom: bool = False, decimal_comma: bool = False) -> str:
    """One row per student: id, name, state, total, undecided and possible points, each criterion, each item.

    An item that waits for a person is empty, and so is all of a missing submission: never 0. With ``decimal_comma``
    the separator is ``;``, as spreadsheets of the countries that write 15,5 expect. Lines end in ``\\n``.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";" if decimal_comma else ",", lineterminator="\n")
    criteria = [criterion.id for criterion in rubric.criteria]
    items = [(criterion.id, item.id) for criterion, item in rubric.items]
    head = ["student", "name", "state", "total", "undecided", "possible", *criteria, *(item for _, item in items)]
    writer.writerow(guarded(name) for name in head)
    for grade in grades:
        row = [
            *_identity(grade),
            *(_criterion(grade, name) for name in criteria),
            *(_item(grade, *key) for key in items),
        ]
        writer.writerow(_cell(value, decimal_comma) for value in row)
    return (BOM if bom else "") + buffer.getvalue()


def guarded(text: str) -> str:
    """Text of which no spreadsheet takes a part for a formula, whether it parts cells by commas, semicolons or tabs.

    An apostrophe stands before each sign that could begin one, unless the text is a plain number.

    Control and direction characters are shown for what they are.
    """
    text = visible(text)
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(lambda match: match[0] + "'", text)


def _identity(grade: Grade) -> list[str | Decimal | None]:
    undecided = None if grade.total is None else grade.undecided
    return [grade.student, grade.name, grade.state.value, grade.total, undecided, grade.possible]


def _criterion(grade: Grade, criterion: str) -> Decimal | None:
    """Points decided so far; None when there are none of this criterion."""
    return _sum(award.points for award in grade.awards if award.criterion == criterion)


def _sum(points: Iterable[Decimal | None]) -> Decimal | None:
    decided = [value for value in points if value is not None]
    return sum(decided, Decimal(0)) if decided else None


def _item(grade: Grade, criterion: str, item: str) -> Decimal | None:
    awards = (award for award in grade.awards if (award.criterion, award.item) == (criterion, item))
    return next((award.points for award in awards), None)


def _cell(value: str | Decimal | None, decimal_comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(value)
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(".", ",") if decimal_comma else text

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
_FORMULA = re.compile(r"[\s\u00a0\ufeff]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
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
    """Text that no spreadsheet takes for a formula: an apostrophe in front, unless it is a plain number.

    Control and direction characters are shown for what they are.
    """
    text = visible(text)
    return "'" + text if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


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

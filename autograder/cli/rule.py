"""``autograder rule``: what a person decides of an item stands in place of what the program found."""

from __future__ import annotations

import getpass
import re
from decimal import Decimal
from typing import Annotated

import typer

from autograder.cli.grades import graded_book
from autograder.cli.options import (
    DEFAULT_RUBRIC,
    Language,
    LanguageOption,
    RubricOption,
    StateOption,
    here,
    load_rubric,
)
from autograder.console import printer, safe
from autograder.errors import ConfigError
from autograder.gradebook import Gradebook, Ruling
from autograder.records import Award, Grade, Rubric, StudentId

_POINTS = re.compile(r"\d{1,4}(?:[.,]\d{1,2})?")


def rule(
    student: Annotated[str, typer.Argument(help="Id of the student, as `autograder status` shows it.")],
    item: Annotated[str, typer.Argument(help="Id or title of the item.")],
    points: Annotated[
        str | None, typer.Argument(help="What it is worth, such as 1.5. Left out with --withdraw.", metavar="POINTS")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; the student reads it on the sheet.")] = "",
    by: Annotated[str | None, typer.Option("--by", help="Who decides. Default: the name you are logged in by.")] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take back what was decided: what the program finds counts again.")
    ] = False,
    rubric: RubricOption = DEFAULT_RUBRIC,
    lang: LanguageOption = Language.FR,
    state: StateOption = None,
) -> None:
    """Decide an item yourself; no later grading undoes it."""
    places = here(state)
    chosen = load_rubric(rubric, places)
    book = graded_book(chosen.id, places)
    award = _award(_grade(student, book, chosen.id), item)
    if (points is None) is not withdraw:
        raise ConfigError(
            "give points, or --withdraw", place=f"{student} {award.item}", remedy=_example(student, award)
        )
    ruling = Ruling(
        student=StudentId(student),
        rubric=chosen.id,
        item=award.item,
        points=None if points is None else _points(points, award, student),
        reason=_reason(reason, award, student),
        author=by or _user(),
    )
    _tell(book.rule(ruling), ruling, award, chosen, lang.value)


def _grade(student: str, book: Gradebook, rubric: str) -> Grade:
    grades = {grade.student: grade for grade in book.current(rubric)}
    if StudentId(student) not in grades:
        known = ", ".join(sorted(grades)[:20])
        raise ConfigError("no such student was graded", place=safe(student, 100), remedy=f"Known: {known}")
    return grades[StudentId(student)]


def _award(grade: Grade, item: str) -> Award:
    """By its id, else by its title in whichever language."""
    if not grade.awards:
        raise ConfigError(
            "nothing was handed in, so no item can be decided", place=grade.student, remedy="Grade first."
        )
    for award in grade.awards:
        if item == award.item or item.casefold() in (title.casefold() for title in award.title.values()):
            return award
    known = ", ".join(award.item for award in grade.awards)
    raise ConfigError("the rubric has no such item", place=safe(item, 100), remedy=f"Known: {known}")


def _points(written: str, award: Award, student: str) -> Decimal:
    points = Decimal(written.replace(",", ".")) if _POINTS.fullmatch(written) else None
    if points is None or points > award.possible:
        raise ConfigError(
            "these are no points of this item",
            place=f"{student} {award.item} {safe(written, 40)}",
            remedy=f"Give between 0 and {award.possible}, with two decimals at most.",
        )
    return points


def _reason(written: str, award: Award, student: str) -> str:
    if not written.strip():
        raise ConfigError("a decision needs a reason", place=f"{student} {award.item}", remedy=_example(student, award))
    return written.strip()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:  # a container may run as a number without a name
        raise ConfigError("who decides is not known", place="rule", remedy="Give --by NAME.") from error


def _example(student: str, award: Award) -> str:
    return f'Write: autograder rule {student} {award.item} {award.possible} --reason "read by hand"'


def _tell(grade: Grade, ruling: Ruling, award: Award, rubric: Rubric, language: str) -> None:
    console = printer()
    [now] = [one for one in grade.awards if one.item == ruling.item]
    before, after = ("?" if points is None else f"{points}" for points in (award.points, now.points))
    title = award.title.get(language) or award.item
    console.print(
        f"{grade.student} {ruling.item} ({safe(title, 200)}): {before} -> {after} of {award.possible}",
        markup=False,
        soft_wrap=True,
    )
    total = "?" if grade.total is None else f"{grade.total}"
    waiting = [one.item for one in grade.awards if one.points is None]
    told = f"; still to be decided: {', '.join(waiting)}" if waiting else ""
    console.print(f"total: {total} of {rubric.points}{told}", markup=False, soft_wrap=True)
    console.print("Sheet, summary and grades.csv show it after the next `autograder run` of this class.", markup=False)

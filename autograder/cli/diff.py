"""``autograder diff``: whose grade changed, by how much, in which items, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer

from autograder import changes
from autograder.changes import Change, Moved
from autograder.cli.grades import graded_book
from autograder.cli.options import (
    DEFAULT_RUBRIC,
    JsonOption,
    Language,
    LanguageOption,
    RubricOption,
    StateOption,
    here,
    load_rubric,
)
from autograder.console import printer, safe
from autograder.errors import ConfigError
from autograder.gradebook import Gradebook
from autograder.messages import render
from autograder.records import Json, say


def diff(
    rubric: RubricOption = DEFAULT_RUBRIC,
    student: Annotated[list[str] | None, typer.Option(help="This student only; can be repeated.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="What stood at that moment is compared with what stands now: 2026-03-13, or 2026-03-13T16:05. "
            "Default: each student's last grading with the one before it.",
            metavar="MOMENT",
        ),
    ] = None,
    lang: LanguageOption = Language.FR,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whose grade changed, by how much, in which items, and why."""
    places = here(state)
    chosen = load_rubric(rubric, places)
    book = graded_book(chosen.id, places)
    found = changes.latest(book, chosen.id) if since is None else changes.since(book, chosen.id, _moment(since))
    if student:
        _must_be_known(student, book, chosen.id)
        found = tuple(change for change in found if change.student in student)
    if as_json:
        typer.echo(json.dumps([_record(change, lang.value) for change in found], ensure_ascii=False))
    else:
        _print(found, lang.value)


def _moment(written: str) -> datetime:
    """In the time of this place, unless it says which."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise ConfigError("no moment", place=f"--since {written}", remedy="Write 2026-03-13T16:05.") from error
    return moment.astimezone(UTC)


def _must_be_known(wanted: Sequence[str], book: Gradebook, rubric: str) -> None:
    known = {entry.grade.student for entry in book.entries(rubric)}
    for student in wanted:
        if student not in known:
            told = ", ".join(sorted(known)[:20])
            raise ConfigError(f"{safe(student)} was never graded", place="--student", remedy=f"Known: {told}")


def _print(found: Sequence[Change], language: str) -> None:
    console = printer()
    if not found:
        console.print(render(say("No grade changed."), language))
    for change in found:
        console.print(safe(changes.told(change, language), 300), markup=False, soft_wrap=True)
        for moved in change.items:
            console.print(f"  {safe(changes.told_item(moved, language), 300)}", markup=False, soft_wrap=True)


def _record(change: Change, language: str) -> Json:
    return {
        "student": change.student,
        "name": change.name,
        "at": change.at.isoformat(),
        "before": _number(change.before.total),
        "after": _number(change.after.total),
        "difference": _number(change.difference),
        "state_before": change.before.state.value,
        "state_after": change.after.state.value,
        "causes": list(change.causes),
        "items": [_item(moved, language) for moved in change.items],
    }


def _item(moved: Moved, language: str) -> Json:
    return {
        "id": moved.item,
        "title": moved.title.get(language) or moved.item,
        "before": _number(moved.points_before),
        "after": _number(moved.points_after),
        "possible_before": _number(moved.possible_before),
        "possible_after": _number(moved.possible_after),
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)

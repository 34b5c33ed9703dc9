"""``autograder export`` and ``autograder status``: what the gradebook knows."""

from __future__ import annotations

import json
import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from autograder import exports
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
from autograder.console import grades_table, printer
from autograder.errors import ConfigError
from autograder.gradebook import Gradebook
from autograder.records import Grade
from autograder.settings import Settings
from autograder.store import write_atomically

_GRADE_FIRST = "Run: autograder run submissions/"


class Format(StrEnum):
    CSV = "csv"
    JSON = "json"


def export(
    rubric: RubricOption = DEFAULT_RUBRIC,
    format: Annotated[Format, typer.Option("--format", help="Form of the grades.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option("--out", help="File to write. Default: standard output.")] = None,
    bom: Annotated[bool, typer.Option("--bom", help="Begin with a byte-order mark, as Excel expects.")] = False,
    decimal_comma: Annotated[
        bool, typer.Option("--decimal-comma", help="15,5 instead of 15.5; then ';' separates.")
    ] = False,
    state: StateOption = None,
) -> None:
    """Write the grades of a rubric to a file."""
    places = here(state)
    chosen = load_rubric(rubric, places)
    grades = _grades(chosen.id, places)
    if format is Format.CSV:
        text = exports.csv.grades(grades, chosen, bom=bom, decimal_comma=decimal_comma)
    else:
        text = json.dumps([exports.record.award_table(grade) for grade in grades], ensure_ascii=False, indent=2)
    if out is None:
        sys.stdout.write(text)
    else:
        write_atomically(out, text.encode())


def status(
    rubric: RubricOption = DEFAULT_RUBRIC,
    lang: LanguageOption = Language.FR,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is graded, failed, missing, and what waits for a person."""
    places = here(state)
    chosen = load_rubric(rubric, places)
    grades = _grades(chosen.id, places)
    if as_json:
        typer.echo(json.dumps({grade.student: grade.state.value for grade in grades}))
        return
    console = printer()
    console.print(grades_table(grades, chosen, lang.value))
    counts = Counter(grade.state.value for grade in grades)
    console.print(", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    for grade in grades:
        for award in grade.awards:
            if award.points is None:
                told = f"  {grade.student}: {award.title[lang.value]} waits for a person"
                console.print(
                    f"{told} (autograder rule {grade.student} {award.item} POINTS)", markup=False, soft_wrap=True
                )


def _grades(rubric: str, places: Settings) -> tuple[Grade, ...]:
    return graded_book(rubric, places).current(rubric)


def graded_book(rubric: str, places: Settings) -> Gradebook:
    """The gradebook, with gradings by that rubric in it."""
    path = places.state / "grades.sqlite"
    if not path.exists():
        raise ConfigError("nothing has been graded yet", place=str(path), remedy=_GRADE_FIRST)
    book = Gradebook(path)
    if not book.entries(rubric):
        raise ConfigError(f"nothing has been graded by {rubric} yet", place=str(path), remedy=_GRADE_FIRST)
    return book

"""One Jinja environment per language: everything is escaped, and a name that is missing is an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Final

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autograder.feedback import inert, words
from autograder.messages import NOTHING, fill, points, render, translate, visible
from autograder.records import Message, Value

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"


def page(template: str, language: str, **context: object) -> str:
    """Render one of our templates; raises jinja2.UndefinedError when the context lacks a name."""
    return environment(language).get_template(template).render(context)


@cache
def environment(language: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        _=partial(_sentence, language),
        colon="\u00a0:" if language == "fr" else ":",
        language=language,
        style=Markup((TEMPLATES / "style.css").read_text("utf-8")),  # noqa: S704 - a file of ours
        words=words,
    )
    made.filters.update(
        say=partial(_said, language),
        number=partial(_number, language),
        points=partial(_points, language),
        title=partial(_title, language),
        date=partial(_date, language),
        visible=visible,
        shortened=inert.shortened,
    )
    return made


def _sentence(language: str, template: str, **values: Value | Decimal) -> str:
    return fill(translate(template, language), values, language)


def _said(language: str, message: Message) -> str:
    return render(message, language)


def _number(language: str, value: float | None, kind: str) -> str:
    return fill("{value:" + kind + "}", {"value": value}, language)


def _points(language: str, value: Decimal | None) -> str:
    return NOTHING if value is None else points(value, language)


def _title(language: str, titles: Mapping[str, str]) -> str:
    """A rubric's title; the other language's where this one has none."""
    return visible(titles.get(language) or next(iter(titles.values()), ""))


def _date(language: str, moment: datetime | None) -> str:
    return NOTHING if moment is None else str(format_datetime(moment, "d MMMM y, HH:mm 'UTC'", locale=language))

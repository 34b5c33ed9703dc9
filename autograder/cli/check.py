"""``autograder check``: a student's self-check, by the grader's own checks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder import budget as budgets
from autograder import checks, exports, extraction, intake, messages, pipeline, reference
from autograder.cli import fast as fast_
from autograder.cli.options import (
    DEFAULT_RUBRIC,
    BudgetOption,
    DataOption,
    Device,
    DeviceOption,
    JsonOption,
    Language,
    LanguageOption,
    ReuseOption,
    Reusing,
    RubricOption,
    StateOption,
    Wall,
    WallOption,
    at_work,
    data_values,
    describe_data,
    find_sandbox,
    find_slots,
    here,
    known_trainings,
    load_rubric,
    open_course,
    open_courses,
    template_sources,
    with_budget,
)
from autograder.console import printer, safe
from autograder.course import Course
from autograder.courses import Assorted
from autograder.errors import ConfigError, DataError
from autograder.pipeline import OnProgress, Progress
from autograder.records import Award, Grade, Message, Rubric, Submission, Verdict, say
from autograder.settings import Settings
from autograder.stock import is_single
from autograder.store import Store

_VERDICTS = {
    Verdict.MET: "green",
    Verdict.PARTLY: "yellow",
    Verdict.UNMET: "red",
    Verdict.UNREACHED: "red",
    Verdict.NEEDS_REVIEW: "magenta",
}


@at_work
def check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook.")],
    rubric: RubricOption = DEFAULT_RUBRIC,
    no_run: Annotated[bool, typer.Option("--no-run", help="Read only: nothing is executed.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="A few steps of each training: crashes, not figures.")] = False,
    data: DataOption = None,
    device: DeviceOption = Device.AUTO,
    budget: BudgetOption = None,
    reuse: ReuseOption = Reusing.EXACT,
    sandbox: WallOption = Wall.AUTO,
    lang: LanguageOption = Language.FR,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """The 20-point table for your own notebook: what is missing, and which points are decided on private data."""
    if no_run and fast:
        raise ConfigError("--no-run and --fast exclude each other", remedy="Choose one of them.")
    console = printer(quiet=as_json)
    places = here(state)
    chosen = with_budget(load_rubric(rubric, places), budget)
    if no_run:
        grade, remarks = _read_only(notebook, chosen, places), [_NOT_RUN]
    else:
        wall = find_sandbox(sandbox, own_notebook=True, console=console)
        slots = find_slots(device, workers=1)

        def one(source: str) -> Course:
            # Another split than the class is graded on: what a student sees here says nothing of the private images.
            seed = chosen.seed + 1
            opened = open_course(chosen, data=source, places=places, sandbox=wall, slots=slots, split_seed=seed)
            return replace(opened, trainings=known_trainings(reuse, places))

        values = data_values(data, chosen)
        submission = _submission(notebook, Store(places.state))
        course = (
            one(values[0])
            if is_single(values)
            else _fitting(submission, open_courses(chosen, values, places, one=one), console, lang.value)
        )
        console.print(describe_data(course.data.card), soft_wrap=True)
        grade, remarks = (_fast if fast else _executed)(submission, course, places, console)
    if as_json:
        typer.echo(json.dumps(exports.record.award_table(grade, lang.value), ensure_ascii=False))
    else:
        _print(grade, chosen, console, lang.value)
        for remark in remarks:
            console.print(_text(remark, lang.value), soft_wrap=True)


def _submission(notebook: Path, store: Store) -> Submission:
    """The one notebook, or why it cannot be read."""
    submission, *others = intake.collect([notebook], store)
    if others:
        raise ConfigError("more than one notebook", place=str(notebook), remedy="Name the one to check.")
    if submission.refusal is not None:
        raise ConfigError(messages.render(submission.refusal, "en"), place=str(notebook))
    return submission


def _read_only(notebook: Path, chosen: Rubric, places: Settings) -> Grade:
    store = Store(places.state)
    submission = _submission(notebook, store)
    evidence = extraction.read_only(
        submission,
        cells=pipeline.cells_of(submission, None, store),
        template_cells=template_sources(chosen, places, store),
    )
    return pipeline.judge(submission, evidence, chosen)


def _fitting(submission: Submission, courses: Assorted, console: Console, language: str) -> Course:
    """The course of the data set that the notebook asks for, with what is to be said of it."""
    choice = courses.choice(submission)
    if choice.refusal is not None:
        raise DataError(messages.render(choice.refusal, "en"), place=submission.source)
    for note in choice.notes:
        console.print(_text(note, language), soft_wrap=True)
    return courses.bare(submission)


def _executed(
    submission: Submission, course: Course, places: Settings, console: Console
) -> tuple[Grade, list[Message]]:
    """The whole route, and what to know about the figures."""
    with _telling(console) as tell:
        seeds = course.rubric.reference_seeds[:1]
        course = replace(
            course,
            baseline=reference.measure(course, places, seeds),
            baseline_for=reference.baselines(course, places, seeds),
        )
        report = pipeline.grade_one(submission, course, tell=tell)
    evidence = report.evidence
    cut = evidence and budgets.told(evidence.execution, budgets.reference_share(evidence))
    return report.grade, [*_estimated(report.grade, checks.private(course.rubric)), *([cut] if cut else [])]


def _fast(submission: Submission, course: Course, _: Settings, console: Console) -> tuple[Grade, list[Message]]:
    with _telling(console) as tell:
        grade, found = fast_.rehearsed(submission, course, tell)
    return grade, list(fast_.remarks(found))


@contextmanager
def _telling(console: Console) -> Iterator[OnProgress]:
    with console.status("reference baseline, one seed (remembered afterwards) …") as status:

        def tell(progress: Progress) -> None:
            cell = f" {progress.cell}/{progress.cells}" if progress.cell else ""
            status.update(Text(f"{progress.stage}{cell} {safe(progress.text, 40)}"))

        yield tell


def _print(grade: Grade, chosen: Rubric, console: Console, language: str) -> None:
    table = Table(title=chosen.title[language], title_justify="left", show_lines=True)
    for column in ("", "/", ""):
        table.add_column(column)
    private = checks.private(chosen)
    for award in grade.awards:
        title = award.title[language] + (" *" if award.item in private else "")
        table.add_row(
            _told(award, title, language),
            _points(award, language),
            Text(award.finding.verdict.value, style=_VERDICTS[award.finding.verdict]),
        )
    console.print(table)
    waiting = f" (+{messages.points(grade.undecided, language)}?)" if grade.undecided else ""
    console.print(f"total: {messages.points(grade.total or Decimal(0), language)} / {grade.possible:g}{waiting}")


_NOT_RUN = say("Nothing was executed: only what text and code show is counted in this total.")


def _estimated(grade: Grade, private: frozenset[str]) -> Iterator[Message]:
    points = sum((award.possible for award in grade.awards if award.item in private), Decimal(0))
    if points:
        yield say(
            "* {points:num1} points are decided on private images: this is an estimate, on a split of your own.",
            points=float(points),
        )


def _told(award: Award, title: str, language: str) -> Text:
    """Title, what was found, the evidence, what would earn more."""
    finding = award.finding
    told = Text(title, style="bold")
    told.append("\n" + safe(messages.render(finding.message, language), 600), style="not bold")
    for detail in finding.details:
        told.append("\n· " + safe(messages.render(detail, language), 300), style="not bold")
    if finding.advice is not None:
        told.append("\n→ " + safe(messages.render(finding.advice, language), 400), style="cyan not bold")
    return told


def _points(award: Award, language: str) -> str:
    earned = "?" if award.points is None else messages.points(award.points, language)
    return f"{earned} / {messages.points(award.possible, language)}"


def _text(message: Message, language: str) -> str:
    return messages.render(message, language)

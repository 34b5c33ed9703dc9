"""``autograder run``: the main job."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from autograder import exports, feedback, intake, reference, scoring
from autograder.cli.options import (
    DEFAULT_RUBRIC,
    DataOption,
    Device,
    DeviceOption,
    ForceOption,
    JsonOption,
    Language,
    LanguageOption,
    OutOption,
    QuietOption,
    RubricOption,
    StateOption,
    VerboseOption,
    Wall,
    WallOption,
    describe_data,
    find_device,
    find_sandbox,
    here,
    load_rubric,
    open_course,
    without_force,
)
from autograder.console import Board, Lines, Silent, Watcher, grades_table, safe
from autograder.errors import ConfigError
from autograder.gradebook import Gradebook
from autograder.pipeline import Course, Fault, default_workers, grade_class
from autograder.records import Baseline, Report, Submission
from autograder.settings import Settings
from autograder.store import write_atomically


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Where results of this run go."""

    course: Course
    gradebook: Gradebook
    out: Path
    language: str
    console: Console


@dataclass(frozen=True, slots=True)
class _Finished:
    reports: list[Report] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def run(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Folders, notebooks or zips. Default: submissions/.")
    ] = None,
    rubric: RubricOption = DEFAULT_RUBRIC,
    data: DataOption = None,
    out: OutOption = Path("feedback"),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Notebooks at a time. Default: by cores and memory.")
    ] = None,
    device: DeviceOption = Device.AUTO,
    per_gpu: Annotated[int, typer.Option("--per-gpu", min=1, help="Kernels that share one GPU.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="Grade this student only; can be repeated.")] = None,
    roster: Annotated[Path | None, typer.Option(help="CSV of the students; tells who is missing.")] = None,
    force: ForceOption = False,
    sandbox: WallOption = Wall.AUTO,
    lang: LanguageOption = Language.FR,
    state: StateOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Grade a class: a feedback sheet per student, a class summary, a grades CSV."""
    silent = quiet or as_json
    console = Console(quiet=silent, highlight=False)
    places = here(state)
    chosen = load_rubric(rubric, places)
    inbox = paths or [Path("submissions")]
    feedback.ensure_writable(out)
    wall = find_sandbox(sandbox, own_notebook=_shipped(inbox, places), console=console)
    course = open_course(chosen, data=data, places=places, sandbox=wall, device=find_device(device), force=force)
    submissions = _only(intake.collect(inbox, course.store, roster=roster, assignment=chosen.id), only)
    console.print(describe_data(course.data.card))
    console.print(f"sandbox: {wall.name}; device: {course.device}; {len(submissions)} submissions")
    count = workers or (per_gpu if course.device != "cpu" else default_workers(chosen.limits.memory_mb))
    watcher = _watcher(console, len(submissions), count, silent=silent, verbose=verbose)
    with _interruptible() as stop:
        course = replace(course, baseline=_baseline(course, places, console, stop))
        desk = _Desk(
            course=course,
            gradebook=Gradebook(places.state / "grades.sqlite"),
            out=out,
            language=lang.value,
            console=console,
        )
        with watcher:
            finished = _grade(submissions, desk, count, watcher, stop)
    missing = () if only or roster is None else intake.missing(submissions, roster)
    _publish(finished, missing, desk)
    if as_json:
        typer.echo(json.dumps([exports.record.grade(report) for report in finished.reports], allow_nan=False))
    if stop.is_set():
        raise KeyboardInterrupt
    if finished.faults:
        raise typer.Exit(1)


def _shipped(inbox: Sequence[Path], places: Settings) -> bool:
    """Whether every notebook to run is one of ours."""
    samples = [sample.resolve() for sample in places.samples()]
    return all(any(path.resolve().is_relative_to(sample) for sample in samples) for path in inbox)


def _only(submissions: tuple[Submission, ...], wanted: Sequence[str] | None) -> tuple[Submission, ...]:
    if not wanted:
        return submissions
    known = {submission.student for submission in submissions}
    for student in wanted:
        if student not in known:
            raise ConfigError(
                f"no submission of {safe(student)}", place="--only", remedy="Known: " + ", ".join(sorted(known)[:20])
            )
    return tuple(submission for submission in submissions if submission.student in wanted)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Ctrl-C asks the rooms to stop instead of tearing the program down; a second one insists."""
    stop = threading.Event()

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    former = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, former)


def _baseline(course: Course, places: Settings, console: Console, stop: threading.Event) -> Baseline | None:
    seeds = course.rubric.reference_seeds
    with console.status(f"reference baseline, {len(seeds)} seeds (remembered afterwards) …"):
        baseline = reference.measure(without_force(course), places, seeds, cancelled=stop.is_set)
    if baseline is not None:
        console.print(
            f"baseline: hidden accuracy {baseline.accuracy:.2%}, spread {baseline.spread:.2%} over {len(seeds)} seeds"
        )
    return baseline


def _watcher(console: Console, total: int, workers: int, *, silent: bool, verbose: bool) -> Watcher:
    if silent:
        return Silent()
    if console.is_terminal and not verbose:
        return Board(console, total, workers)
    return Lines(console, total, verbose=verbose)


def _grade(
    submissions: Sequence[Submission], desk: _Desk, workers: int, watcher: Watcher, stop: threading.Event
) -> _Finished:
    """Each result is in the gradebook and on the disk the moment it exists."""
    finished = _Finished()
    for result in grade_class(submissions, desk.course, workers=workers, tell=watcher.tell, cancelled=stop.is_set):
        if isinstance(result, Fault):
            finished.faults.append(result)
            continue
        desk.gradebook.record(result)
        feedback.write(result, desk.out, desk.course.rubric, desk.language, desk.course.store)
        finished.reports.append(result)
    return finished


def _publish(finished: _Finished, missing: Sequence[Submission], desk: _Desk) -> None:
    """The summary, the CSV and the table; also when the run was interrupted, for what there is."""
    rubric = desk.course.rubric
    reports = sorted(finished.reports, key=lambda report: report.submission.student)
    absent = [scoring.missing(rubric, submission) for submission in missing]
    for submission, grade in zip(missing, absent, strict=True):
        desk.gradebook.record(Report(submission=submission, grade=grade, evidence=None, graded_at=datetime.now(UTC)))
    grades = [*(report.grade for report in reports), *absent]
    folder = feedback.write_summary(reports, absent, desk.out, rubric, desk.language)
    write_atomically(folder / "grades.csv", exports.csv.grades(grades, rubric).encode())
    desk.console.print(grades_table(grades, rubric, desk.language))
    for fault in finished.faults:
        desk.console.print(f"not graded, our fault: {safe(fault.submission.student)}: {fault.problem}", markup=False)
        desk.console.print(f"  remedy: {fault.remedy}", markup=False)
    desk.console.print(f"summary:  {folder / 'summary.html'}", soft_wrap=True)
    desk.console.print(f"grades:   {folder / 'grades.csv'}", soft_wrap=True)
    desk.console.print(f"feedback: {folder}/<student>/feedback.html", soft_wrap=True)

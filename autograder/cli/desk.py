"""Where the results of a run go: each the moment it exists, and at the end what is told of the class."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import IO, Final, Protocol

import typer
from rich.console import Console

from autograder import changes, exports, feedback, intake, scoring
from autograder.changes import Change
from autograder.cli import reuse, trainings
from autograder.console import Watcher, grades_table, safe
from autograder.course import Courses
from autograder.errors import AutograderError, OutputError
from autograder.extraction.fidelity import in_short
from autograder.feedback import Brief
from autograder.forecast import forecast
from autograder.gradebook import Gradebook, ruled, standing
from autograder.pipeline import REPORT_IT, Fault, Result, grade_class, is_refused
from autograder.recall import Recall
from autograder.records import Grade, Json, Report, Reuse, Rubric, StudentId, Submission, record
from autograder.store import Store, write_atomically
from autograder.turns import Turn

MEASURING_SECONDS: Final = 300
"""Beyond the time that a notebook has: what measuring its models takes at most, or nearly."""
_CHANGES: Final = 20
"""Changed grades told at the end of a run."""


@record
class Done:
    """What is kept of one result once it was put away."""

    brief: Brief
    fault: Fault | None
    recalls: tuple[Recall, ...]
    reuse: Reuse | None = None
    """Of its trainings; None where the notebook was not executed now."""

    @property
    def student(self) -> str:
        return self.brief.grade.student


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where results of this run go."""

    courses: Courses
    store: Store
    gradebook: Gradebook
    out: Path
    language: str
    console: Console
    records: Records | None = None
    """With ``--json``: the whole record of each student."""

    @property
    def rubric(self) -> Rubric:
        return self.courses.rubric

    @property
    def folder(self) -> Path:
        return self.out / self.rubric.id


@dataclass(frozen=True, slots=True)
class Records:
    """JSON texts in a file without a name, so that those of a large class are not held in memory."""

    file: IO[bytes]
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def put(self, student: str, told: Json) -> None:
        text = json.dumps(told, allow_nan=False).encode()
        self.places[student] = self.file.seek(0, 2), len(text)
        self.file.write(text)

    def texts(self) -> Iterator[str]:
        """By student id."""
        for _, (start, length) in sorted(self.places.items()):
            self.file.seek(start)
            yield self.file.read(length).decode()


def at(state: Path, courses: Courses, *, out: Path, language: str, console: Console, records: Records | None) -> Desk:
    """The desk of a run whose store and gradebook lie there."""
    return Desk(
        courses=courses,
        store=Store(state),
        gradebook=Gradebook(state / "grades.sqlite"),
        out=out,
        language=language,
        console=console,
        records=records,
    )


@contextmanager
def records(wanted: bool) -> Iterator[Records | None]:
    if not wanted:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        yield Records(file)


class Watch(Protocol):
    """A watcher of those whose turns these are."""

    def __call__(self, turns: Sequence[Turn], *, longest: float, done: str = ...) -> Watcher: ...


def expected(submissions: Sequence[Submission], desk: Desk) -> tuple[Turn, ...]:
    """What is known of each before its turn."""
    with desk.console.status("looking up what is remembered …"):
        return tuple(_expected(submission, desk.courses) for submission in submissions)


def _expected(submission: Submission, courses: Courses) -> Turn:
    """Nothing, where its data cannot be had: its turn will tell."""
    if is_refused(submission):
        return Turn(student=submission.student, remembered=True)
    try:
        return forecast(submission, courses.of(submission), courses.slots[0])
    except AutograderError:
        return Turn(student=submission.student)


def grade(
    submissions: Sequence[Submission], turns: Sequence[Turn], desk: Desk, watch: Watch, stop: Event
) -> tuple[Done, ...]:
    """Each result is in the gradebook and on the disk the moment it exists, and then only a little of it is kept."""
    done = []
    by_student = {turn.student: turn for turn in turns}
    with desk.gradebook.held(), watch(turns, longest=desk.rubric.limits.run_seconds + MEASURING_SECONDS) as watcher:
        running = grade_class(submissions, desk.courses, turns=by_student, tell=watcher.tell, cancelled=stop.is_set)
        with closing(running) as finished:
            for result in finished:
                done.append(_put_away(result, desk))
                del result  # not kept while the next one is waited for
    return tuple(sorted(done, key=lambda one: one.student))


def _put_away(result: Result, desk: Desk) -> Done:
    """What people ruled stands."""
    desk.gradebook.record(result.report)
    report = replace(result.report, grade=_ruled(result.report.grade, desk))
    if desk.records is not None:
        told = {**exports.record.grade(report, desk.language), "reuse": reuse.told(result.recalls)}
        desk.records.put(report.grade.student, told)
    ran = report.evidence and not _remembered(result) and report.evidence.execution.reuse
    return Done(
        reuse=ran or None,
        brief=feedback.brief(report, desk.rubric, desk.language),
        fault=_written(report, desk) or result.fault,
        recalls=result.recalls,
    )


def _written(report: Report, desk: Desk) -> Fault | None:
    """A sheet that cannot be made costs nobody the grade, which is in the gradebook; a full disk stops the run."""
    student = report.submission.student
    try:
        feedback.write(report, desk.out, desk.rubric, desk.language, desk.store)
    except OutputError:
        raise
    except AutograderError as error:
        return Fault(student=student, problem=str(error), remedy=error.remedy)
    except Exception as error:
        logging.getLogger(__name__).debug("%s", student, exc_info=True)
        return Fault(student=student, problem=f"no sheet: {type(error).__name__}: {error}"[:500], remedy=REPORT_IT)
    return None


def _ruled(grade: Grade, desk: Desk) -> Grade:
    return ruled(grade, standing(desk.gradebook.rulings(desk.rubric.id, grade.student)).get(grade.student, ()))


def absent(everybody: Sequence[Submission], roster: Path | None, desk: Desk) -> tuple[Grade, ...]:
    """Grades without points for those on the class list who handed nothing in."""
    if roster is None:
        return ()
    grades = []
    for submission in intake.missing(everybody, roster):
        given = scoring.missing(desk.rubric, submission)
        desk.gradebook.record(Report(submission=submission, grade=given, evidence=None, graded_at=datetime.now(UTC)))
        grades.append(given)
    return tuple(grades)


# --- at the end ------------------------------------------------------------------------------------------------------


def publish(
    done: Sequence[Done],
    absent: Sequence[Grade],
    changed: Sequence[Change],
    desk: Desk,
    *,
    partial: bool,
    verbose: bool,
) -> None:
    """The table, and for a whole class the summary and the CSV; after an interruption, for what there is."""
    rubric, console, folder = desk.rubric, desk.console, desk.folder
    grades = [*(one.brief.grade for one in done), *absent]
    console.print(grades_table(grades, rubric, desk.language))
    _tell_cuts(done, rubric, console)
    _tell_fidelity(done, console)
    told = reuse.lines({one.student: one.recalls for one in done}, verbose=verbose)
    for line in (*told, *trainings.lines(_reused(done))):
        console.print(line, markup=False, soft_wrap=True)
    _tell_changes(changed, desk)
    if partial:
        console.print(
            "Only some students were graded: summary and CSV are as they were (autograder export writes all)."
        )
    else:
        write_atomically(folder / "grades.csv", exports.csv.grades(grades, rubric).encode())
        briefs = [one.brief for one in done]
        feedback.write_summary(briefs, absent, desk.out, rubric, desk.language, changes=changed)
        console.print(f"summary:  {folder / 'summary.html'}", soft_wrap=True)
        console.print(f"grades:   {folder / 'grades.csv'}", soft_wrap=True)
    console.print(f"feedback: {folder}/<student>/feedback.html", soft_wrap=True)


def print_records(desk: Desk, absent: Sequence[Grade]) -> None:
    """Every record of those who handed in, and the bare grade of those who did not."""
    if desk.records is None:
        return
    texts = [json.dumps(exports.record.award_table(grade, desk.language), allow_nan=False) for grade in absent]
    separator = "["
    for text in (*desk.records.texts(), *texts):
        typer.echo(separator + text, nl=False)
        separator = ", "
    typer.echo("]" if separator != "[" else "[]")


def _tell_cuts(done: Sequence[Done], rubric: Rubric, console: Console) -> None:
    """Whose trainings were cut, or not run at all, for the sake of the budget."""
    limit = rubric.limits.budget_seconds
    over = [(one.student, run) for one in done if (run := one.brief.run) is not None and run.over_budget]
    if limit:
        console.print(f"budget: {limit} s of training; {len(over)} of {len(done)} notebooks planned more")
    for student, run in over:
        became = "not run" if run.refused else f"trainings cut to 1/{round(1 / run.share)}"
        console.print(f"  {safe(student, 32)}: planned {run.planned_seconds:.0f} s, {became}", markup=False)


def _tell_changes(changed: Sequence[Change], desk: Desk) -> None:
    """In short; ``autograder diff`` has the items."""
    if changed:
        desk.console.print(f"changed grades: {len(changed)} (autograder diff names the items)")
    for change in changed[:_CHANGES]:
        desk.console.print(f"  {safe(changes.told(change, desk.language), 200)}", markup=False, soft_wrap=True)
    if len(changed) > _CHANGES:
        desk.console.print(f"  and {len(changed) - _CHANGES} more")


def _tell_fidelity(done: Sequence[Done], console: Console) -> None:
    """How far our measurements can be trusted: whether they are what the notebooks themselves found."""
    told = in_short(feedback.tallied([one.brief.run for one in done if one.brief.run is not None]))
    if told:
        console.print(f"fidelity: {told}", soft_wrap=True)


def tell_apart(done: Sequence[Done]) -> None:
    """Likewise: what is kept of a training was not what the training left."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    for line in trainings.apart(_reused(done)):
        errors.print(safe(line, 1000))


def _reused(done: Sequence[Done]) -> Mapping[StudentId, Reuse]:
    return {one.brief.grade.student: one.reuse for one in done if one.reuse is not None}


def _remembered(result: Result) -> bool:
    """Whether its run was that of another time."""
    return not any(one.stage == "execution" and not one.reused for one in result.recalls)


def tell_faults(done: Sequence[Done]) -> None:
    """On the error stream, so that neither --quiet nor --json hides them."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    for fault in (one.fault for one in done if one.fault):
        errors.print(f"our fault: {safe(fault.student)}: {safe(fault.problem, 500)}")
        errors.print(f"  remedy: {safe(fault.remedy, 500)}")

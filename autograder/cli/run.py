"""``autograder run``: the main job."""

from __future__ import annotations

import json
import logging
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from autograder import changes, exports, feedback, intake, reference, scoring
from autograder.budget import over_budget
from autograder.changes import Change
from autograder.cli import reuse
from autograder.cli import trainings as told
from autograder.cli.options import (
    DEFAULT_RUBRIC,
    BudgetOption,
    DataOption,
    Device,
    DeviceOption,
    ForceOption,
    JsonOption,
    Language,
    LanguageOption,
    OutOption,
    PathsArgument,
    QuietOption,
    ReuseOption,
    Reusing,
    RubricOption,
    StateOption,
    VerboseOption,
    Wall,
    WallOption,
    WorkersOption,
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
    share,
    with_budget,
    without_force,
)
from autograder.console import Board, Lines, Silent, Watcher, grades_table, printer, safe
from autograder.course import Course, Courses
from autograder.courses import Assorted
from autograder.errors import AutograderError, ConfigError, OutputError
from autograder.extraction.fidelity import in_short
from autograder.gradebook import Gradebook, ruled
from autograder.messages import render
from autograder.pipeline import REPORT_IT, Fault, Result, ensure_space, grade_class, is_refused
from autograder.records import Baseline, DataCard, Ending, Grade, Report, Rubric, Submission
from autograder.sandbox.room import Sandbox
from autograder.settings import Settings
from autograder.stock import is_single
from autograder.store import Store, write_atomically
from autograder.trainings import Trainings
from autograder.wellknown import title

_CHANGES = 20
"""Changed grades told at the end of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Where results of this run go."""

    courses: Courses
    store: Store
    gradebook: Gradebook
    out: Path
    language: str
    console: Console


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    """What a course is opened with."""

    rubric: Rubric
    places: Settings
    sandbox: Sandbox
    slots: tuple[str, ...]
    force: bool
    console: Console
    stop: threading.Event
    trainings: Trainings | None = None
    several: bool = False
    """Whether others may train what one of them does."""

    def reusing(self, trainings: Trainings | None, *, several: bool) -> _Opening:
        return replace(self, trainings=trainings, several=several)

    def one(self, source: str) -> Course:
        opened = open_course(
            self.rubric,
            data=source,
            places=self.places,
            sandbox=self.sandbox,
            slots=self.slots,
            force=self.force,
            trainings=self.trainings,
        )
        seeds = self.rubric.reference_seeds
        return replace(opened, baseline_for=reference.baselines(opened, self.places, seeds))

    def train(self, course: Course) -> Course:
        baseline = _baseline(course, self.places, self.console, self.stop)
        if self.several and not self.force and not self.rubric.limits.budget_seconds:
            with self.console.status("training the baseline with the seed of the class …"):
                reference.prime(course, self.places, cancelled=self.stop.is_set)
        return replace(course, baseline=baseline)


@at_work
def run(
    paths: PathsArgument = None,
    rubric: RubricOption = DEFAULT_RUBRIC,
    data: DataOption = None,
    out: OutOption = Path("feedback"),
    workers: WorkersOption = None,
    device: DeviceOption = Device.AUTO,
    per_gpu: Annotated[int, typer.Option("--per-gpu", min=1, help="Kernels that share one GPU.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="Grade this student only; can be repeated.")] = None,
    roster: Annotated[Path | None, typer.Option(help="CSV of the students; tells who is missing.")] = None,
    budget: BudgetOption = None,
    reusing: ReuseOption = Reusing.EXACT,
    audit: Annotated[
        str, typer.Option(metavar="SHARE", help="Of the trainings that need not be repeated, this share is: 5%.")
    ] = "0%",
    force: ForceOption = False,
    sandbox: WallOption = Wall.AUTO,
    lang: LanguageOption = Language.FR,
    state: StateOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Grade a class: a feedback sheet per student, a class summary, a grades CSV."""
    _log(verbose)
    console = printer(quiet=quiet or as_json)
    places = here(state)
    chosen = with_budget(load_rubric(rubric, places), budget)
    feedback.ensure_writable(out)
    ensure_space(places.state)
    everybody = intake.collect(paths or [Path("submissions")], Store(places.state), roster=roster, assignment=chosen.id)
    submissions = _only(everybody, only)
    wall = find_sandbox(sandbox, own_notebook=_samples_only(everybody, places), console=console)
    slots = find_slots(device, memory_mb=chosen.limits.memory_mb, workers=workers, per_gpu=per_gpu)
    began = datetime.now(UTC)
    with _interruptible() as stop:
        opening = _Opening(
            rubric=chosen, places=places, sandbox=wall, slots=slots, force=force, console=console, stop=stop
        ).reusing(known_trainings(reusing, places, share(audit)), several=len(submissions) > 2)
        courses, submissions = _opened(data_values(data, chosen), submissions, opening)
        desk = _Desk(
            courses=courses,
            store=Store(places.state),
            gradebook=Gradebook(places.state / "grades.sqlite"),
            out=out,
            language=lang.value,
            console=console,
        )
        with _watcher(console, len(submissions), len(slots), silent=quiet or as_json, verbose=verbose) as watcher:
            results = _grade(submissions, desk, watcher, stop)
        absent = _absent(everybody, roster, desk)
        if stop.is_set():
            console.print(f"stopped: {len(results)} of {len(submissions)} graded, and only these are listed below")
        changed = changes.since(desk.gradebook, chosen.id, began)
        _publish(results, absent, changed, desk, partial=bool(only), verbose=verbose)
    if as_json:
        typer.echo(_json(results, absent, lang.value))
    _end(results, stop)


def _end(results: Sequence[Result], stop: threading.Event) -> None:
    """With the exit code that tells what became of the run."""
    _tell_faults(results)
    _tell_apart(results)
    if stop.is_set():
        raise KeyboardInterrupt
    if any(result.fault for result in results):
        raise typer.Exit(1)


def _log(verbose: bool) -> None:
    if verbose:
        logging.basicConfig(level=logging.WARNING)
        logging.getLogger("autograder").setLevel(logging.DEBUG)


def _announce(card: DataCard, console: Console) -> None:
    console.print(describe_data(card), soft_wrap=True)
    if card.train_stride > 1:
        console.print("note: this set is small, so figures scatter; grade a class with --data mnist or --data FILE.npz")


def _opened(
    values: Sequence[str], submissions: tuple[Submission, ...], opening: _Opening
) -> tuple[Courses, tuple[Submission, ...]]:
    """The course or courses of this run with their baselines, and the submissions with what is said of their data."""
    console = opening.console
    rooms = f"sandbox: {opening.sandbox.name}; devices: {', '.join(opening.slots)}; {len(submissions)} submissions"
    if is_single(values):
        course = opening.one(values[0])
        _announce(course.data.card, console)
        console.print(rooms, soft_wrap=True)
        return opening.train(course), submissions
    courses = open_courses(
        opening.rubric, values, opening.places, one=opening.one, train=opening.train, slots=opening.slots
    )
    told = tuple(map(courses.told, submissions))
    _recognised(courses, told, console)
    console.print(rooms, soft_wrap=True)
    _prepare(courses, told, console)
    return courses, told


def _prepare(courses: Assorted, submissions: Sequence[Submission], console: Console) -> None:
    """Data and baselines of the sets that the notebooks ask for, before the class begins.

    What fails with one of the sets costs only those who need it; with all of them, nothing can be graded.
    """
    failures: list[AutograderError] = []
    needed = courses.needed(submissions)
    for name in needed:
        try:
            _announce(courses.course(name).data.card, console)
            courses.trained(name)
        except AutograderError as error:
            failures.append(error)
    if failures and len(failures) == len(needed):
        raise failures[0]
    for failure in failures:
        console.print(f"cannot be graded on this set: {safe(str(failure), 500)}", soft_wrap=True, markup=False)


def _recognised(courses: Assorted, submissions: Sequence[Submission], console: Console) -> None:
    asked = Counter(title(courses.choice(one).name) for one in submissions if not is_refused(one))
    served = ", ".join(f"{count} on {name}" for name, count in asked.most_common()) or "none"
    unserved = sum(one.notebook is not None and one.refusal is not None for one in submissions)
    rest = f"; {unserved} not run: no such data set here" if unserved else ""
    console.print(f"data: as each notebook asks: {served}{rest}", soft_wrap=True, markup=False)
    for one in submissions:
        if one.notebook is not None and one.refusal is not None:
            console.print(f"  {one.student}: {safe(render(one.refusal, 'en'), 400)}", soft_wrap=True, markup=False)


def _samples_only(submissions: Sequence[Submission], places: Settings) -> bool:
    """Whether every notebook to run is one of ours, byte for byte, and comes without other files."""
    known = places.samples()
    return all(
        not submission.files and (submission.handed_in or "").removeprefix("sha256:") in known
        for submission in submissions
        if submission.notebook is not None
    )


def _only(submissions: tuple[Submission, ...], wanted: Sequence[str] | None) -> tuple[Submission, ...]:
    if not wanted:
        return submissions
    called = {name: {one.student for one in submissions if name in (one.student, one.name)} for name in wanted}
    for name, students in called.items():
        if not students:
            known = ", ".join(submission.student for submission in submissions[:20])
            raise ConfigError(f"no submission of {safe(name)}", place="--only", remedy=f"Known: {known}")
    return tuple(submission for submission in submissions if any(submission.student in ids for ids in called.values()))


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
    if places.reference(course.rubric.id, "baseline.ipynb") is None:
        return None
    seeds = course.rubric.reference_seeds
    console.print(f"baseline: training with {len(seeds)} seeds, unless it is remembered …")
    with console.status("training the baseline …"):
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
    submissions: Sequence[Submission], desk: _Desk, watcher: Watcher, stop: threading.Event
) -> tuple[Result, ...]:
    """Each result is in the gradebook and on the disk the moment it exists; what people ruled stands."""
    results = []
    with closing(grade_class(submissions, desk.courses, tell=watcher.tell, cancelled=stop.is_set)) as finished:
        for result in finished:
            desk.gradebook.record(result.report)
            report = replace(result.report, grade=_ruled(result.report.grade, desk))
            results.append(replace(result, report=report, fault=_written(report, desk) or result.fault))
    return tuple(sorted(results, key=lambda result: result.report.submission.student))


def _written(report: Report, desk: _Desk) -> Fault | None:
    """A sheet that cannot be made costs nobody the grade, which is in the gradebook; a full disk stops the run."""
    student = report.submission.student
    try:
        feedback.write(report, desk.out, desk.courses.rubric, desk.language, desk.store)
    except OutputError:
        raise
    except AutograderError as error:
        return Fault(student=student, problem=str(error), remedy=error.remedy)
    except Exception as error:
        logging.getLogger(__name__).debug("%s", student, exc_info=True)
        return Fault(student=student, problem=f"no sheet: {type(error).__name__}: {error}"[:500], remedy=REPORT_IT)
    return None


def _ruled(grade: Grade, desk: _Desk) -> Grade:
    rulings = desk.gradebook.rulings(desk.courses.rubric.id)
    return ruled(grade, [ruling for ruling in rulings if ruling.student == grade.student])


def _absent(everybody: Sequence[Submission], roster: Path | None, desk: _Desk) -> tuple[Grade, ...]:
    """Grades without points for those on the class list who handed nothing in."""
    if roster is None:
        return ()
    grades = []
    for submission in intake.missing(everybody, roster):
        grade = scoring.missing(desk.courses.rubric, submission)
        desk.gradebook.record(Report(submission=submission, grade=grade, evidence=None, graded_at=datetime.now(UTC)))
        grades.append(grade)
    return tuple(grades)


def _publish(
    results: Sequence[Result],
    absent: Sequence[Grade],
    changed: Sequence[Change],
    desk: _Desk,
    *,
    partial: bool,
    verbose: bool,
) -> None:
    """The table, and for a whole class the summary and the CSV; after an interruption, for what there is."""
    rubric, console = desk.courses.rubric, desk.console
    reports = [result.report for result in results]
    grades = [*(report.grade for report in reports), *absent]
    console.print(grades_table(grades, rubric, desk.language))
    _tell_cuts(reports, rubric, console)
    _tell_fidelity(reports, console)
    for line in (*reuse.lines(results, verbose=verbose), *told.lines(results)):
        console.print(line, markup=False, soft_wrap=True)
    _tell_changes(changed, desk)
    folder = desk.out / rubric.id
    if partial:
        console.print(
            "Only some students were graded: summary and CSV are as they were (autograder export writes all)."
        )
    else:
        write_atomically(folder / "grades.csv", exports.csv.grades(grades, rubric).encode())
        feedback.write_summary(reports, absent, desk.out, rubric, desk.language, changes=changed)
        console.print(f"summary:  {folder / 'summary.html'}", soft_wrap=True)
        console.print(f"grades:   {folder / 'grades.csv'}", soft_wrap=True)
    console.print(f"feedback: {folder}/<student>/feedback.html", soft_wrap=True)


def _tell_cuts(reports: Sequence[Report], rubric: Rubric, console: Console) -> None:
    """Whose trainings were cut, or not run at all, for the sake of the budget."""
    limit = rubric.limits.budget_seconds
    over = [
        (report.grade.student, execution)
        for report in reports
        if report.evidence and over_budget(execution := report.evidence.execution)
    ]
    if limit:
        console.print(f"budget: {limit} s of training; {len(over)} of {len(reports)} notebooks planned more")
    for student, execution in over:
        refused = execution.ending is Ending.REFUSED
        became = "not run" if refused else f"trainings cut to 1/{round(1 / execution.share)}"
        console.print(f"  {safe(student, 32)}: planned {execution.planned_seconds:.0f} s, {became}", markup=False)


def _tell_changes(changed: Sequence[Change], desk: _Desk) -> None:
    """In short; ``autograder diff`` has the items."""
    if changed:
        desk.console.print(f"changed grades: {len(changed)} (autograder diff names the items)")
    for change in changed[:_CHANGES]:
        desk.console.print(f"  {safe(changes.told(change, desk.language), 200)}", markup=False, soft_wrap=True)
    if len(changed) > _CHANGES:
        desk.console.print(f"  and {len(changed) - _CHANGES} more")


def _tell_fidelity(reports: Sequence[Report], console: Console) -> None:
    """How far our measurements can be trusted: whether they are what the notebooks themselves found."""
    told = in_short([report.evidence for report in reports if report.evidence is not None])
    if told:
        console.print(f"fidelity: {told}", soft_wrap=True)


def _json(results: Sequence[Result], absent: Sequence[Grade], language: str) -> str:
    """Every record of those who handed in, and the bare grade of those who did not."""
    records = [{**exports.record.grade(result.report, language), "reuse": reuse.told(result)} for result in results]
    records += [exports.record.award_table(grade, language) for grade in absent]
    return json.dumps(records, allow_nan=False)


def _tell_apart(results: Sequence[Result]) -> None:
    """Likewise: what is kept of a training was not what the training left."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    for line in told.apart(results):
        errors.print(safe(line, 1000))


def _tell_faults(results: Sequence[Result]) -> None:
    """On the error stream, so that neither --quiet nor --json hides them."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    for fault in (result.fault for result in results if result.fault):
        errors.print(f"our fault: {safe(fault.student)}: {safe(fault.problem, 500)}")
        errors.print(f"  remedy: {safe(fault.remedy, 500)}")

"""``autograder run``: the main job."""

from __future__ import annotations

import logging
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from autograder import changes, feedback, intake, reference
from autograder.cli import desk, smoking
from autograder.cli.desk import Done
from autograder.cli.machines import Machines, SchedulerOption, Wanted, machines
from autograder.cli.options import (
    AUTO,
    DEFAULT_RUBRIC,
    AuditOption,
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
    Smoke,
    SmokeOption,
    StateOption,
    VerboseOption,
    Wall,
    WallOption,
    WorkersOption,
    at_work,
    data_values,
    describe_data,
    here,
    known_trainings,
    load_rubric,
    open_course,
    open_courses,
    share,
    with_budget,
    without_force,
)
from autograder.cli.turnout import Turnout
from autograder.console import Harmless, printer, safe, watched
from autograder.course import Course, Courses
from autograder.courses import Assorted
from autograder.errors import AutograderError, ConfigError
from autograder.messages import render
from autograder.pipeline import ensure_space, is_refused
from autograder.records import Baseline, DataCard, Rubric, Submission
from autograder.settings import Settings
from autograder.stock import is_single
from autograder.store import Store
from autograder.trainings import Trainings
from autograder.wellknown import title


@dataclass(frozen=True, slots=True)
class _Opening:
    """What a course is opened with."""

    rubric: Rubric
    places: Settings
    machines: Machines
    force: bool
    trainings: Trainings | None
    several: bool
    """Whether others may train what one of them does."""
    console: Console
    stop: threading.Event

    def one(self, source: str) -> Course:
        opened = open_course(
            self.rubric,
            data=source,
            places=self.places,
            sandbox=self.machines.sandbox,
            slots=self.machines.slots,
            force=self.force,
            trainings=self.trainings,
        )
        opened = replace(opened, afar=self.machines.afar)
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
    workers: WorkersOption = AUTO,
    device: DeviceOption = Device.AUTO,
    per_gpu: Annotated[int, typer.Option("--per-gpu", min=1, help="Kernels that share one GPU.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help="Grade this student only; can be repeated.")] = None,
    roster: Annotated[Path | None, typer.Option(help="CSV of the students; tells who is missing.")] = None,
    budget: BudgetOption = None,
    smoke: SmokeOption = Smoke.AUTO,
    reusing: ReuseOption = Reusing.EXACT,
    audit: AuditOption = "0%",
    force: ForceOption = False,
    scheduler: SchedulerOption = None,
    cold: Annotated[bool, typer.Option("--cold", help="Start no room before its notebook is there.")] = False,
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
    smoke = smoking.here(smoke, scheduler)
    wanted = Wanted(scheduler=scheduler, wall=sandbox, device=device, workers=workers, per_gpu=per_gpu)
    trusted, memory = _samples_only(everybody, places), chosen.limits.memory_mb
    began, turnout = datetime.now(UTC), Turnout()
    demand = None if cold else turnout.demand
    trainings = None if scheduler is not None else known_trainings(reusing, places, share(audit))
    with (
        _interruptible() as stop,
        desk.records(as_json) as records,
        machines(wanted, own=trusted, memory_mb=memory, demand=demand, console=console, cancelled=stop.is_set) as found,
    ):
        opening = _Opening(chosen, places, found, force, trainings, len(submissions) > 2, console, stop)
        courses, submissions = _opened(data_values(data, chosen), submissions, opening)
        own = desk.at(places.state, courses, out=out, language=lang.value, console=console, records=records)
        shown = partial(watched, console, lanes=found.lanes, silent=quiet or as_json, verbose=verbose)
        done = _graded(submissions, own, turnout.counting(shown), smoke, stop, as_json=as_json)
        absent = desk.absent(everybody, roster, own)
        if stop.is_set():
            console.print(f"stopped: {len(done)} of {len(submissions)} graded, and only these are listed below")
        changed = changes.since(own.gradebook, chosen.id, began)
        desk.publish(done, absent, changed, own, partial=bool(only), verbose=verbose)
        desk.print_records(own, absent)
    _end(done, stop)


def _graded(
    submissions: Sequence[Submission],
    own: desk.Desk,
    watch: desk.Watch,
    smoke: Smoke,
    stop: threading.Event,
    *,
    as_json: bool,
) -> tuple[Done, ...]:
    """After the smoke pass, where there is one; what that found out of a notebook says when its turn is best."""
    turns = desk.expected(submissions, own)
    smoked = smoking.passed(smoke, submissions, turns, own, watch, stop)
    if smoke is Smoke.ONLY:
        smoking.end(smoked, stop, as_json=as_json)
    return desk.grade(submissions, desk.expected(submissions, own) if smoked else turns, own, watch, stop)


def _end(done: Sequence[Done], stop: threading.Event) -> None:
    """With the exit code that tells what became of the run."""
    desk.tell_faults(done)
    desk.tell_apart(done)
    if stop.is_set():
        raise KeyboardInterrupt
    if any(one.fault for one in done):
        raise typer.Exit(1)


def _log(verbose: bool) -> None:
    if verbose:
        shown = logging.StreamHandler()
        shown.setFormatter(Harmless(logging.BASIC_FORMAT))
        logging.basicConfig(level=logging.WARNING, handlers=[shown])
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
    found = opening.machines
    devices = ", ".join(found.slots if found.afar is None else found.slots[:1])
    rooms = f"sandbox: {found.sandbox.name}; devices: {devices}; {len(submissions)} submissions"
    if is_single(values):
        course = opening.one(values[0])
        _announce(course.data.card, console)
        console.print(rooms, soft_wrap=True)
        return opening.train(course), submissions
    courses = open_courses(
        opening.rubric,
        values,
        opening.places,
        one=opening.one,
        train=opening.train,
        slots=found.slots,
        elsewhere=found.afar is not None,
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
    """Ctrl-C, or whoever ends this process politely, asks the rooms to stop instead of tearing the program down; a
    second one insists."""
    stop = threading.Event()

    def ask(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    former = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, before in former.items():
            signal.signal(number, before)


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

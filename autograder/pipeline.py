"""The order of the stages, what is remembered of each, and what people are told while it runs."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Final, Protocol, TypeVar

import psutil
from pydantic import TypeAdapter

from autograder import __version__, budget, checks, scoring
from autograder.budget import Cut
from autograder.datasets import DataSet
from autograder.errors import AutograderError, Cancelled, MachineShort, OutputError
from autograder.execution import Event, Job, execute
from autograder.extraction import extract, prepare_fallback, read_ledger, read_only
from autograder.notebook import read
from autograder.records import (
    ALL_IS_WELL,
    Baseline,
    Cell,
    CellKind,
    CellRun,
    CellState,
    Ending,
    Evidence,
    Execution,
    Grade,
    Json,
    Ledger,
    Limits,
    Report,
    Rubric,
    Showing,
    Submission,
    say,
)
from autograder.sandbox.room import Sandbox
from autograder.store import Store, output_error

T = TypeVar("T")

REPORT_IT: Final = "This is a fault of autograder: run again with --verbose, and report what it prints."

_EXECUTION = TypeAdapter(Execution)
_EVIDENCE = TypeAdapter(Evidence)
_PACKAGE = Path(__file__).resolve().parent
_EXECUTING = (
    "guest",
    "execution",
    "datasets.py",
    "preprocessing.py",
    "corruptions.py",
    "repairs.py",
    "extraction/fallback.py",
    "extraction/nudges.py",
    "extraction/probing.py",
)
"""Modules of ours on which an execution depends: the last ones, by what models that stay in their kernel are asked."""
_MEASURING = (
    "guest",
    "extraction",
    "preprocessing.py",
    "repairs.py",
    "corruptions.py",
    "statistics.py",
    "notebook",
    "datasets.py",
)
"""Modules of ours on which evidence depends."""
_PACKAGES = ("autograder", "tensorflow", "keras", "numpy", "pandas", "matplotlib", "papermill", "ipykernel")
_EXTRAS = ("torch", "torchvision")
"""Packages that need not be there: a notebook that failed without them is run again once they are."""


Cancel = Callable[[], bool]
BaselineFor = Callable[[float, str, Cancel], Baseline | None]
"""From the share of the steps, the device to train on and whether to stop."""

WHOLE = Cut(planned_seconds=0.0)
"""Nothing is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All that is the same for every submission of a run."""

    rubric: Rubric
    data: DataSet
    data_file: Path
    """``datasets.room_file(data, ...)``: what room 1 sees of the data."""
    others: Mapping[str, Path] = field(default_factory=dict)
    """Further sets that the notebook loads: name -> its ``room_file``, which holds none of that set's hidden images."""
    sandbox: Sandbox
    store: Store
    template: tuple[str, ...] = ()
    """Sources of the starter notebook's cells."""
    baseline: Baseline | None = None
    """Of trainings that nothing was cut from."""
    baseline_for: BaselineFor | None = None
    """The baseline whose trainings were cut alike; None where the assignment has none."""
    slots: tuple[str, ...] = ("cpu",)
    """One device for each notebook that may run at a time: ``("gpu:0", "gpu:0", "gpu:1", "gpu:1")``."""
    threads: int = 2
    force: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for room 1; ``{"KERAS_MAX_EPOCHS": "1"}`` in a fast check."""

    def of(self, submission: Submission) -> Course:
        """Itself: one course for everybody."""
        return self


class Courses(Protocol):
    """What a class is graded with: one course for everybody, or one for each data set."""

    @property
    def rubric(self) -> Rubric: ...

    @property
    def slots(self) -> tuple[str, ...]: ...

    def of(self, submission: Submission) -> Course:
        """The course of one submission; raises AutograderError when its data or its baseline cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong on our side; the submission can be tried again."""

    student: str
    problem: str
    remedy: str = ""
    crowded: bool = False
    """Whether it may do when nothing else runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one submission; with a fault of ours, every item of its grade waits for a person."""

    report: Report
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Something to tell people who wait."""

    student: str
    stage: str
    """``waiting``, ``rehearsing``, ``executing``, ``measuring``, ``grading``, ``done``, ``failed``."""
    cell: int = 0
    """1-based number of the cell that runs."""
    cells: int = 0
    text: str = ""


OnProgress = Callable[[Progress], None]


def ignore(_: Progress) -> None:
    """Nobody watches."""


def never() -> bool:
    return False


# --- what a result depends on --------------------------------------------------------------------------------------


@cache
def versions() -> Mapping[str, str]:
    """Python and the packages a figure can depend on, as far as they are installed."""
    there = [name for name in _EXTRAS if find_spec(name) is not None]
    return {"python": platform.python_version(), **{name: _version(name) for name in (*_PACKAGES, *there)}}


def _version(name: str) -> str:
    if name == "autograder":
        return __version__
    return version(name)


@cache
def code_digest(*parts: str) -> str:
    """Digest over the sources of these modules or packages of ours: changed code never answers from memory."""
    hashed = hashlib.sha256()
    for part in parts:
        path = _PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            hashed.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return hashed.hexdigest()


def _key(stage: str, **parts: Json) -> str:
    return stage + json.dumps(parts, sort_keys=True, default=str)


def execution_key(
    submission: Submission, course: Course, seed: int, device: str, *, cut: Cut = WHOLE, rehearsal: bool = False
) -> str:
    """What room 1 depends on: notebook and files, data, parameters, limits, seed, device, packages and our own code.

    The budget itself is not among them, but the share that follows from it: that is what baselines have in common.
    """
    return _key(
        "rehearsal" if rehearsal else "execution",
        notebook=submission.notebook,
        files=dict(submission.files),
        data=course.data.card.digest,
        **({"others": {name: path.name for name, path in course.others.items()}} if course.others else {}),
        parameters=dict(course.rubric.parameters),
        limits=asdict(_room_limits(course, rehearsal=rehearsal)),
        share=cut.share,
        whole_tests=cut.whole_tests,
        altered=[course.rubric.robustness_images, course.rubric.seed],
        secret=digest_of(course.store.secret()),
        seed=seed,
        device=device.partition(":")[0],
        threads=course.threads,
        environment=dict(course.environment),
        sandbox=course.sandbox.name,
        versions={name: value for name, value in versions().items() if name != "autograder"},
        code=code_digest(*_EXECUTING),
    )


def _room_limits(course: Course, *, rehearsal: bool) -> Limits:
    """Those of the rubric without what is settled before the room is entered."""
    limits = course.rubric.limits
    if rehearsal:
        return budget.rehearsal(limits)
    return replace(limits, budget_seconds=Limits().budget_seconds, over_budget=Limits().over_budget)


def evidence_key(execution: Execution, submission: Submission, course: Course) -> str:
    """What room 2 and the reading of the notebook depend on."""
    known = course.baseline
    baseline = None if known is None else [known.mean_errors, *known.predictions, *known.altered, *known.nudged]
    return _key(
        "evidence",
        secret=digest_of(course.store.secret()),
        files=dict(submission.files),
        execution=digest_of(_EXECUTION.dump_json(execution)),
        notebook=submission.notebook,
        data=course.data.card.digest,
        baseline=baseline,
        template=course.template,
        images=course.rubric.robustness_images,
        seed=course.rubric.seed,
        code=code_digest(*_MEASURING),
    )


def baseline_key(runs: Sequence[Execution], seeds: Sequence[int], course: Course) -> str:
    """What the measures of the baseline depend on."""
    return _key(
        "baseline",
        secret=digest_of(course.store.secret()),
        executions=[digest_of(_EXECUTION.dump_json(run)) for run in runs],
        seeds=list(seeds),
        data=course.data.card.digest,
        images=course.rubric.robustness_images,
        seed=course.rubric.seed,
        code=code_digest(*_MEASURING),
    )


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def remembered(key: str, adapter: TypeAdapter[T], course: Course, work: Callable[[], T]) -> T:
    """The result of ``work``, from memory where the key is known and nothing was forced."""
    known = None if course.force else course.store.recall(key)
    if known is not None:
        return adapter.validate_json(course.store.get(known))
    result = work()
    course.store.remember(key, course.store.put(adapter.dump_json(result)))
    return result


# --- the stages of one submission ----------------------------------------------------------------------------------


def run_notebook(
    submission: Submission,
    course: Course,
    *,
    seed: int,
    device: str = "cpu",
    cut: Cut = WHOLE,
    rehearsal: bool = False,
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Execution:
    """Room 1, or what it said the last time the same thing was asked."""
    if submission.notebook is None:
        raise ValueError(f"{submission.student}: nothing to run")
    content = course.store.get(submission.notebook)
    stage = "rehearsing" if rehearsal else "executing"

    def on_event(event: Event) -> None:
        tell(Progress(student=submission.student, stage=stage, cell=event.cell, cells=event.cells, text=event.text))

    def prepare(ledger: Ledger, so_far: Execution) -> Showing | None:
        if rehearsal:
            return None
        cells = cells_of(submission, None, course.store)
        others = tuple(course.others.values())
        return prepare_fallback(
            ledger, so_far, cells, data=course.data, rubric=course.rubric, store=course.store, others=others
        )

    def work() -> Execution:
        job = Job(
            notebook=content,
            files={name: course.store.get(file) for name, file in submission.files.items()},
            data=course.data,
            data_file=course.data_file,
            others=course.others,
            limits=_room_limits(course, rehearsal=rehearsal),
            parameters=course.rubric.parameters,
            seed=seed,
            device=device,
            threads=course.threads,
            environment=course.environment,
            rehearsal=rehearsal,
            share=cut.share,
            whole_tests=cut.whole_tests,
        )
        return execute(job, course.sandbox, course.store, on_event=on_event, cancelled=cancelled, prepare=prepare)

    key = execution_key(submission, course, seed, device, cut=cut, rehearsal=rehearsal)
    execution = remembered(key, _EXECUTION, course, work)
    return replace(execution, limits=course.rubric.limits, share=cut.share)


def gather(submission: Submission, execution: Execution, course: Course, *, cancelled: Cancel = never) -> Evidence:
    """Room 2 and the reading of the notebook."""

    def work() -> Evidence:
        return extract(
            submission=submission,
            execution=execution,
            cells=cells_of(submission, execution, course.store),
            template_cells=course.template,
            data=course.data,
            baseline=course.baseline,
            rubric=course.rubric,
            sandbox=course.sandbox,
            store=course.store,
            others=tuple(course.others.values()),
            cancelled=cancelled,
        )

    return remembered(evidence_key(execution, submission, course), _EVIDENCE, course, work)


def cells_of(submission: Submission, execution: Execution | None, store: Store) -> tuple[Cell, ...]:
    """The cells with the outputs of our execution, else as handed in."""
    source = (execution and execution.notebook) or submission.notebook
    return read(store.get(source), store) if source is not None else ()


def judge(submission: Submission, evidence: Evidence, rubric: Rubric) -> Grade:
    """Checks and scoring: pure, and quick enough to be done anew each time."""
    grade = scoring.score(rubric, checks.run(rubric, evidence), submission)
    refused = evidence.execution.ending is Ending.REFUSED and evidence.execution.planned_seconds is not None
    return replace(grade, reason=evidence.execution.reason) if refused else grade


def grade_one(
    submission: Submission,
    course: Course,
    *,
    device: str = "cpu",
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Report:
    """The whole route for one student."""
    if is_refused(submission):
        return not_run(submission, course.rubric)
    execution = within_budget(submission, course, device=device, tell=tell, cancelled=cancelled)
    if execution.ending is Ending.REFUSED:
        evidence = read_only(
            submission,
            cells=cells_of(submission, None, course.store),
            template_cells=course.template,
            execution=execution,
        )
    else:
        baseline = baseline_of(course, execution.share, device, cancelled)
        tell(Progress(student=submission.student, stage="measuring"))
        evidence = gather(submission, execution, replace(course, baseline=baseline), cancelled=cancelled)
    tell(Progress(student=submission.student, stage="grading"))
    return _report(submission, judge(submission, evidence, course.rubric), evidence)


# --- the budget ----------------------------------------------------------------------------------------------------


def within_budget(
    submission: Submission,
    course: Course,
    *,
    device: str = "cpu",
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Execution:
    """Run the notebook; where a budget is set, a rehearsal first tells what to cut, or that it is not run at all."""
    seed, limits = course.rubric.seed, course.rubric.limits
    if not limits.budget_seconds:
        tell(Progress(student=submission.student, stage="executing"))
        return run_notebook(submission, course, seed=seed, device=device, tell=tell, cancelled=cancelled)
    tell(Progress(student=submission.student, stage="rehearsing"))
    rehearsed = run_notebook(
        submission, course, seed=seed, device=device, rehearsal=True, tell=tell, cancelled=cancelled
    )
    cut = budget.cut(read_ledger(rehearsed, course.store)[0].trainings, limits.budget_seconds)
    if cut.planned_seconds > limits.budget_seconds and limits.over_budget == "refuse":
        return _over_budget(submission, course, cut.planned_seconds)
    tell(Progress(student=submission.student, stage="executing"))
    execution = run_notebook(submission, course, seed=seed, device=device, cut=cut, tell=tell, cancelled=cancelled)
    notes = execution.notes
    if any(cell.state not in (*ALL_IS_WELL, CellState.RAISED) for cell in rehearsed.cells):
        notes += (say("The rehearsal did not reach every cell: the notebook may plan more training than is stated."),)
    return replace(execution, planned_seconds=cut.planned_seconds, notes=notes)


def _over_budget(submission: Submission, course: Course, planned: float) -> Execution:
    """The rubric says that such a notebook is not run."""
    limits = course.rubric.limits
    cells = cells_of(submission, None, course.store)
    return Execution(
        ending=Ending.REFUSED,
        reason=say(
            "The notebook was not run: it plans {planned:sec} of training, and the rubric allows {budget:sec}.",
            planned=planned,
            budget=limits.budget_seconds,
        ),
        cells=tuple(CellRun(index=cell.index, state=CellState.NOT_RUN) for cell in cells if cell.kind is CellKind.CODE),
        limits=limits,
        planned_seconds=planned,
        sandbox=course.sandbox.name,
    )


def baseline_of(course: Course, share: float, device: str, cancelled: Cancel = never) -> Baseline | None:
    """What a model is judged against: the baseline of which the same share was trained."""
    if share == 1 or course.baseline_for is None:
        return course.baseline
    return course.baseline_for(share, device, cancelled)


def is_refused(submission: Submission) -> bool:
    return submission.notebook is None or submission.refusal is not None


def not_run(submission: Submission, rubric: Rubric) -> Report:
    """Of a submission that is refused: for a fault of its own, or because its data are not here."""
    refused = scoring.refused if submission.notebook is None else scoring.unserved
    return _report(submission, refused(rubric, submission), None)


def _report(submission: Submission, grade: Grade, evidence: Evidence | None) -> Report:
    return Report(
        submission=submission, grade=grade, evidence=evidence, graded_at=datetime.now(UTC), versions=versions()
    )


# --- a class -------------------------------------------------------------------------------------------------------


def grade_class(
    submissions: Sequence[Submission], courses: Courses, *, tell: OnProgress = ignore, cancelled: Cancel = never
) -> Generator[Result]:
    """Results as they finish, one at a time per slot; a fault of ours on one of them does not hold the class.

    What the machine had no memory for beside others is tried once more, alone, when all others are done.
    """
    abandoned = threading.Event()
    free: SimpleQueue[str] = SimpleQueue()
    for slot in courses.slots:
        free.put(slot)

    def stopped() -> bool:
        return abandoned.is_set() or cancelled()

    def work(submission: Submission) -> Result | None:
        device = free.get()
        try:
            return _result(submission, courses, device, tell, stopped)
        finally:
            free.put(device)

    def finished(result: Result) -> Result:
        stage = "failed" if result.fault else "done"
        tell(Progress(student=result.report.submission.student, stage=stage))
        return result

    crowded: list[Submission] = []
    with ThreadPoolExecutor(max_workers=len(courses.slots), thread_name_prefix="submission") as pool:
        try:
            for future in as_completed([pool.submit(work, submission) for submission in submissions]):
                result = future.result()
                if result is None:
                    continue
                if result.fault is not None and result.fault.crowded and len(courses.slots) > 1:
                    crowded.append(result.report.submission)
                    tell(Progress(student=result.report.submission.student, stage="waiting"))
                    continue
                yield finished(result)
            for submission in crowded:
                if (result := pool.submit(work, submission).result()) is not None:
                    yield finished(result)
        finally:  # whoever stops listening, for an error or a second Ctrl-C, does not wait for the rest of the class
            abandoned.set()


def _result(
    submission: Submission, courses: Courses, device: str, tell: OnProgress, cancelled: Cancel
) -> Result | None:
    """None when the run was stopped before this submission was finished."""
    if cancelled():
        return None
    rubric = courses.rubric
    if is_refused(submission):
        return Result(report=not_run(submission, rubric))
    try:
        course = courses.of(submission)
        return Result(report=grade_one(submission, course, device=device, tell=tell, cancelled=cancelled))
    except Cancelled:
        return None
    except AutograderError as error:
        return _faulty(submission, rubric, str(error), error.remedy, crowded=isinstance(error, MachineShort))
    except OSError as error:
        told = output_error(error, Path(error.filename or "?"))
        return _faulty(submission, rubric, str(told), told.remedy)
    except Exception as error:
        logging.getLogger(__name__).debug("%s", submission.student, exc_info=True)
        return _faulty(submission, rubric, f"{type(error).__name__}: {error}", REPORT_IT)


def _faulty(submission: Submission, rubric: Rubric, problem: str, remedy: str, *, crowded: bool = False) -> Result:
    grade = scoring.undecided(rubric, submission, problem[:500])
    return Result(
        report=_report(submission, grade, None),
        fault=Fault(student=submission.student, problem=problem[:500], remedy=remedy, crowded=crowded),
    )


def default_workers(memory_mb: int) -> int:
    """One kernel per core, as far as the memory each may use is there."""
    available = _available_memory_mb()
    return max(1, min(os.cpu_count() or 1, int(available // memory_mb)))


def _available_memory_mb() -> float:
    return float(psutil.virtual_memory().available) / 2**20


def ensure_space(state: Path, needed_mb: int = 512) -> None:
    """Refuse to start on a full disk instead of losing work half-way; raises OutputError."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(state).free // 2**20
    except OSError as error:
        raise output_error(error, state) from error
    if free < needed_mb:
        raise OutputError(
            f"only {free} MB are free", place=str(state), remedy=f"Free at least {needed_mb} MB, or choose --state."
        )

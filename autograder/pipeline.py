"""The order of the stages, what is remembered of each, and what people are told while it runs."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import TypeAdapter

from autograder import budget, checks, keys, scoring
from autograder.adapters import adapter
from autograder.budget import Cut
from autograder.course import Cancel, Course, Courses, Errand
from autograder.errors import AutograderError, Cancelled, MachineShort, OutputError, StoreError, output_error
from autograder.execution import Event, Job, placed, run_code
from autograder.extraction import extract, prepare_fallback, read_ledger, read_only
from autograder.lanes import carried
from autograder.notebook import read
from autograder.program import code_digest, digest_of, versions
from autograder.recall import Key, Memory, Recall, remembered
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
    Finding,
    Grade,
    Ledger,
    Report,
    Rubric,
    Showing,
    StudentId,
    Submission,
    say,
)
from autograder.store import Store
from autograder.trainings import Trainings
from autograder.turns import Turn

REPORT_IT: Final = "This is a fault of autograder: run again with --verbose, and report what it prints."

_NAME = TypeAdapter(str)
_FINDINGS = TypeAdapter(dict[str, Finding])


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
    recalls: tuple[Recall, ...] = ()
    """What of it was remembered, and why the rest was not."""


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


# --- the stages of one submission ----------------------------------------------------------------------------------


def run_notebook(
    submission: Submission,
    course: Course,
    *,
    seed: int,
    device: str = "cpu",
    cut: Cut = keys.WHOLE,
    rehearsal: bool = False,
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Execution:
    """Room 1, or what it said the last time the same thing was asked."""
    if submission.notebook is None:
        raise ValueError(f"{submission.student}: nothing to run")
    content = course.store.get(submission.notebook)
    trainings = None if course.force else course.trainings
    stage = "rehearsing" if rehearsal else "executing"

    def on_event(event: Event) -> None:
        tell(Progress(student=submission.student, stage=stage, cell=event.cell, cells=event.cells, text=event.text))

    def prepare(ledger: Ledger, so_far: Execution) -> Showing | None:
        return None if rehearsal else _showing(submission, course, ledger, so_far)

    def work() -> Execution:
        job = Job(
            notebook=content,
            files={name: course.store.get(file) for name, file in submission.files.items()},
            data=course.data,
            data_file=course.data_file,
            others=course.others,
            limits=keys.room_limits(course, rehearsal=rehearsal),
            parameters=course.rubric.parameters,
            seed=seed,
            device=device,
            threads=course.threads,
            environment=course.environment,
            rehearsal=rehearsal,
            share=cut.share,
            whole_tests=cut.whole_tests,
            shared=device != "cpu" and course.slots.count(device) > 1,
            reuse=trainings is not None,
        )
        return run_code(
            job,
            course.sandbox,
            course.store,
            on_event=on_event,
            cancelled=cancelled,
            prepare=prepare,
            trainings=trainings,
        )

    key = keys.execution_key(submission, course, seed, device, cut=cut, rehearsal=rehearsal)
    execution = _laid(submission, _run(key, submission, course, work), course)
    return replace(execution, limits=course.rubric.limits, share=cut.share)


def _run(key: Key, submission: Submission, course: Course, work: Callable[[], Execution]) -> Execution:
    """The run of the code cells; one of earlier is taken only where its last question would be the same today."""
    memory = memory_of(course)
    with course.flights.alone(key):
        known = memory.known(key, adapter(Execution))
        if known is not None and _rests_on_what_was_set_aside(known, course):
            known = None
        if known is not None and known.asked is not None:
            choice = keys.final_key(known, submission, course)
            final = remembered(memory, choice, _NAME, partial(_final, submission, course, known))
            if final != known.asked:
                key = keys.for_final(key, final)
                known = memory.known(key, adapter(Execution))
        if known is None:
            known = work()
            memory.keep(key, adapter(Execution), known)
        return known


def _rests_on_what_was_set_aside(known: Execution, course: Course) -> bool:
    replayed = () if known.reuse is None else known.reuse.replayed
    trainings = course.trainings or Trainings(store=course.store)
    return any(trainings.is_aside(one.key) for one in replayed)


def _final(submission: Submission, course: Course, known: Execution) -> str:
    """The model that would be shown altered images in its kernel, by what the text says now."""
    ledger, _ = read_ledger(known, course.store)
    showing = _showing(submission, course, ledger, _laid(submission, known, course))
    return "" if showing is None else showing.final


def _showing(submission: Submission, course: Course, ledger: Ledger, so_far: Execution) -> Showing | None:
    cells = cells_of(submission, None, course.store)
    others = tuple(course.others.values())
    return prepare_fallback(
        ledger, so_far, cells, data=course.data, rubric=course.rubric, store=course.store, others=others
    )


def _laid(submission: Submission, run: Execution, course: Course) -> Execution:
    """The run of the code cells as one of the whole notebook."""
    if submission.notebook is None:
        raise ValueError(f"{submission.student}: nothing to run")
    notebook = submission.notebook
    return remembered(
        memory_of(course),
        keys.placed_key(run, notebook),
        adapter(Execution),
        lambda: placed(run, course.store.get(notebook), course.store),
    )


def memory_of(course: Course) -> Memory:
    """That of the submission at hand; else one that knows of no earlier grading."""
    return course.memory or Memory(course.store, force=course.force, flights=course.flights)


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
            memory=memory_of(course),
            cancelled=cancelled,
        )

    evidence = remembered(memory_of(course), keys.evidence_key(execution, submission, course), adapter(Evidence), work)
    return replace(evidence, student=submission.student)  # who hands in the same shares the evidence


def cells_of(submission: Submission, execution: Execution | None, store: Store) -> tuple[Cell, ...]:
    """The cells with the outputs of our execution, else as handed in."""
    source = (execution and execution.notebook) or submission.notebook
    return read(store.get(source), store) if source is not None else ()


def judge(
    submission: Submission, evidence: Evidence, rubric: Rubric, known: Mapping[str, Finding] = MappingProxyType({})
) -> Grade:
    """Checks and scoring: pure. ``known`` holds findings on this evidence, see ``checks.run``."""
    grade = scoring.score(rubric, checks.run(rubric, evidence, known), submission)
    refused = evidence.execution.ending is Ending.REFUSED and evidence.execution.planned_seconds is not None
    return replace(grade, reason=evidence.execution.reason) if refused else grade


def _judged(submission: Submission, evidence: Evidence, course: Course) -> Grade:
    """``judge``, with only those checks carried out that were not before: a changed rubric asks little that is new."""
    memory, rubric = memory_of(course), course.rubric
    digest = digest_of(adapter(Evidence).dump_json(evidence))
    key = keys.findings_key(digest, rubric)
    known = memory.known(key, _FINDINGS) or {}
    grade = judge(submission, evidence, rubric, known)
    found = {
        checks.question(item): award.finding
        for (_, item), award in zip(rubric.items, grade.awards, strict=True)
        if award.finding.settled  # a check that failed may not fail again
    }
    if new := found.keys() - known.keys():
        memory.keep(key, _FINDINGS, {**known, **found})
    whole = keys.grade_key(digest, submission, rubric)
    memory.note(whole, reused=not new and memory.same(whole))
    return grade


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

    def stage(name: str, cell: int, cells: int, text: str) -> None:
        tell(Progress(student=submission.student, stage=name, cell=cell, cells=cells, text=text))

    # Of rooms elsewhere, what they say themselves is told.
    watched = tell if course.afar is None else ignore
    evidence = course.carried(
        Errand(kind="evidence", submission=submission, device=device),
        partial(evidence_of, submission, course, device=device, tell=watched, cancelled=cancelled),
        stage=stage,
        cancelled=cancelled,
    )
    stage("grading", 0, 0, "")
    return _report(submission, _judged(submission, evidence, course), evidence)


def evidence_of(
    submission: Submission,
    course: Course,
    *,
    device: str = "cpu",
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Evidence:
    """Both rooms, and the reading of the notebook."""
    execution = within_budget(submission, course, device=device, tell=tell, cancelled=cancelled)
    if execution.ending is Ending.REFUSED:
        return read_only(
            submission,
            cells=cells_of(submission, None, course.store),
            template_cells=course.template,
            execution=execution,
        )
    baseline = baseline_of(course, execution.share, device, cancelled)
    tell(Progress(student=submission.student, stage="measuring"))
    evidence = gather(submission, execution, replace(course, baseline=baseline), cancelled=cancelled)
    share = budget.fair(evidence)
    if share == execution.share:
        return evidence
    # Which model is the final one, and how long it was trained, is known only now.
    baseline = baseline_of(course, share, device, cancelled)
    return gather(submission, execution, replace(course, baseline=baseline), cancelled=cancelled)


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
    """Of a submission that is refused: for a fault of its own, because its data are not here, or for one of ours."""
    theirs = submission.notebook is None and not submission.fault
    refused = scoring.refused if theirs else scoring.unserved
    return _report(submission, refused(rubric, submission), None)


def _report(submission: Submission, grade: Grade, evidence: Evidence | None) -> Report:
    return Report(
        submission=submission,
        grade=grade,
        evidence=evidence,
        graded_at=datetime.now(UTC),
        versions=versions(),
        grounds=_grounds(evidence),
    )


def _grounds(evidence: Evidence | None) -> Mapping[str, str]:
    found = {"program": code_digest(".")}
    if evidence is not None and evidence.data is not None:
        found["data"] = evidence.data.digest
    if evidence is not None and evidence.execution.started_at is not None:
        found["execution"] = evidence.execution.started_at.isoformat()
    return found


# --- a class -------------------------------------------------------------------------------------------------------


def grade_class(
    submissions: Sequence[Submission],
    courses: Courses,
    *,
    turns: Mapping[str, Turn] = MappingProxyType({}),
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Generator[Result]:
    """Results as they finish, one at a time per slot; a fault of ours on one of them does not hold the class.

    ``turns`` holds what is expected of each student's notebook, as far as anything is. What the machine had no memory
    for beside others is tried once more, alone, when all others are done.
    """
    of = {submission.student: submission for submission in submissions}
    expected = [turns.get(student) or Turn(student=student) for student in of]

    crowded: list[Turn] = []
    for those, slots in ((expected, courses.slots), (crowded, courses.slots[:1])):
        work = partial(_worked, of, courses, slots, tell, cancelled)
        lanes = carried(those, slots, work, limit_mb=courses.limit_mb, peak=_peak_mb)
        with closing(lanes) as results:  # whoever stops listening, for an error or a second Ctrl-C, stops the lanes
            for result in results:
                if result is None:
                    continue
                student = result.report.submission.student
                if result.fault is not None and result.fault.crowded and len(slots) > 1:
                    crowded.append(Turn(student=student))
                    tell(Progress(student=student, stage="waiting"))
                    continue
                tell(Progress(student=student, stage="failed" if result.fault else "done"))
                yield result
                del result  # whoever took it decides how long it is kept


def _worked(
    of: Mapping[StudentId, Submission],
    courses: Courses,
    slots: tuple[str, ...],
    tell: OnProgress,
    cancelled: Cancel,
    turn: Turn,
    device: str,
    abandoned: Cancel,
) -> Result | None:
    def stopped() -> bool:
        return abandoned() or cancelled()

    return _result(of[StudentId(turn.student)], courses, slots, device, tell, stopped)


def _peak_mb(result: Result | None) -> float | None:
    evidence = None if result is None else result.report.evidence
    return None if evidence is None else evidence.execution.peak_memory_mb


def _result(
    submission: Submission,
    courses: Courses,
    slots: tuple[str, ...],
    device: str,
    tell: OnProgress,
    cancelled: Cancel,
) -> Result | None:
    """None when the run was stopped before this submission was finished."""
    if cancelled():
        return None
    rubric = courses.rubric
    if is_refused(submission):
        return Result(report=not_run(submission, rubric))
    try:
        return _mended(submission, replace(courses.of(submission), slots=slots), device, tell, cancelled)
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


def _mended(submission: Submission, course: Course, device: str, tell: OnProgress, cancelled: Cancel) -> Result:
    """What turns out to be damaged in the store is out of the way from then on, and what led to it is done again."""
    damaged: set[str] = set()
    while True:
        name = f"{course.rubric.id}/{submission.student}"
        memory = Memory(course.store, name, force=course.force, flights=course.flights)
        try:
            own = replace(course, memory=memory)
            report = grade_one(submission, own, device=device, tell=tell, cancelled=cancelled)
        except StoreError as error:
            if error.place in damaged:
                raise
            damaged.add(error.place)
            continue
        memory.close()
        return Result(report=report, recalls=memory.recalls)


def _faulty(submission: Submission, rubric: Rubric, problem: str, remedy: str, *, crowded: bool = False) -> Result:
    report = _report(submission, scoring.undecided(rubric, submission, problem[:500]), None)
    return Result(
        report=replace(report, grounds={**report.grounds, "fault": problem[:500]}),
        fault=Fault(student=submission.student, problem=problem[:500], remedy=remedy, crowded=crowded),
    )


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

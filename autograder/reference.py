"""The assignment's own notebooks, through the same rooms as a student's: the baseline, and the self-test."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from autograder.adapters import adapter
from autograder.budget import Cut
from autograder.course import BaselineFor, Cancel, Course, Errand
from autograder.errors import AutograderError, ConfigError, SandboxError
from autograder.extraction import baseline_from
from autograder.keys import baseline_key
from autograder.lanes import carried
from autograder.messages import render
from autograder.pipeline import OnProgress, grade_one, ignore, never, run_notebook
from autograder.recall import Memory, remembered
from autograder.records import Baseline, Ending, Execution, Grade, Rubric, StudentId, Submission
from autograder.settings import Settings
from autograder.store import digest
from autograder.turns import Turn

_POINTS = re.compile(r"(<= *)?\d+(\.\d+)?")
_EXPECTATIONS = TypeAdapter(dict[str, dict[str, "str | int | float"]])


def measure(
    course: Course,
    places: Settings,
    seeds: Sequence[int],
    *,
    share: float = 1.0,
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Baseline | None:
    """Train the baseline once per seed and measure it on the hidden images; None when the assignment has none.

    ``share`` is that of the steps of each epoch, as for the students who are judged against it.
    Raises AutograderError when the baseline notebook does not run: nothing can be graded against it.
    """
    path = places.reference(course.rubric.id, "baseline.ipynb")
    if path is None:
        return None
    submission = _reference(path, course)
    name = f"{course.rubric.id}/baseline {course.data.card.digest} {share} {list(seeds)}"
    memory = course.memory or Memory(course.store, name, force=course.force, flights=course.flights)
    course = replace(_own(course), memory=memory)
    afresh = replace(course, memory=Memory(course.store, name, force=True, flights=course.flights))

    def run(turn: Turn, device: str, abandoned: Cancel) -> tuple[int, Execution]:
        def stopped() -> bool:
            return abandoned() or cancelled()

        seed = int(turn.student)
        errand = Errand(kind="run", submission=submission, device=device, seed=seed, share=share)
        for at_hand in (course, afresh):  # what failed is not taken from memory: the machine may have been mended since
            work = partial(trained, errand, at_hand, tell=tell, cancelled=stopped)
            execution = course.carried(errand, work, cancelled=stopped)
            if execution.ending is Ending.COMPLETED:
                break
        return seed, execution

    turns = [Turn(student=str(seed)) for seed in seeds]
    lanes = carried(turns, course.slots, run, limit_mb=course.limit_mb, peak=lambda ran: ran[1].peak_memory_mb)
    with closing(lanes) as finished:  # Ctrl-C and a fault on one seed do not wait for the other trainings
        by_seed = dict(finished)
    runs = [_completed(by_seed[seed], path) for seed in seeds]

    def work() -> Baseline:
        return baseline_from(
            runs,
            seeds=tuple(seeds),
            data=course.data,
            rubric=course.rubric,
            sandbox=course.sandbox,
            store=course.store,
            memory=memory,
            cancelled=cancelled,
        )

    errand = Errand(kind="baseline", submission=submission, device=course.slots[0], seeds=tuple(seeds), share=share)
    ask = partial(remembered, memory, baseline_key(runs, seeds, course), adapter(Baseline), work)
    baseline = course.carried(errand, ask, cancelled=cancelled)
    memory.close()
    return baseline


def trained(errand: Errand, course: Course, *, tell: OnProgress = ignore, cancelled: Cancel = never) -> Execution:
    """One run of a notebook of ours with one seed, of whose trainings this share is carried out."""
    cut = Cut(planned_seconds=0.0, share=errand.share, whole_tests=errand.share == 1)
    return run_notebook(
        errand.submission,
        course,
        seed=errand.seed,
        device=errand.device,
        cut=cut,
        tell=tell,
        cancelled=cancelled,
    )


def prime(course: Course, places: Settings, *, cancelled: Cancel = never) -> None:
    """Train the baseline with the seed of the class, unless that is remembered: who trains the same need not.

    What goes wrong is nobody's loss: then their own notebooks train it.
    """
    path = places.reference(course.rubric.id, "baseline.ipynb")
    if path is None or course.trainings is None or course.afar is not None or not course.slots[0].startswith("cpu"):
        return
    memory = Memory(course.store, f"{course.rubric.id}/primed {course.data.card.digest}", flights=course.flights)
    course = replace(_own(course), memory=memory)
    with suppress(SandboxError):
        run_notebook(_reference(path, course), course, seed=course.rubric.seed, cancelled=cancelled)
        memory.close()


def baselines(course: Course, places: Settings, seeds: Sequence[int]) -> BaselineFor:
    """Baselines of smaller shares, each trained when it is first asked for; who needs one that is being made waits."""
    known: dict[float, Baseline | None] = {}
    locks: dict[float, threading.Lock] = {}
    desk = threading.Lock()

    def baseline_for(share: float, device: str, cancelled: Cancel) -> Baseline | None:
        with desk:
            lock = locks.setdefault(share, threading.Lock())
        with lock:
            if share not in known:
                # On the caller's own device: the others are at work on other notebooks.
                alone = replace(course, slots=(device,), force=False)
                known[share] = measure(alone, places, seeds, share=share, cancelled=cancelled)
            return known[share]

    return baseline_for


def _own(course: Course) -> Course:
    """In rooms that hold nothing but our own notebooks, what trainings leave is what they leave."""
    return replace(course, trainings=course.trainings and course.trainings.trusting())


def _reference(path: Path, course: Course) -> Submission:
    content = path.read_bytes()
    return Submission(
        student=StudentId(f"reference-{path.stem}"),
        name=path.stem,
        source=path.name,
        notebook=course.store.put(content),
        handed_in=digest(content),
    )


def _completed(execution: Execution, path: Path) -> Execution:
    if execution.ending is Ending.COMPLETED:
        return execution
    errors = "; ".join(run.error for run in execution.cells if run.error) or execution.ending.value
    limit = execution.reason if execution.ending is not Ending.RAISED else None
    told = errors if limit is None else render(limit, "en")
    raise AutograderError(
        f"the reference did not run: {told}",
        place=str(path),
        remedy="Run 'autograder doctor', and open the notebook: it must run from top to bottom.",
    )


# --- self-test -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One expectation of ``selftest.yaml`` and what came of it."""

    notebook: str
    item: str
    """An item of the rubric, or ``total``."""
    expected: str
    """``15.5`` exactly, or ``<= 15.5``."""
    earned: str
    ok: bool


def selftest(course: Course, places: Settings) -> tuple[Trial, ...]:
    """Grade the references and hold them to ``reference/<rubric>/selftest.yaml``."""
    path = places.reference(course.rubric.id, "selftest.yaml")
    if path is None:
        raise ConfigError(f"reference/{course.rubric.id}/selftest.yaml does not exist", remedy="Write one.")
    trials: list[Trial] = []
    for name, wanted in expectations(path, course.rubric).items():
        notebook = places.reference(course.rubric.id, f"{name}.ipynb")
        if notebook is None:
            raise ConfigError(f"{name}.ipynb does not exist", place=str(path))
        fitting = _own(course) if name == "solution" else course  # others are there to cheat
        grade = grade_one(_reference(notebook, course), fitting).grade
        trials += [_trial(name, item, str(points), grade) for item, points in wanted.items()]
    return tuple(trials)


def expectations(path: Path, rubric: Rubric) -> Mapping[str, Mapping[str, str | int | float]]:
    """Notebook -> item or ``total`` -> points; every name is one that exists."""
    try:
        wanted = _EXPECTATIONS.validate_python(yaml.safe_load(path.read_text("utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(f"unreadable: {error}", place=str(path)) from error
    items = {item.id for _, item in rubric.items} | {"total"}
    unknown = [item for points in wanted.values() for item in points if item not in items]
    if unknown:
        raise ConfigError(f"unknown item {unknown[0]}", place=str(path), remedy="Known: " + ", ".join(sorted(items)))
    wrong = [given for points in wanted.values() for given in points.values() if not _POINTS.fullmatch(str(given))]
    if wrong:
        raise ConfigError(f"{wrong[0]!r} is no number of points", place=str(path), remedy="Write 15.5 or '<= 15.5'.")
    return wanted


def _trial(notebook: str, item: str, expected: str, grade: Grade) -> Trial:
    points = grade.total if item == "total" else next(a.points for a in grade.awards if a.item == item)
    limit = Decimal(expected.removeprefix("<=").strip())
    if points is None or (item == "total" and grade.undecided):
        ok = False
    else:
        ok = points <= limit if expected.startswith("<=") else points == limit
    return Trial(
        notebook=notebook, item=item, expected=expected, earned="?" if points is None else f"{points:g}", ok=ok
    )

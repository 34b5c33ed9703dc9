"""The smoke pass: every notebook once with a few steps of each training, so that crashes show before the long run.

It is the rehearsal that a budget needs as well, and remembered like it; no grade depends on what is told of it here.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from types import MappingProxyType

from autograder.course import Cancel, Course, Courses
from autograder.errors import Cancelled
from autograder.extraction import read_ledger
from autograder.lanes import carried
from autograder.pipeline import OnProgress, Progress, ignore, is_refused, never, run_notebook
from autograder.records import CellRun, CellState, Ending, Execution, Ledger, StudentId, Submission, record
from autograder.turns import Turn

SHORT_SECONDS = 10.0
"""Where the baseline trains no longer than this, a whole run tells as much nearly as soon."""

_OF_CODE = frozenset("NameError SyntaxError IndentationError TabError ImportError ModuleNotFoundError".split())
"""Errors that hardly depend on how long a training was."""
_FAILED = (CellState.RAISED, CellState.INTERRUPTED, CellState.UNFINISHED)


@record
class Smoked:
    """What became of one notebook in the smoke pass."""

    student: str
    ending: Ending
    cell: int = 0
    """1-based number of the first cell that failed; 0 where none did."""
    error: str = ""
    """``NameError: name 'x' is not defined``: the student's text."""
    others: int = 0
    """Further cells that failed; often for the sake of the first."""
    shortened: bool = False
    """Whether a training, an evaluation or a prediction had been cut by then, and may be the reason."""
    seconds: float = 0.0
    memory_mb: float = 0.0
    fault: str = ""
    """What went wrong on our side instead; the run will tell."""

    @property
    def through(self) -> bool:
        return self.ending is Ending.COMPLETED and not self.cell and not self.fault


def smoke_class(
    submissions: Sequence[Submission],
    courses: Courses,
    *,
    turns: Mapping[str, Turn] = MappingProxyType({}),
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Generator[Smoked]:
    """What became of each, as they finish; a fault of ours on one of them does not hold the others."""
    of = {submission.student: submission for submission in submissions if not is_refused(submission)}
    memory = {student: turn.memory_mb for student, turn in turns.items()}
    expected = [Turn(student=student, memory_mb=memory.get(student)) for student in of]

    def work(turn: Turn, device: str, abandoned: Cancel) -> Smoked | None:
        return _tried(of[StudentId(turn.student)], courses, device, tell, lambda: abandoned() or cancelled())

    lanes = carried(
        expected,
        courses.slots,
        work,
        limit_mb=courses.limit_mb,
        peak=lambda found: None if found is None else found.memory_mb,
    )
    with closing(lanes) as results:
        for found in results:
            if found is not None:
                tell(Progress(student=found.student, stage="failed" if found.fault else "done"))
                yield found


def _tried(submission: Submission, courses: Courses, device: str, tell: OnProgress, cancelled: Cancel) -> Smoked | None:
    """None when the pass was stopped before this one was finished."""
    if cancelled():
        return None
    try:
        return smoke_one(submission, courses.of(submission), device=device, tell=tell, cancelled=cancelled)
    except Cancelled:
        return None
    except Exception as error:
        logging.getLogger(__name__).debug("%s", submission.student, exc_info=True)
        fault = f"{type(error).__name__}: {error}"[:500]
        return Smoked(student=submission.student, ending=Ending.DIED, fault=fault)


def smoke_one(
    submission: Submission,
    course: Course,
    *,
    device: str = "cpu",
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Smoked:
    """Rehearse one notebook, or remember that it was."""
    execution = rehearse(submission, course, device=device, tell=tell, cancelled=cancelled)
    return found(submission.student, execution, read_ledger(execution, course.store)[0])


def rehearse(
    submission: Submission,
    course: Course,
    *,
    device: str = "cpu",
    tell: OnProgress = ignore,
    cancelled: Cancel = never,
) -> Execution:
    tell(Progress(student=submission.student, stage="rehearsing"))
    return run_notebook(
        submission, course, seed=course.rubric.seed, device=device, rehearsal=True, tell=tell, cancelled=cancelled
    )


def found(student: str, execution: Execution, ledger: Ledger) -> Smoked:
    """What a rehearsal says of a notebook."""
    failed = [run for run in execution.cells if run.state in _FAILED]
    first = failed[0] if failed else None
    return Smoked(
        student=student,
        ending=execution.ending,
        cell=0 if first is None else first.index + 1,
        error=(first.error or "") if first is not None and first.state is CellState.RAISED else "",
        others=max(0, len(failed) - 1),
        shortened=first is not None and _shortened(first, execution.cells, ledger),
        seconds=execution.seconds,
        memory_mb=execution.peak_memory_mb,
    )


def _shortened(first: CellRun, cells: Sequence[CellRun], ledger: Ledger) -> bool:
    """Whether anything had been cut by the time that cell failed, and may be the reason."""
    if (first.error or "").partition(":")[0] in _OF_CODE:
        return False
    before = [run.execution_count or 0 for run in cells if run.index < first.index]
    count = first.execution_count or max(before, default=0) + 1  # none is told of a cell that was interrupted
    cut = [training.execution_count for training in ledger.trainings]
    cut += [use.execution_count for use in ledger.evaluations]
    return any(one is None or one <= count for one in cut)


def quick(course: Course) -> bool:
    """Whether whole runs on these data are so short that a smoke pass would not tell sooner."""
    training = None if course.baseline is None else course.baseline.training
    return training is not None and training.seconds <= SHORT_SECONDS


# --- in words --------------------------------------------------------------------------------------------------------

_ENDINGS = {
    Ending.TIMED_OUT: "was not through in time",
    Ending.OUT_OF_MEMORY: "needs more memory than is allowed",
    Ending.DIED: "died",
    Ending.FLOODED: "wrote too much",
}


def told(one: Smoked) -> str:
    """What one notebook met, in a line; the student's text in it is as it was written."""
    if one.fault:
        return f"not tried, the run will tell: {one.fault}"
    place = f"cell {one.cell}: " if one.cell else ""
    what = one.error or _ENDINGS.get(one.ending, "took longer than it has here, and was interrupted")
    others = f" (and {one.others} further cells)" if one.others else ""
    doubt = "; trainings had been shortened by then, the whole run may do without it" if one.shortened else ""
    return f"{place}{what}{others}{doubt}"


def counted(all_: Sequence[Smoked]) -> str:
    """One line on the whole pass."""
    through = sum(one.through for one in all_)
    groups = Counter(_group(one) for one in all_ if not one.through)
    rest = "".join(f", {count} {what}" for what, count in groups.most_common())
    return f"smoke pass: {len(all_)} notebooks, {through} ran through{rest}"


def _group(one: Smoked) -> str:
    if one.fault:
        return "not tried"
    if one.ending in (Ending.COMPLETED, Ending.RAISED) and not one.error:
        return "interrupted"
    return {Ending.TIMED_OUT: "timed out", Ending.OUT_OF_MEMORY: "out of memory", Ending.DIED: "died"}.get(
        one.ending, "raised"
    )

"""What is expected of a submission before its turn: from its own runs of earlier, and from its rehearsal."""

from __future__ import annotations

from collections.abc import Sequence

from autograder import budget, keys
from autograder.adapters import adapter
from autograder.budget import Cut
from autograder.course import Course
from autograder.extraction import read_ledger
from autograder.recall import Memory
from autograder.records import Execution, Submission, Training
from autograder.turns import Turn

_OTHERWISE = frozenset({"code", "data", "limits", "environment"})
"""Parts of the key of an execution without which it need not take as long again."""


def forecast(submission: Submission, course: Course, device: str = "cpu") -> Turn:
    """By its own execution, else by what its rehearsal planned; nothing is carried out for that, and nothing noted."""
    if submission.notebook is None or submission.refusal is not None:
        return Turn(student=submission.student, remembered=True)
    name = f"{course.rubric.id}/{submission.student}"
    memory = Memory(course.store, name, force=course.force, flights=course.flights)
    asked = keys.execution_key(submission, course, course.rubric.seed, device, rehearsal=True)
    rehearsal = memory.known(asked, adapter(Execution))
    trainings = () if rehearsal is None else read_ledger(rehearsal, course.store)[0].trainings
    cut = _cut(trainings, course)
    key = keys.execution_key(submission, course, course.rubric.seed, device, cut=cut)
    settled = rehearsal is not None or not course.rubric.limits.budget_seconds
    known = memory.known(key, adapter(Execution)) if settled else None
    rehearsed = rehearsal is not None
    if known is not None:
        return _turn(submission, known, remembered=True, rehearsed=rehearsed)
    earlier, differing = memory.former(key, adapter(Execution)), memory.differing(key)
    if earlier is not None and not _OTHERWISE.intersection(differing):
        return _turn(submission, earlier, rehearsed=rehearsed)
    if rehearsal is not None:
        planned = budget.seconds(trainings, cut.share, whole_tests=cut.whole_tests)
        return _turn(submission, rehearsal, more=planned, rehearsed=True)
    if earlier is not None and "data" not in differing:
        return _turn(submission, earlier)
    return Turn(student=submission.student)


def _turn(
    submission: Submission, run: Execution, *, more: float = 0.0, remembered: bool = False, rehearsed: bool = False
) -> Turn:
    return Turn(
        student=submission.student,
        remembered=remembered,
        rehearsed=rehearsed,
        seconds=run.seconds + more,
        memory_mb=run.peak_memory_mb or None,
    )


def _cut(trainings: Sequence[Training], course: Course) -> Cut:
    allowed = course.rubric.limits.budget_seconds
    return budget.cut(trainings, allowed) if allowed else keys.WHOLE

"""``autograder check --fast``: what a rehearsal can tell a student, and what it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from autograder import checks, extraction, pipeline, scoring, smoke
from autograder.course import Course
from autograder.pipeline import OnProgress
from autograder.records import Evidence, Finding, Grade, Message, Standing, Submission, Verdict, say
from autograder.smoke import Smoked

RUNS: Final = "notebook.completes"
"""The one check on a run that a rehearsal answers."""

_UNMEASURED: Final = say("Fast mode measures nothing: run the check without --fast to know.")


def rehearsed(submission: Submission, course: Course, tell: OnProgress) -> tuple[Grade, Smoked]:
    """The points that text, code and the rehearsal decide; the others are left open. And what became of the cells."""
    execution = smoke.rehearse(submission, course, tell=tell)
    ledger, _ = extraction.read_ledger(execution, course.store)
    found = smoke.found(submission.student, execution, ledger)
    read = extraction.read_only(
        submission,
        cells=pipeline.cells_of(submission, execution, course.store),
        template_cells=course.template,
        execution=execution,
    )
    run = replace(read, ledger=ledger, data=course.data.card, executed=True)
    findings = tuple(_told(course, read, run, found))
    return scoring.score(course.rubric, findings, submission), found


def _told(course: Course, read: Evidence, run: Evidence, found: Smoked) -> Iterator[tuple[str, Finding]]:
    of_run = dict(checks.run(course.rubric, run))
    for (_, item), (name, finding) in zip(course.rubric.items, checks.run(course.rubric, read), strict=True):
        if item.check == RUNS:
            yield name, _doubted(of_run[name]) if found.shortened else of_run[name]
        else:
            yield name, _told_of(finding, of_run[name])


def _told_of(read: Finding, run: Finding) -> Finding:
    """What needs a run is told as far as the rehearsal shows it to be met; what it does not show is left open."""
    if read.verdict is not Verdict.UNREACHED or read.message == run.message:
        return read
    if run.verdict in (Verdict.MET, Verdict.PARTLY) and run.standing is not Standing.MEASUREMENT:
        return run
    return Finding(verdict=Verdict.NEEDS_REVIEW, share=None, standing=Standing.CLAIM, message=_UNMEASURED)


def _doubted(finding: Finding) -> Finding:
    """A cell that failed after shortened trainings may do well after whole ones."""
    return replace(finding, verdict=Verdict.NEEDS_REVIEW, share=None, advice=None)


def remarks(found: Smoked) -> Iterator[Message]:
    """What to know of a fast check."""
    yield say(
        "Fast mode: each training took a few steps only. It shows whether the cells run, what the text holds and how "
        "the notebook is built; accuracies and gains it cannot show."
    )
    if found.shortened:
        yield say(
            "Cell {cell:int} failed after trainings that had been shortened: with whole trainings it may well run. "
            "Check without --fast before you change it.",
            cell=found.cell,
        )

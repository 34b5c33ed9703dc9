"""Findings to points: pure, and exact to the cent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from autograder.records import (
    Award,
    Criterion,
    Finding,
    Grade,
    Item,
    Message,
    Rubric,
    Standing,
    State,
    Submission,
    Verdict,
    say,
)

CENT = Decimal("0.01")
_UNSAID = Message("")


def points(share: float, possible: Decimal) -> Decimal:
    """``share`` of ``possible``, rounded half up to a hundredth of a point; everything for a share of 1."""
    if share == 1:
        return possible
    return min(possible, (Decimal(repr(share)) * possible).quantize(CENT, ROUND_HALF_UP))


def score(rubric: Rubric, findings: Iterable[tuple[str, Finding]], submission: Submission) -> Grade:
    """The grade of a submission that was run; every item of the rubric needs exactly one finding."""
    found = dict(findings)
    if missing := [item.id for _, item in rubric.items if item.id not in found]:
        raise ValueError(f"no finding for {', '.join(missing)}")
    awards = tuple(_award(criterion, item, found[item.id]) for criterion, item in rubric.items)
    undecided = any(award.points is None for award in awards)
    return _grade(rubric, submission, State.NEEDS_REVIEW if undecided else State.GRADED, awards)


def refused(rubric: Rubric, submission: Submission) -> Grade:
    """The grade of a submission in which nothing could be run: every item is unreached, and it says why."""
    reason = submission.refusal or say("Nothing could be run.")
    finding = Finding(verdict=Verdict.UNREACHED, share=0.0, standing=Standing.CLAIM, message=reason)
    awards = tuple(_award(criterion, item, finding) for criterion, item in rubric.items)
    return _grade(rubric, submission, State.FAILED, awards, reason)


def unserved(rubric: Rubric, submission: Submission) -> Grade:
    """The grade of a notebook that was not run for a reason of ours, as that its data are not here: nothing is decided,
    which is not a 0."""
    reason = submission.refusal or say("Nothing could be run.")
    finding = Finding(verdict=Verdict.NEEDS_REVIEW, share=None, standing=Standing.CLAIM, message=reason)
    awards = tuple(_award(criterion, item, finding) for criterion, item in rubric.items)
    return _grade(rubric, submission, State.FAILED, awards, reason)


def undecided(rubric: Rubric, submission: Submission, problem: str) -> Grade:
    """The grade of a submission that a fault of ours kept from being graded: every item waits, none is lost."""
    finding = Finding(
        verdict=Verdict.NEEDS_REVIEW,
        share=None,
        standing=Standing.CLAIM,
        message=say("This item could not be decided automatically. A teacher will decide it; it costs you nothing."),
        for_teacher=say("The grader failed: {problem}", problem=problem),
    )
    awards = tuple(_award(criterion, item, finding) for criterion, item in rubric.items)
    reason = say("The grader itself failed on this submission; it will be graded again.")
    return _grade(rubric, submission, State.NEEDS_REVIEW, awards, reason)


def missing(rubric: Rubric, submission: Submission) -> Grade:
    """Nothing was handed in: no awards and no total, which is not the same as 0."""
    return _grade(rubric, submission, State.MISSING, (), say("Nothing was handed in."))


def _award(criterion: Criterion, item: Item, finding: Finding) -> Award:
    return Award(
        item=item.id,
        criterion=criterion.id,
        title=item.title,
        points=None if finding.share is None else points(finding.share, item.points),
        possible=item.points,
        finding=finding,
    )


def _grade(
    rubric: Rubric, submission: Submission, state: State, awards: tuple[Award, ...], reason: Message | None = None
) -> Grade:
    return Grade(
        student=submission.student,
        name=submission.name,
        rubric=rubric.id,
        rubric_digest=rubric.digest,
        state=state,
        awards=awards,
        possible=rubric.points,
        reason=reason,
    )


def bare(grade: Grade) -> Grade:
    """Points and verdicts alone, without what was found: of a whole class that is little."""
    return replace(grade, awards=tuple(replace(award, finding=_bare(award.finding)) for award in grade.awards))


def _bare(finding: Finding) -> Finding:
    return Finding(verdict=finding.verdict, share=finding.share, standing=finding.standing, message=_UNSAID)

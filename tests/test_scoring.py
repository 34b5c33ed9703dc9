"""Points are exact, within bounds, and never decided for an item that waits for a person."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import scoring
from autograder.records import (
    Criterion,
    Digest,
    Finding,
    Item,
    Rubric,
    Standing,
    State,
    StudentId,
    Submission,
    Verdict,
    say,
)

SUBMISSION = Submission(student=StudentId("ada"), name="Ada", source="ada.ipynb", notebook=Digest("sha256:" + "0" * 64))


def rubric(points: list[Decimal]) -> Rubric:
    items = tuple(
        Item(id=f"i{number}", title={"en": "x", "fr": "x"}, points=worth, check="c")
        for number, worth in enumerate(points)
    )
    criterion = Criterion(id="c", title={"en": "x", "fr": "x"}, points=sum(points, Decimal(0)), items=items)
    return Rubric(
        id="r", version=1, title={}, points=criterion.points, criteria=(criterion,), digest=Digest("sha256:" + "1" * 64)
    )


def finding(share: float | None) -> Finding:
    verdict = Verdict.NEEDS_REVIEW if share is None else Verdict.PARTLY
    return Finding(verdict=verdict, share=share, standing=Standing.CLAIM, message=say("x"))


WORTHS = st.decimals("0.05", "10", places=2)
SHARES = st.none() | st.floats(0, 1)


@given(st.lists(st.tuples(WORTHS, SHARES), min_size=1, max_size=12))
def test_totals_stay_within_what_is_possible(pairs: list[tuple[Decimal, float | None]]) -> None:
    graded = rubric([worth for worth, _ in pairs])
    grade = scoring.score(graded, [(f"i{n}", finding(share)) for n, (_, share) in enumerate(pairs)], SUBMISSION)
    assert grade.possible == graded.points
    assert (grade.total is None) == all(share is None for _, share in pairs), "nothing decided is not 0"
    assert 0 <= (grade.total or 0) <= grade.possible - grade.undecided
    assert (grade.state is State.NEEDS_REVIEW) == any(share is None for _, share in pairs)
    for award, (worth, share) in zip(grade.awards, pairs, strict=True):
        assert (award.points is None) == (share is None)
        if share is not None and award.points is not None:
            assert abs(award.points - Decimal(str(share)) * worth) <= Decimal("0.005")


@given(WORTHS, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_never_earns_less(worth: Decimal, one: float, other: float) -> None:
    assert scoring.points(min(one, other), worth) <= scoring.points(max(one, other), worth)


@pytest.mark.parametrize(
    ("share", "possible", "expected"),
    [
        (1 / 3, "3", "1"),
        (2 / 3, "3", "2"),
        (1.0, "0.125", "0.125"),
        (0.5, "0.25", "0.13"),
        (0.125, "1", "0.13"),
        (0.0, "3", "0"),
    ],
)
def test_points_are_rounded_half_up_to_a_hundredth(share: float, possible: str, expected: str) -> None:
    assert scoring.points(share, Decimal(possible)) == Decimal(expected)


def test_an_item_without_a_finding_is_our_fault() -> None:
    with pytest.raises(ValueError, match="i1"):
        scoring.score(rubric([Decimal(1), Decimal(1)]), [("i0", finding(1.0))], SUBMISSION)


def test_a_refused_submission_earns_nothing_and_says_why() -> None:
    submission = Submission(
        student=StudentId("bob"), name="Bob", source="bob", notebook=None, refusal=say("Not a notebook.")
    )
    grade = scoring.refused(rubric([Decimal(2), Decimal(1)]), submission)
    assert grade.state is State.FAILED
    assert grade.total == 0
    assert grade.possible == 3
    assert {award.finding.verdict for award in grade.awards} == {Verdict.UNREACHED}
    assert grade.reason is not None
    assert grade.reason.text == "Not a notebook."


def test_a_missing_submission_has_no_total() -> None:
    grade = scoring.missing(rubric([Decimal(2)]), SUBMISSION)
    assert grade.state is State.MISSING
    assert grade.total is None
    assert grade.awards == ()


def test_a_notebook_whose_data_are_not_here_has_nothing_decided() -> None:
    reason = say("No such images here.")
    grade = scoring.unserved(rubric([Decimal(2), Decimal(3)]), replace(SUBMISSION, refusal=reason))
    assert (grade.state, grade.total, grade.undecided, grade.reason) == (State.FAILED, None, Decimal(5), reason)
    assert {award.finding.verdict for award in grade.awards} == {Verdict.NEEDS_REVIEW}

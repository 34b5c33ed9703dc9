"""What a fast check tells of an item, and what it leaves open."""

from __future__ import annotations

import pytest

from autograder.cli.fast import _told_of, remarks
from autograder.records import Ending, Finding, Message, Standing, Verdict, say
from autograder.smoke import Smoked

NOT_RUN = say("Nothing was executed.")


def finding(verdict: Verdict, text: str = "x", standing: Standing = Standing.CLAIM) -> Finding:
    share = {Verdict.MET: 1.0, Verdict.PARTLY: 0.5, Verdict.NEEDS_REVIEW: None}.get(verdict, 0.0)
    return Finding(verdict=verdict, share=share, standing=standing, message=Message(text))


UNREACHED = Finding(verdict=Verdict.UNREACHED, share=0.0, standing=Standing.CLAIM, message=NOT_RUN)


@pytest.mark.parametrize("verdict", [Verdict.MET, Verdict.PARTLY, Verdict.UNMET])
def test_what_text_decides_stands(verdict: Verdict) -> None:
    read = finding(verdict, standing=Standing.TEXT)
    assert _told_of(read, finding(Verdict.UNMET, "other")) is read


def test_what_is_not_there_is_not_there_with_a_run_either() -> None:
    assert _told_of(UNREACHED, UNREACHED) is UNREACHED


@pytest.mark.parametrize("verdict", [Verdict.MET, Verdict.PARTLY])
def test_what_the_rehearsal_shows_to_be_met_is_told(verdict: Verdict) -> None:
    shown = finding(verdict, "three changes were trained")
    assert _told_of(UNREACHED, shown) is shown


@pytest.mark.parametrize(
    "of_run",
    [
        finding(Verdict.UNMET, "no gain"),
        finding(Verdict.NEEDS_REVIEW, "unclear"),
        finding(Verdict.MET, "0.99", Standing.MEASUREMENT),
        finding(Verdict.UNREACHED, "no confusion"),
    ],
)
def test_nothing_is_lost_or_measured_by_shortened_trainings(of_run: Finding) -> None:
    told = _told_of(UNREACHED, of_run)
    assert (told.verdict, told.share) == (Verdict.NEEDS_REVIEW, None)
    assert "measures nothing" in told.message.text


def test_a_crash_after_shortened_trainings_is_doubted() -> None:
    sure = Smoked(student="ada", ending=Ending.RAISED, cell=3, error="NameError: x")
    doubted = Smoked(student="ada", ending=Ending.RAISED, cell=3, error="IndexError: x", shortened=True)
    assert len(list(remarks(sure))) == 1
    assert [one.values.get("cell") for one in remarks(doubted)] == [None, 3]

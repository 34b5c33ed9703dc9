"""Who changed, by how much, which item, and why: from the gradebook alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from autograder import changes
from autograder.changes import CAUSES, told, told_item
from autograder.gradebook import Gradebook, Ruling
from autograder.records import Award, Grade, Json, Report, State, StudentId, Submission
from autograder.store import digest
from tests.builders import a_finding, a_grade

MONDAY = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
ADA, BOB = StudentId("ada"), StudentId("bob")
VERSIONS = {"autograder": "1", "keras": "3"}
GROUNDS = {"program": "p", "data": "d", "execution": "monday"}


@pytest.fixture
def book(tmp_path: Path) -> Gradebook:
    return Gradebook(tmp_path / "grades.sqlite")


def award(item: str, points: str | None, possible: str = "2") -> Award:
    earned = None if points is None else Decimal(points)
    titles = {"fr": f"Item {item}", "en": f"The {item}"}
    finding = a_finding()
    return Award(item=item, criterion="c", title=titles, points=earned, possible=Decimal(possible), finding=finding)


def graded(book: Gradebook, day: int, *awards: Award, student: StudentId = ADA, **options: Json) -> None:
    """Enter what was graded on that day: ``of`` is for the grade, ``handed`` for the submission."""
    state = State.GRADED if all(one.points is not None for one in awards) else State.NEEDS_REVIEW
    of = {"rubric": "r", "rubric_digest": digest(b"rubric"), "name": student.title()} | options.pop("of", {})
    grade: Grade = a_grade(student=student, awards=awards, state=state, possible=Decimal(4), **of)
    handed = {"notebook": digest(b"notebook")} | options.pop("handed", {})
    submission = Submission(student=student, name=student, source="a.ipynb", **handed)
    book.record(
        Report(
            submission=submission,
            grade=grade,
            evidence=None,
            graded_at=MONDAY + timedelta(days=day),
            **{"versions": VERSIONS, "grounds": GROUNDS} | options,
        )
    )


def test_one_grading_is_no_change(book: Gradebook) -> None:
    graded(book, 0, award("one", "1"))
    assert changes.latest(book, "r") == changes.since(book, "r", MONDAY) == ()
    assert changes.since(book, "r", MONDAY - timedelta(days=1)) == (), "who is new has not changed"


def test_who_by_how_much_and_in_which_item(book: Gradebook) -> None:
    graded(book, 0, award("one", "1"), award("two", "2"), award("three", None))
    graded(book, 0, award("one", "1"), student=BOB)
    graded(book, 1, award("one", "1.5"), award("two", "2"), award("three", "0.25"), of={"rubric_digest": digest(b"x")})
    graded(book, 1, award("one", "1"), student=BOB, of={"rubric_digest": digest(b"x")})
    [change] = changes.latest(book, "r")
    assert (change.student, change.difference, change.causes) == ("ada", Decimal("0.75"), ("rubric",))
    assert [(one.item, one.points_before, one.points_after) for one in change.items] == [
        ("one", Decimal(1), Decimal("1.5")),
        ("three", None, Decimal("0.25")),
    ]
    assert told(change, "fr") == "Ada\u00a0: 3? → 3,75 (+0,75)\u00a0; barème modifié"
    assert told(change, "en") == "Ada: 3? → 3.75 (+0.75); another rubric"
    assert told_item(change.items[1], "fr") == "Item three\u00a0: ?/2 → 0,25/2"


def test_items_come_and_go_with_the_rubric(book: Gradebook) -> None:
    graded(book, 0, award("one", "1"), award("old", "2"), award("two", "1", "1"))
    graded(book, 1, award("new", "0"), award("one", "1", "3"), award("two", "0.5"))
    [change] = changes.latest(book, "r")
    assert [told_item(one, "en") for one in change.items] == [
        "The new: – → 0/2",
        "The two: 1/1 → 0.5/2",
        "The old: 2/2 → –",
    ]
    assert change.difference == Decimal("-2.5") and "−2.5" in told(change, "en")


DIFFERENT: Mapping[str, Json] = {
    "submission": {"handed": {"notebook": digest(b"other")}},
    "rubric": {"of": {"rubric_digest": digest(b"other")}},
    "data": {"grounds": GROUNDS | {"data": "mnist", "execution": "tuesday"}},
    "packages": {"versions": VERSIONS | {"keras": "4"}, "grounds": GROUNDS | {"execution": "tuesday"}},
    "program": {"grounds": GROUNDS | {"program": "q"}},
    "execution": {"grounds": GROUNDS | {"execution": "tuesday"}},
    "fault": {"grounds": {"program": "p", "fault": "the room broke"}},
    "unknown": {},
}


@pytest.mark.parametrize("cause", DIFFERENT)
def test_why(book: Gradebook, cause: str) -> None:
    graded(book, 0, award("one", "1"))
    graded(book, 1, award("one", "2"), **{key: dict(value) for key, value in DIFFERENT[cause].items()})
    [change] = changes.latest(book, "r")
    assert change.causes == (cause,)
    assert cause in CAUSES


def test_another_version_of_the_program_and_new_files_are_causes_too(book: Gradebook) -> None:
    graded(book, 0, award("one", "1"))
    files = {"weights.h5": digest(b"w")}
    graded(book, 1, award("one", "2"), versions=VERSIONS | {"autograder": "2"}, handed={"files": files})
    assert changes.latest(book, "r")[0].causes == ("submission", "program")


def test_what_a_person_decided_is_a_change_with_its_own_cause(book: Gradebook) -> None:
    graded(book, 0, award("one", None), award("two", "1"))
    ruling = Ruling(student=ADA, rubric="r", item="one", points=Decimal("1.5"), reason="Read it.", author="me")
    book.rule(replace(ruling, at=MONDAY + timedelta(hours=1)))
    [change] = changes.latest(book, "r")
    assert (change.causes, change.before.state, change.after.state) == (
        ("ruling",), State.NEEDS_REVIEW, State.GRADED,
    )  # fmt: skip
    graded(book, 1, award("one", "0"), award("two", "2"), of={"rubric_digest": digest(b"x")})
    [change] = changes.latest(book, "r")
    assert change.causes == ("rubric",), "it stood before, and it stands now"
    assert [one.item for one in change.items] == ["two"]
    book.rule(replace(ruling, points=None, at=MONDAY + timedelta(days=2)))
    [change] = changes.latest(book, "r")
    assert change.causes == ("rubric", "ruling")
    assert [one.item for one in change.items] == ["one", "two"]


def test_since_a_moment(book: Gradebook) -> None:
    for day, points in enumerate(("0", "1", "2", "1")):
        graded(book, day, award("one", points), handed={"notebook": digest(points.encode())})
    graded(book, 2, award("one", "1"), student=BOB)
    differences = [
        [change.difference for change in changes.since(book, "r", MONDAY + timedelta(days=day, hours=1))]
        for day in range(4)
    ]
    assert differences == [[1], [], [-1], []]
    assert [change.difference for change in changes.latest(book, "r")] == [-1]


def test_a_gradebook_of_an_earlier_version_is_compared_as_far_as_it_tells(book: Gradebook) -> None:
    graded(book, 0, award("one", "1"))
    with closing(sqlite3.connect(book.path)) as connection:
        connection.execute("DROP TABLE grounds")
        connection.commit()
    older = Gradebook(book.path)
    assert older.entries("r")[0].grounds == {}
    graded(older, 1, award("one", "2"))
    assert older.entries("r")[0].grounds == GROUNDS
    assert changes.latest(older, "r")[0].causes == ("unknown",)
    with closing(sqlite3.connect(book.path)) as connection, pytest.raises(sqlite3.IntegrityError, match="only added"):
        connection.execute("UPDATE grounds SET grounds = ''")

"""Rows are only added, rulings outlive every new grading, and a broken file says what to do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from autograder.errors import GradebookError
from autograder.gradebook import Gradebook, Ruling
from autograder.records import (
    Award,
    Digest,
    Finding,
    Grade,
    Report,
    Standing,
    State,
    StudentId,
    Submission,
    Verdict,
    say,
)

ALICE, BOB = StudentId("alice"), StudentId("bob")
DIGEST = Digest("sha256:" + "1" * 64)


def award(item: str, points: str | None, possible: str = "2") -> Award:
    undecided = points is None
    finding = Finding(
        verdict=Verdict.NEEDS_REVIEW if undecided else Verdict.PARTLY,
        share=None if undecided else 0.5,
        standing=Standing.MEASUREMENT,
        message=say("{a} of {b:pct}, {c}", a=1, b=0.25, c="d'é\ud800"),
        details=(say("x"),),
        cells=(0, 3),
        found={"accuracy": [0.5, None, "x"]},
    )
    return Award(
        item=item,
        criterion="c",
        title={"fr": "Titre", "en": "Title"},
        points=None if points is None else Decimal(points),
        possible=Decimal(possible),
        finding=finding,
    )


def report(student: StudentId = ALICE, first: str | None = "1.25", state: State = State.GRADED) -> Report:
    grade = Grade(
        student=student,
        name=student.title(),
        rubric="r",
        rubric_digest=DIGEST,
        state=state,
        awards=(award("one", first), award("two", "0.50")),
        possible=Decimal(4),
        reason=say("why {x}", x=None),
    )
    submission = Submission(
        student=student, name=student, source="a/b.ipynb", notebook=DIGEST, files={"m.py": DIGEST}, notes=(say("n"),)
    )
    return Report(submission=submission, grade=grade, evidence=None, versions={"autograder": "0"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "grades.sqlite"


def test_a_grade_comes_back_as_it_went_in(path: Path) -> None:
    given = report()
    Gradebook(path).record(given)
    [entry] = Gradebook(path).entries("r")
    assert entry.grade == given.grade
    assert entry.submission == given.submission
    assert entry.versions == {"autograder": "0"}
    assert entry.grade.awards[0].points == Decimal("1.25")
    assert str(entry.grade.awards[1].points) == "0.50"


def test_the_latest_counts_and_the_history_stays(path: Path) -> None:
    book = Gradebook(path)
    for given in (report(BOB), report(first="1"), report(first="2"), report(first="2")):
        book.record(given)
    assert [(grade.student, grade.total) for grade in book.current("r")] == [
        (ALICE, Decimal("2.50")),
        (BOB, Decimal("1.75")),
    ]
    assert [entry.grade.total for entry in book.history(ALICE)] == [Decimal("1.50"), Decimal("2.50")]
    assert book.history(ALICE, "other") == ()
    assert book.current("other") == ()


def test_a_time_without_a_zone_is_not_written(path: Path) -> None:
    book = Gradebook(path)
    at = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    book.record(replace(report(), graded_at=at))
    assert book.entries("r")[0].at == at
    assert book.status("r").latest == at


def ruling(points: str | None, item: str = "one", reason: str = "appeal") -> Ruling:
    return Ruling(
        student=ALICE,
        rubric="r",
        item=item,
        points=None if points is None else Decimal(points),
        reason=reason,
        author="M. Prof",
    )


def test_a_ruling_survives_a_new_grading_and_can_be_withdrawn(path: Path) -> None:
    book = Gradebook(path)
    book.record(report(first=None, state=State.NEEDS_REVIEW))
    assert book.rule(ruling("2")).total == Decimal("2.50")
    book.record(report(first="0"))
    [grade] = book.current("r")
    first = grade.awards[0]
    assert (first.points, first.ruled_by, first.ruled_why) == (Decimal(2), "M. Prof", "appeal")
    book.rule(ruling("1.5"))
    assert book.current("r")[0].total == Decimal("2.00")
    assert book.rule(ruling(None, reason="my mistake")).total == Decimal("0.50")
    assert book.current("r")[0].awards[0].ruled_by is None
    assert [one.reason for one in book.rulings("r")] == ["appeal", "appeal", "my mistake"]
    assert book.entries("r")[0].grade.awards[0].points == 0, "the automatic grade itself is untouched"


def test_the_state_follows_the_ruling(path: Path) -> None:
    book = Gradebook(path)
    book.record(report(first=None, state=State.NEEDS_REVIEW))
    before = book.status("r")
    assert (before.counts, before.waiting, before.rulings) == ({State.NEEDS_REVIEW: 1}, {ALICE: ("one",)}, 0)
    assert book.rule(ruling("0")).state is State.GRADED
    after = book.status("r")
    assert (after.counts, after.waiting, after.rulings) == ({State.GRADED: 1}, {}, 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (ruling("2.01"), "out of range"),
        (ruling("-1"), "out of range"),
        (ruling("NaN"), "out of range"),
        (ruling("1", item="absent"), "never graded"),
        (replace(ruling("1"), student=BOB), "never graded"),
        (ruling("1", reason="  "), "reason"),
    ],
)
def test_a_ruling_that_makes_no_sense_is_refused(wrong: Ruling, said: str, path: Path) -> None:
    book = Gradebook(path)
    book.record(report())
    with pytest.raises(GradebookError, match=said) as caught:
        book.rule(wrong)
    assert caught.value.remedy
    assert book.rulings("r") == ()


@pytest.mark.parametrize("statement", ["UPDATE grades SET total = '20'", "DELETE FROM rulings", "DELETE FROM grades"])
def test_no_row_can_be_changed_even_from_outside(statement: str, path: Path) -> None:
    book = Gradebook(path)
    book.record(report())
    book.rule(ruling("1"))
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="only added"):
        connection.execute(statement)


def test_a_damaged_file_is_named_with_the_remedy(path: Path) -> None:
    book = Gradebook(path)
    book.record(report())
    raw = bytearray(path.read_bytes())
    raw[100:] = b"\xff" * (len(raw) - 100)
    path.write_bytes(raw)
    path.with_name(path.name + "-wal").unlink(missing_ok=True)
    with pytest.raises(GradebookError) as caught:
        Gradebook(path).current("r")
    assert caught.value.place == str(path)
    assert "away" in caught.value.remedy


@pytest.mark.parametrize(
    ("said", "told"), [("database or disk is full", "the disk is full"), ("disk I/O error", "disk I/O error")]
)
def test_where_sqlite_has_ended_the_transaction_its_reason_is_told(said: str, told: str, path: Path) -> None:
    """No file is moved away, with all rulings in it, for want of room on the disk."""
    book = Gradebook(path)
    book.record(report())
    error = sa.exc.OperationalError("", None, sqlite3.OperationalError(said))
    with pytest.raises(GradebookError, match=told) as caught, book._writing() as connection:
        connection.exec_driver_sql("ROLLBACK")  # as SQLite does by itself where the disk is full
        raise error
    assert "away" not in caught.value.remedy
    assert len(book.current("r")) == 1


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be looked at" * 20])
def test_a_file_of_another_kind_is_refused_and_kept(content: bytes, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(GradebookError, match="damaged"):
        Gradebook(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (id)")
    with pytest.raises(GradebookError, match="another program"):
        Gradebook(path)


@pytest.mark.parametrize(("version", "remedy"), [(99, "newer version"), (0, "Move the file away")])
def test_another_schema_is_refused(version: int, remedy: str, path: Path) -> None:
    Gradebook(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={version}")
    with pytest.raises(GradebookError, match=f"schema {version}") as caught:
        Gradebook(path)
    assert remedy in caught.value.remedy


def test_a_row_written_by_another_program_is_said(path: Path) -> None:
    book = Gradebook(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO grades (at, student, rubric, state, possible, digest, grade, submission, versions) "
            "VALUES ('2026-01-01T00:00:00+00:00', 'x', 'r', 'graded', '1', 'd', '{\"student\": 1}', '{}', '{}')"
        )
    with pytest.raises(GradebookError, match="cannot be read"):
        book.current("r")


def test_a_locked_file_is_waited_for_and_then_said(path: Path) -> None:
    book = Gradebook(path, patience=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(GradebookError, match="another program is writing"):
            book.record(report())
        assert book.current("r") == (), "reading goes on"
    book.record(report())
    assert len(book.current("r")) == 1


def test_a_place_that_cannot_be_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GradebookError, match="cannot be opened") as caught:
        Gradebook(tmp_path / "file" / "grades.sqlite")
    assert "--state" in caught.value.remedy


@pytest.mark.usefixtures("permissions")
def test_a_read_only_file_is_said(path: Path) -> None:
    book = Gradebook(path)
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(GradebookError, match="cannot be written"):
            book.record(report())
    finally:
        path.parent.chmod(0o700)


def test_a_killed_writer_loses_only_what_was_not_recorded(path: Path) -> None:
    Gradebook(path).record(report())
    program = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE')\n"
        "c.execute(\"INSERT INTO grades SELECT NULL, at, 'ghost', rubric, state, total, possible, digest, grade, "
        'submission, versions FROM grades")\n'
        "os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == 9
    book = Gradebook(path)
    assert [grade.student for grade in book.current("r")] == [ALICE]
    book.record(report(BOB))
    assert [grade.student for grade in book.current("r")] == [ALICE, BOB]

"""Grades and rulings in one SQLite file: rows are only ever added, so that every earlier state can be shown."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from autograder.adapters import T, adapter
from autograder.errors import GradebookError
from autograder.records import Award, Grade, Report, State, StudentId, Submission, record
from autograder.store import digest

SCHEMA: Final = 1
"""Kept in the file as ``PRAGMA user_version``."""

_APPLICATION: Final = 0x41474231
"""``AGB1`` as ``PRAGMA application_id``: tells our files from other people's SQLite files."""


_AT_A_TIME: Final = 50
"""Gradings that are read together."""

_tables = sa.MetaData()

_grades = sa.Table(
    "grades",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("student", sa.Text, nullable=False),
    sa.Column("rubric", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("total", sa.Text),
    sa.Column("possible", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("grade", sa.Text, nullable=False),
    sa.Column("submission", sa.Text, nullable=False),
    sa.Column("versions", sa.Text, nullable=False),
    sa.Index("grades_by_student", "rubric", "student", "id"),
)
"""``state``, ``total`` and ``possible`` are for whoever opens the file with another program; ``grade`` is the truth."""

_grounds = sa.Table(
    "grounds",
    _tables,
    sa.Column("grading", sa.Integer, primary_key=True),
    sa.Column("grounds", sa.Text, nullable=False),
)
"""What a grading rested on besides; a file of an earlier version has none, and gets it with its next grading."""

_rulings = sa.Table(
    "rulings",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("student", sa.Text, nullable=False),
    sa.Column("rubric", sa.Text, nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("points", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
)


@record
class Ruling:
    """A person's word on one item; it stands until the same item is ruled again, through every new grading."""

    student: StudentId
    rubric: str
    item: str
    points: Decimal | None
    """None withdraws the former ruling."""
    reason: str
    author: str
    at: datetime | None = None
    """Set when it is entered."""


@record
class Entry:
    """One grading as it was recorded, before any ruling."""

    grade: Grade
    submission: Submission
    at: datetime
    versions: Mapping[str, str]
    grounds: Mapping[str, str] = field(default_factory=dict)
    """``Report.grounds``; empty where they were not recorded."""


@record
class Status:
    """Where a class stands."""

    counts: Mapping[State, int]
    waiting: Mapping[StudentId, tuple[str, ...]]
    """Student -> items that wait for a person."""
    rulings: int
    """Rulings that stand."""
    latest: datetime | None


class Gradebook:
    """One file, one writer at a time; raises GradebookError, with the remedy, for whatever is wrong with the file."""

    def __init__(self, path: Path, *, patience: float = 10.0) -> None:
        """Open, or create with its folder; ``patience`` is how many seconds another writer is waited for."""
        self.path = path
        self._has_grounds = False
        """Whether that table is known to be there."""
        self._held: tuple[int, sa.Connection] | None = None
        """Thread and connection, as long as one is held."""
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            # No pool: a connection lives as long as its statement, so that nothing is left open or shared by threads.
            self._engine = sa.create_engine(
                sa.URL.create("sqlite", database=str(path)),
                connect_args={"timeout": patience},
                poolclass=sa.pool.NullPool,
            )
            sa.event.listen(self._engine, "connect", _prepare)
            self._open()

    def record(self, report: Report) -> None:
        """Append a grading; one that says the same as the student's latest adds nothing."""
        grade, submission = _json(Grade, report.grade), _json(Submission, report.submission)
        key = digest(f"{grade}\n{submission}\n{sorted(report.versions.items())}".encode())
        total = report.grade.total
        row = {
            "at": (report.graded_at or datetime.now(UTC)).astimezone(UTC).isoformat(),
            "student": report.grade.student,
            "rubric": report.grade.rubric,
            "state": report.grade.state.value,
            "total": None if total is None else str(total),
            "possible": str(report.grade.possible),
            "digest": key,
            "grade": grade,
            "submission": submission,
            "versions": json.dumps(dict(report.versions), sort_keys=True),
        }
        with self._writing() as connection:
            latest = connection.execute(
                sa.select(_grades.c.digest)
                .where(_grades.c.rubric == report.grade.rubric, _grades.c.student == report.grade.student)
                .order_by(_grades.c.id.desc())
                .limit(1)
            ).scalar()
            if latest != key:
                number = connection.execute(sa.insert(_grades).values(row)).inserted_primary_key
                self._add_grounds(connection, number[0] if number else 0, report.grounds)
        self._has_grounds = self._has_grounds or latest != key  # only now: what is not committed is not there

    def current(self, rubric: str) -> tuple[Grade, ...]:
        """Every student's latest grade with the rulings that stand, by student id."""
        stand = standing(self.rulings(rubric))
        return tuple(ruled(entry.grade, stand.get(entry.grade.student, ())) for entry in self.entries(rubric))

    def entries(self, rubric: str) -> tuple[Entry, ...]:
        """Every student's latest grading, by student id."""
        wanted = sa.select(_grades).where(_grades.c.id.in_(_latest(rubric))).order_by(_grades.c.student)
        return self._entries(wanted)

    def pairs(
        self, rubric: str, until: datetime | None, besides: Collection[StudentId] = ()
    ) -> Iterator[tuple[Entry, Entry]]:
        """Each student's grading as it stood at a moment, or the last but one, with the latest; by student id.

        Only of those where these are two, or who are ``besides``; few are read at a time.
        """
        with self._reading() as connection:
            now = _numbers(connection, _latest(rubric))
            before = _numbers(connection, _former(rubric) if until is None else _latest(rubric, until))
        students = sorted(now) if until is None else sorted(before)
        those = [(before.get(one, now[one]), now[one]) for one in students]
        kept = [pair for pair, one in zip(those, students, strict=True) if pair[0] != pair[1] or one in besides]
        for start in range(0, len(kept), _AT_A_TIME):
            chunk = kept[start : start + _AT_A_TIME]
            numbers = {number for pair in chunk for number in pair}
            entries = self._numbered(sa.select(_grades).where(_grades.c.id.in_(numbers)))
            yield from ((entries[old], entries[new]) for old, new in chunk)

    def history(self, student: StudentId, rubric: str | None = None) -> tuple[Entry, ...]:
        """Every grading of a student, oldest first."""
        wanted = sa.select(_grades).where(_grades.c.student == student).order_by(_grades.c.id)
        return self._entries(wanted if rubric is None else wanted.where(_grades.c.rubric == rubric))

    def submissions(self) -> tuple[Submission, ...]:
        """Every submission that was ever graded, by whatever rubric, in the form of each time."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(_grades.c.submission).distinct()).scalars()
            return tuple(adapter(Submission).validate_python(json.loads(row)) for row in rows)

    def rule(self, ruling: Ruling) -> Grade:
        """Append a ruling and return the grade as it now stands.

        Raises GradebookError when the item was never graded, the points are out of range, or reason or author is empty.
        """
        graded = _checked(ruling, [entry.grade for entry in self.history(ruling.student, ruling.rubric)[-1:]])
        row = {
            "at": (ruling.at or datetime.now(UTC)).astimezone(UTC).isoformat(),
            "student": ruling.student,
            "rubric": ruling.rubric,
            "item": ruling.item,
            "points": None if ruling.points is None else str(ruling.points),
            "reason": ruling.reason,
            "author": ruling.author,
        }
        with self._writing() as connection:
            connection.execute(sa.insert(_rulings).values(row))
        return ruled(graded, standing(self.rulings(ruling.rubric, ruling.student)).get(ruling.student, ()))

    def rulings(self, rubric: str, student: StudentId | None = None) -> tuple[Ruling, ...]:
        """Every ruling ever entered, of all or of one student, oldest first."""
        wanted = sa.select(_rulings).where(_rulings.c.rubric == rubric).order_by(_rulings.c.id)
        if student is not None:
            wanted = wanted.where(_rulings.c.student == student)
        with self._reading() as connection:
            return tuple(_ruling(row) for row in connection.execute(wanted).mappings())

    def status(self, rubric: str) -> Status:
        entries = self.entries(rubric)
        grades = self.current(rubric)
        waiting = {grade.student: tuple(a.item for a in grade.awards if a.points is None) for grade in grades}
        return Status(
            counts=Counter(grade.state for grade in grades),
            waiting={student: items for student, items in waiting.items() if items},
            rulings=sum(len(rulings) for rulings in standing(self.rulings(rubric)).values()),
            latest=max((entry.at for entry in entries), default=None),
        )

    # --- the file ------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        with self._engine.connect() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            application = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
            empty = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
        if application == _APPLICATION and version == SCHEMA:
            return
        if version == application == 0 and empty:
            self._create()
            return
        if application != _APPLICATION:
            raise self._fault("not a gradebook but another program's database", "Name another state folder.")
        newer = version > SCHEMA
        raise self._fault(
            f"the gradebook is of schema {version}, this program writes {SCHEMA}",
            "Use the newer version of autograder." if newer else "Move the file away: grades can be made again.",
        )

    def _create(self) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with self._writing() as connection:
            _tables.create_all(connection)
            for table in _tables.tables:
                _protect(connection, table)
            connection.exec_driver_sql(f"PRAGMA application_id={_APPLICATION}")
            connection.exec_driver_sql(f"PRAGMA user_version={SCHEMA}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """One connection for all that this thread does meanwhile: to open one, and to clear up after the last, takes
        longer than to record a grade."""
        with self._explained(), self._engine.connect() as connection:
            self._held = threading.get_ident(), connection
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        if self._held is not None and self._held[0] == threading.get_ident():
            try:
                yield self._held[1]
            finally:
                self._held[1].rollback()  # of nothing: whoever wrote has said COMMIT
        else:
            with self._engine.connect() as connection:
                yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction: all of it or nothing, also when the power fails."""
        with self._explained(), self._connected() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                # Where the disk is full, SQLite has ended the transaction by itself, and its reason is to be told.
                with suppress(sa.exc.DBAPIError):
                    connection.exec_driver_sql("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._explained(), self._connected() as connection:
            yield connection

    def _add_grounds(self, connection: sa.Connection, grading: int, grounds: Mapping[str, str]) -> None:
        if not self._has_grounds:
            _grounds.create(connection, checkfirst=True)
            _protect(connection, _grounds.name)
        told = json.dumps(dict(grounds), sort_keys=True)
        connection.execute(sa.insert(_grounds).values(grading=grading, grounds=told))

    def _entries(self, wanted: sa.Select[Any]) -> tuple[Entry, ...]:
        return tuple(self._numbered(wanted).values())

    def _numbered(self, wanted: sa.Select[Any]) -> Mapping[int, Entry]:
        """By the number of the grading, in the order of the question."""
        with self._reading() as connection:
            rows: Sequence[sa.RowMapping] = connection.execute(wanted).mappings().all()
            grounds = _grounds_of(connection, [row["id"] for row in rows])
            return {row["id"]: _entry(row, grounds.get(row["id"], "{}")) for row in rows}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._fault(*_explanation(str(error.orig))) from error
        except OSError as error:
            raise self._fault(f"cannot be opened: {error.strerror}", "Name another folder with --state.") from error
        except ValueError as error:  # a row that is no record: only another program can have written it
            raise self._fault("holds a row that cannot be read", _AWAY) from error

    def _fault(self, problem: str, remedy: str) -> GradebookError:
        return GradebookError(problem, place=str(self.path), remedy=remedy)


_AWAY = "Move the file away and run again: grades are made anew; rulings come back only from a backup of the file."


def _explanation(problem: str) -> tuple[str, str]:
    """What SQLite says, and what to do about it."""
    if "locked" in problem or "busy" in problem:
        return "another program is writing to the gradebook", "Wait until the other run has ended, then run again."
    if "readonly" in problem or "unable to open" in problem:
        return f"cannot be written: {problem}", "Make its folder writable, or name another with --state."
    if "full" in problem:
        return "the disk is full", "Make room and run again: nothing that was recorded is lost."
    if "I/O" in problem:
        return problem, "Make room, see whether the disk works, and run again: nothing that was recorded is lost."
    if "malformed" in problem or "not a database" in problem:
        return f"damaged: {problem}", _AWAY
    return f"the database answers: {problem}", _AWAY


def _protect(connection: sa.Connection, table: str) -> None:
    for action in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS no_{action.lower()}_{table} BEFORE {action} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'rows are only added'); END"
        )


def _latest(rubric: str, until: datetime | None = None) -> sa.Select[Any]:
    """Numbers of every student's latest grading, or the latest of those up to a moment."""
    latest = sa.select(sa.func.max(_grades.c.id)).where(_grades.c.rubric == rubric).group_by(_grades.c.student)
    return latest if until is None else latest.where(_grades.c.at <= until.astimezone(UTC).isoformat())


def _former(rubric: str) -> sa.Select[Any]:
    """Numbers of every student's last grading but one."""
    of_student = sa.func.row_number().over(partition_by=_grades.c.student, order_by=_grades.c.id.desc())
    ranked = sa.select(_grades.c.id, of_student.label("rank")).where(_grades.c.rubric == rubric).subquery()
    return sa.select(ranked.c.id).where(ranked.c.rank == 2)


def _numbers(connection: sa.Connection, those: sa.Select[Any]) -> dict[StudentId, int]:
    rows = connection.execute(sa.select(_grades.c.student, _grades.c.id).where(_grades.c.id.in_(those)))
    return {StudentId(row.student): row.id for row in rows}


def _grounds_of(connection: sa.Connection, gradings: Sequence[int]) -> Mapping[int, str]:
    if not sa.inspect(connection).has_table(_grounds.name):
        return {}
    rows = connection.execute(sa.select(_grounds).where(_grounds.c.grading.in_(gradings)))
    return {row.grading: row.grounds for row in rows}


def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401  (a DBAPI connection; sqlite3 is one of several)
    # We say BEGIN ourselves; FULL, so that a recorded grade outlives a power cut.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")


# --- rows and records --------------------------------------------------------------------------------------------


def _json(kind: type[T], value: T) -> str:
    # Through json, not pydantic's own writer: a lone surrogate in a student's text must not make a grade unwritable.
    return json.dumps(adapter(kind).dump_python(value, mode="json"), sort_keys=True)


def _entry(row: sa.RowMapping, grounds: str) -> Entry:
    return Entry(
        grade=adapter(Grade).validate_python(json.loads(row["grade"])),
        submission=adapter(Submission).validate_python(json.loads(row["submission"])),
        at=datetime.fromisoformat(row["at"]),
        versions=json.loads(row["versions"]),
        grounds=json.loads(grounds),
    )


def _ruling(row: sa.RowMapping) -> Ruling:
    return Ruling(
        student=StudentId(row["student"]),
        rubric=row["rubric"],
        item=row["item"],
        points=None if row["points"] is None else Decimal(row["points"]),
        reason=row["reason"],
        author=row["author"],
        at=datetime.fromisoformat(row["at"]),
    )


def standing(rulings: Sequence[Ruling]) -> dict[StudentId, list[Ruling]]:
    """The last ruling of each student and item, without those that were withdrawn."""
    last = {(ruling.student, ruling.item): ruling for ruling in rulings}
    stand: dict[StudentId, list[Ruling]] = {}
    for ruling in last.values():
        if ruling.points is not None:
            stand.setdefault(ruling.student, []).append(ruling)
    return stand


def _checked(ruling: Ruling, graded: Sequence[Grade]) -> Grade:
    """What the ruling is about, the latest grade; raises GradebookError where it cannot be given."""
    place = f"{ruling.student}/{ruling.item}"
    grade = graded[-1] if graded else None
    award = next((award for award in grade.awards if award.item == ruling.item), None) if grade else None
    if grade is None or award is None:
        raise GradebookError("nothing to rule on: never graded", place=place, remedy="Grade the student first.")
    if not ruling.reason.strip() or not ruling.author.strip():
        raise GradebookError("a ruling needs a reason and an author", place=place, remedy="Give both.")
    if ruling.points is not None and not (ruling.points.is_finite() and 0 <= ruling.points <= award.possible):
        remedy = f"Give between 0 and {award.possible} points."
        raise GradebookError(f"{ruling.points} points are out of range", place=place, remedy=remedy)
    return grade


def ruled(grade: Grade, rulings: Sequence[Ruling]) -> Grade:
    """The grade with people's rulings laid over it; its state follows when nothing is left undecided."""
    by_item = {ruling.item: ruling for ruling in rulings if ruling.points is not None}
    if not any(award.item in by_item for award in grade.awards):
        return grade
    awards = tuple(_overruled(award, by_item.get(award.item)) for award in grade.awards)
    decided = all(award.points is not None for award in awards)
    return replace(grade, awards=awards, state=State.GRADED if decided else State.NEEDS_REVIEW)


def _overruled(award: Award, ruling: Ruling | None) -> Award:
    if ruling is None:
        return award
    return replace(award, points=ruling.points, ruled_by=ruling.author, ruled_why=ruling.reason)

"""Whose grade is another one than before, by how much, in which items, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from autograder.gradebook import Entry, Gradebook, Ruling, ruled, standing
from autograder.messages import NOTHING, points, render
from autograder.records import Award, Grade, Message, State, StudentId, record, say

CAUSES: Final[Mapping[str, Message]] = {
    "submission": say("another submission"),
    "rubric": say("another rubric"),
    "data": say("other data"),
    "packages": say("other versions of packages"),
    "program": say("another version of this program"),
    "ruling": say("a person’s decision"),
    "fault": say("a failure of the grader"),
    "execution": say("executed again"),
    "unknown": say("reason not recorded"),
}


@record
class Moved:
    """One item before and after; ``possible`` is None where the rubric did not have it, ``points`` while undecided."""

    item: str
    title: Mapping[str, str]
    points_before: Decimal | None
    points_after: Decimal | None
    possible_before: Decimal | None
    possible_after: Decimal | None


@record
class Stand:
    """Where a grade stood."""

    state: State
    total: Decimal | None
    undecided: Decimal


@record
class Change:
    student: StudentId
    name: str
    before: Stand
    """With the rulings of that time."""
    after: Stand
    at: datetime
    """When the later grade was given."""
    items: tuple[Moved, ...]
    causes: tuple[str, ...]
    """Names of ``CAUSES``; at least one."""

    @property
    def difference(self) -> Decimal | None:
        """In points decided; None where there were none, or are none."""
        if self.before.total is None or self.after.total is None:
            return None
        return self.after.total - self.before.total


def latest(book: Gradebook, rubric: str) -> tuple[Change, ...]:
    """Between each student's last two gradings, and what people decided since; by student id."""
    rulings = _by_student(book.rulings(rubric))
    # Without an earlier grading, only what people decided can have changed anything.
    pairs = book.pairs(rubric, None, rulings.keys())
    return tuple(_changes(pairs, rulings, lambda after: after.at))


def since(book: Gradebook, rubric: str, moment: datetime) -> tuple[Change, ...]:
    """Between what stood at a moment and what stands now; who was not graded then is not among them."""
    rulings = _by_student(book.rulings(rubric))
    return tuple(_changes(book.pairs(rubric, moment, rulings.keys()), rulings, lambda after: moment))


def stand(grade: Grade) -> Stand:
    return Stand(state=grade.state, total=grade.total, undecided=grade.undecided)


def _by_student(rulings: Sequence[Ruling]) -> Mapping[StudentId, Sequence[Ruling]]:
    found: dict[StudentId, list[Ruling]] = {}
    for ruling in rulings:
        found.setdefault(ruling.student, []).append(ruling)
    return found


def _changes(
    pairs: Iterable[tuple[Entry, Entry]],
    rulings: Mapping[StudentId, Sequence[Ruling]],
    until: Callable[[Entry], datetime],
) -> Iterator[Change]:
    """``until``: up to which moment rulings belong to what stood before the later grading."""
    for before, after in pairs:
        student = after.grade.student
        own = rulings.get(student, ())
        moment = until(after)
        stood = standing([one for one in own if one.at is not None and one.at <= moment]).get(student, [])
        stands = standing(own).get(student, [])
        grades = ruled(before.grade, stood), ruled(after.grade, stands)
        items = tuple(_moved(*grades))
        if not items and grades[0].state is grades[1].state:
            continue
        causes = (*_causes(before, after), *(["ruling"] if _points(stood) != _points(stands) else []))
        yield Change(
            student=student,
            name=after.grade.name,
            before=stand(grades[0]),
            after=stand(grades[1]),
            at=after.at,
            items=items,
            causes=causes or ("unknown",),
        )


def _points(rulings: Sequence[Ruling]) -> Mapping[str, Decimal | None]:
    return {ruling.item: ruling.points for ruling in rulings}


def _moved(before: Grade, after: Grade) -> Iterator[Moved]:
    """Items whose points are not the same, in the order of the later rubric; those it does not have any more, last."""
    was, now = ({award.item: award for award in grade.awards} for grade in (before, after))
    for item in dict.fromkeys([*now, *was]):
        old, new = was.get(item), now.get(item)
        one = new or old
        if one is not None and _earned(old) != _earned(new):
            yield Moved(
                item=item,
                title=one.title,
                points_before=None if old is None else old.points,
                points_after=None if new is None else new.points,
                possible_before=None if old is None else old.possible,
                possible_after=None if new is None else new.possible,
            )


def _earned(award: Award | None) -> Decimal | str | None:
    """Points, None while undecided, and something else where the item is not there."""
    return "absent" if award is None else award.points


def _causes(before: Entry, after: Entry) -> Iterator[str]:
    """What the two gradings do not have in common; another run of the same is a cause where nothing else is."""
    if before is after:
        return
    old, new = before.submission, after.submission
    found = {
        "submission": (old.notebook, old.files, old.refusal) != (new.notebook, new.files, new.refusal),
        "rubric": before.grade.rubric_digest != after.grade.rubric_digest,
        "data": _differ("data", before.grounds, after.grounds),
        "packages": _foreign(before.versions) != _foreign(after.versions) and bool(before.versions and after.versions),
        "program": _differ("program", before.grounds, after.grounds)
        or _differ("autograder", before.versions, after.versions),
        "fault": "fault" in before.grounds or "fault" in after.grounds,
    }
    yield from (cause for cause, differs in found.items() if differs)
    if not any(found.values()) and _differ("execution", before.grounds, after.grounds):
        yield "execution"


def _differ(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """What was not recorded of one of them is no difference."""
    return name in before and name in after and before[name] != after[name]


def _foreign(versions: Mapping[str, str]) -> Mapping[str, str]:
    return {name: version for name, version in versions.items() if name != "autograder"}


# --- in words --------------------------------------------------------------------------------------------------------


def told(change: Change, language: str) -> str:
    """One line: who, from what to what, and why."""
    message = say(
        "{name}: {before} → {after} ({difference}); {causes}",
        name=change.name,
        before=total(change.before, language),
        after=total(change.after, language),
        difference=signed(change.difference, language),
        causes=causes(change, language),
    )
    return render(message, language)


def told_item(moved: Moved, language: str) -> str:
    """One line: which item, from what to what."""
    message = say(
        "{title}: {before} → {after}",
        title=moved.title.get(language) or moved.item,
        before=_of(moved.points_before, moved.possible_before, language),
        after=_of(moved.points_after, moved.possible_after, language),
    )
    return render(message, language)


def causes(change: Change, language: str) -> str:
    return ", ".join(render(CAUSES[cause], language) for cause in change.causes)


def total(grade: Stand, language: str) -> str:
    """With a question mark where some points still wait for a person."""
    known = NOTHING if grade.total is None else points(grade.total, language)
    return known + ("?" if grade.undecided else "")


def signed(difference: Decimal | None, language: str) -> str:
    if difference is None:
        return NOTHING
    return ("+" if difference > 0 else "−" if difference < 0 else "±") + points(abs(difference), language)


def _of(earned: Decimal | None, possible: Decimal | None, language: str) -> str:
    if possible is None:
        return NOTHING
    return f"{'?' if earned is None else points(earned, language)}/{points(possible, language)}"

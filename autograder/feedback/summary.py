"""The class on one page, for the teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import mean, median
from typing import Final

from autograder.changes import Change, causes, signed, told_item, total
from autograder.feedback.brief import Brief, Ranked, Run, Standard
from autograder.feedback.faults import faults
from autograder.feedback.page import page
from autograder.feedback.sheet import criteria
from autograder.feedback.words import WEAKER
from autograder.messages import points, render, visible
from autograder.records import Award, Criterion, DataCard, Grade, Rubric, State, Submission, Verdict, say

BINS: Final = 10
"""Columns of the histogram of totals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One row of the table of everybody."""

    student: str
    name: str
    state: State
    total: Decimal | None
    undecided: Decimal
    earned: tuple[tuple[Decimal, bool], ...]
    """Per criterion: points, and whether some are undecided."""
    linked: bool = True
    seconds: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One bar of a histogram."""

    label: str
    count: int
    percent: str
    """Height."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a criterion went."""

    criterion: Criterion
    mean: float | None
    median: float | None
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A row of the table of grades that are not what they were."""

    student: str
    name: str
    before: str
    after: str
    difference: str
    items: tuple[str, ...]
    causes: str


def summary(
    briefs: Sequence[Brief],
    *,
    rubric: Rubric,
    language: str,
    missing: Sequence[Grade] = (),
    changes: Sequence[Change] = (),
) -> str:
    """One self-contained page of about a kilobyte and a half per student; links go to ``<student>/feedback.html``.

    ``changes``: whose grade is another one than before this grading.
    """
    people = [_person(one, rubric) for one in briefs] + [_absent(grade) for grade in missing]
    totals = [one.grade.total for one in briefs if one.grade.state in (State.GRADED, State.NEEDS_REVIEW)]
    known = [float(total) for total in totals if total is not None]
    runs = [one.run for one in briefs if one.run is not None]
    standards = [(data, standard) for data, group in _by_data(runs) if (standard := _standard(group)) is not None]
    return page(
        "summary.html",
        language,
        rubric=rubric,
        people=people,
        counts={state: sum(person.state is state for person in people) for state in State},
        total_mean=mean(known) if known else None,
        total_median=median(known) if known else None,
        totals=histogram(known, rubric.points, BINS, language),
        spreads=[_spread(criterion, number, people, language) for number, criterion in enumerate(rubric.criteria)],
        ranking=ranking(runs, language),
        weak=_weak_items(briefs, rubric),
        faults=faults([run.faults for run in runs]),
        reviews=[one for one in briefs if one.reasons],
        remarks=[(one.submission, one.submission.notes) for one in briefs if one.submission.notes],
        refused=[one for one in briefs if one.grade.state is State.FAILED],
        absent=missing,
        data=[data for data, _ in _by_data(runs) if data is not None],
        baselines=standards,
        fidelity=tallied(runs),
        graded_at=max((one.graded_at for one in briefs if one.graded_at), default=None),
        seconds=[run.seconds for run in runs],
        memory=max((run.memory_mb for run in runs), default=None),
        cuts=[(one.submission, one.run.cut) for one in briefs if one.run is not None and one.run.cut is not None],
        walls=sorted({run.sandbox for run in runs}),
        weaker=_behind_weaker_walls(briefs),
        changes=[_changed(change, language) for change in changes],
    )


def _changed(change: Change, language: str) -> Changed:
    return Changed(
        student=change.student,
        name=visible(change.name),
        before=total(change.before, language),
        after=total(change.after, language),
        difference=signed(change.difference, language),
        items=tuple(told_item(moved, language) for moved in change.items),
        causes=causes(change, language),
    )


def _behind_weaker_walls(briefs: Sequence[Brief]) -> list[tuple[Submission, str]]:
    return [(one.submission, one.run.sandbox) for one in briefs if one.run is not None and one.run.sandbox in WEAKER]


def tallied(runs: Sequence[Run]) -> tuple[int, int, int]:
    """Notebooks whose final model was reproduced, those that could be compared, and those that trained one."""
    reproduced, known, trained = (sum(run.fidelity[place] for run in runs) for place in range(3))
    return reproduced, known, trained


# --- everybody -----------------------------------------------------------------------------------------------------


def _person(one: Brief, rubric: Rubric) -> Person:
    return Person(
        student=one.grade.student,
        name=visible(one.submission.name),
        state=one.grade.state,
        total=one.grade.total,
        undecided=one.grade.undecided,
        earned=tuple((row.points, bool(row.undecided)) for row in criteria(one.grade, rubric)),
        seconds=None if one.run is None else one.run.seconds,
        memory_mb=None if one.run is None else one.run.memory_mb,
    )


def _absent(grade: Grade) -> Person:
    return Person(
        student=grade.student,
        name=visible(grade.name),
        state=grade.state,
        total=None,
        undecided=Decimal(0),
        earned=(),
        linked=False,
    )


def histogram(values: Sequence[float], possible: Decimal, bins: int, language: str) -> tuple[Column, ...]:
    """Columns of equal width; the full mark belongs to the last one."""
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, max(0, int(bins * value / float(possible))))] += 1
    highest = max(counts) or 1
    edges = [points(possible * number / bins, language) for number in range(bins + 1)]
    return tuple(
        Column(f"{edges[number]}–{edges[number + 1]}", count, f"{100 * count / highest:.0f}")
        for number, count in enumerate(counts)
    )


def _spread(criterion: Criterion, number: int, people: Sequence[Person], language: str) -> Spread:
    """Of those that ran and whose points are all decided: a criterion that waits for a person says nothing yet."""
    ran = (person.earned[number] for person in people if person.earned and person.state is not State.FAILED)
    decided = [float(earned) for earned, waiting in ran if not waiting]
    columns = histogram(decided, criterion.points, max(3, int(criterion.points)), language)
    return Spread(criterion, mean(decided) if decided else None, median(decided) if decided else None, columns)


# --- ranking -------------------------------------------------------------------------------------------------------


def ranking(runs: Sequence[Run], language: str) -> list[Ranked]:
    """Final models by hidden accuracy, best first, with the reference in its place; one data set after the other."""
    found: list[Ranked] = []
    for data, group in _by_data(runs):
        rows = [run.ranked for run in group if run.ranked is not None]
        reference = _reference(group, language)
        if reference is not None:
            rows.append(reference)
        named = [replace(row, data="" if data is None else visible(data.name)) for row in rows]
        found += _placed(sorted(named, key=lambda row: (-row.accuracy, row.student)))
    return found


def _by_data(runs: Sequence[Run]) -> list[tuple[DataCard | None, list[Run]]]:
    """Those on the same images together, the largest group first."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault("" if run.data is None else run.data.digest, []).append(run)
    return sorted(((group[0].data, group) for group in groups.values()), key=lambda pair: -len(pair[1]))


def _standard(runs: Sequence[Run]) -> Standard | None:
    """It is the same one for all that rest on the same images and whose trainings a budget cut alike."""
    known = [run.standard for run in runs if run.standard is not None]
    return max(known, key=lambda standard: standard.share, default=None)


def _reference(runs: Sequence[Run], language: str) -> Ranked | None:
    """The baseline as a row; its bounds are the worst and the best seed, not an interval."""
    standard = _standard(runs)
    if standard is None:
        return None
    told = (run.standard.robustness for run in runs if run.standard is not None)
    return Ranked(
        student="",
        name=render(say("Reference"), language),
        model=render(say("worst to best of {seeds:int} seeds", seeds=len(standard.accuracies)), language),
        accuracy=standard.accuracy,
        low=min(standard.accuracies),
        high=max(standard.accuracies),
        gain=0.0,
        robustness=next((robust for robust in told if robust is not None), None),
    )


def _placed(rows: Sequence[Ranked]) -> list[Ranked]:
    """Each interval on an axis that all share."""
    low = min((row.low for row in rows), default=0.0)
    span = max((row.high for row in rows), default=1.0) - low or 1.0

    def at(value: float) -> float:
        return 100 * (value - low) / span

    first: dict[float, int] = {}
    for place, accuracy in enumerate((row.accuracy for row in rows if not row.reference), start=1):
        first.setdefault(accuracy, place)
    return [
        replace(
            row,
            rank=0 if row.reference else first[row.accuracy],
            left=f"{at(row.low):.1f}",
            width=f"{at(row.high) - at(row.low):.1f}",
            dot=f"{at(row.accuracy):.1f}",
        )
        for row in rows
    ]


# --- items, reviews ------------------------------------------------------------------------------------------------


def _weak_items(briefs: Sequence[Brief], rubric: Rubric) -> list[tuple[Mapping[str, str], int, int, int]]:
    """Per item that somebody missed: title, number without full points, number with none, number judged."""
    awards: dict[str, list[Award]] = {item.id: [] for _, item in rubric.items}
    for one in briefs:
        for award in one.grade.awards:
            if one.run is not None and award.points is not None:
                awards.setdefault(award.item, []).append(award)
    rows = [(given[0].title, *_missed(given), len(given)) for given in awards.values() if given]
    return sorted((row for row in rows if row[1]), key=lambda row: -row[1])


def _missed(awards: Sequence[Award]) -> tuple[int, int]:
    verdicts = [award.finding.verdict for award in awards]
    none = sum(verdict in (Verdict.UNMET, Verdict.UNREACHED) for verdict in verdicts)
    return none + verdicts.count(Verdict.PARTLY), none

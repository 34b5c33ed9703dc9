"""The class on one page, for the teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import mean, median
from typing import Final

from autograder import budget
from autograder.changes import Change, causes, signed, told_item, total
from autograder.extraction.fidelity import tally
from autograder.feedback.faults import faults
from autograder.feedback.page import page
from autograder.feedback.sheet import agreement, criteria, interval
from autograder.feedback.words import WEAKER
from autograder.messages import points, render, visible
from autograder.records import (
    Award,
    Baseline,
    Criterion,
    DataCard,
    Evidence,
    Grade,
    Interval,
    Message,
    Report,
    Rubric,
    State,
    Submission,
    Verdict,
    say,
)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One final model; ``left``, ``width`` and ``dot`` place its interval on the common axis, in percent."""

    student: str
    name: str
    model: str
    accuracy: float
    low: float
    high: float
    gain: float | None = None
    gain_interval: Interval | None = None
    robustness: float | None = None
    data: str = ""
    """Data set; ranks and the common axis are those of one set."""
    rank: int = 0
    """From 1; equal accuracies share one; 0 for the reference."""
    left: str = "0"
    width: str = "0"
    dot: str = "0"

    @property
    def reference(self) -> bool:
        return not self.student


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


@dataclass(frozen=True, slots=True)
class Review:
    """Why a person should look."""

    student: str
    name: str
    reasons: tuple[str, ...]


def summary(
    reports: Sequence[Report],
    *,
    rubric: Rubric,
    language: str,
    missing: Sequence[Grade] = (),
    changes: Sequence[Change] = (),
) -> str:
    """One self-contained page of about a kilobyte and a half per student; links go to ``<student>/feedback.html``.

    ``changes``: whose grade is another one than before this grading.
    """
    people = [_person(report, rubric) for report in reports] + [_absent(grade) for grade in missing]
    totals = [report.grade.total for report in reports if report.grade.state in (State.GRADED, State.NEEDS_REVIEW)]
    known = [float(total) for total in totals if total is not None]
    evidences = [report.evidence for report in reports if report.evidence is not None]
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
        ranking=ranking(reports, language),
        weak=_weak_items(reports, rubric),
        faults=faults(evidences, agreement(rubric)),
        reviews=[review for report in reports if (review := _review(report, language)).reasons],
        remarks=[(report.submission, report.submission.notes) for report in reports if report.submission.notes],
        refused=[report for report in reports if report.grade.state is State.FAILED],
        absent=missing,
        data=[data for data, _ in _by_data(evidences) if data is not None],
        baselines=[
            (data, baseline) for data, group in _by_data(evidences) if (baseline := _baseline(group)) is not None
        ],
        fidelity=tally(evidences),
        graded_at=max((report.graded_at for report in reports if report.graded_at), default=None),
        seconds=[evidence.execution.seconds for evidence in evidences],
        memory=max((evidence.execution.peak_memory_mb for evidence in evidences), default=None),
        cuts=[(report.submission, cut) for report in reports if (cut := _cut(report)) is not None],
        walls=sorted({evidence.execution.sandbox for evidence in evidences}),
        weaker=_behind_weaker_walls(reports),
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


def _behind_weaker_walls(reports: Sequence[Report]) -> list[tuple[Submission, str]]:
    return [
        (report.submission, report.evidence.execution.sandbox)
        for report in reports
        if report.evidence is not None and report.evidence.execution.sandbox in WEAKER
    ]


# --- everybody -----------------------------------------------------------------------------------------------------


def _person(report: Report, rubric: Rubric) -> Person:
    execution = None if report.evidence is None else report.evidence.execution
    grade = report.grade
    return Person(
        student=grade.student,
        name=visible(report.submission.name),
        state=grade.state,
        total=grade.total,
        undecided=grade.undecided,
        earned=tuple((row.points, bool(row.undecided)) for row in criteria(grade, rubric)),
        seconds=None if execution is None else execution.seconds,
        memory_mb=None if execution is None else execution.peak_memory_mb,
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


def ranking(reports: Sequence[Report], language: str) -> list[Ranked]:
    """Final models by hidden accuracy, best first, with the reference in its place; one data set after the other."""
    found: list[Ranked] = []
    for data, group in _by_data([report.evidence for report in reports if report.evidence is not None]):
        members = set(map(id, group))
        rows = [row for report in reports if id(report.evidence) in members and (row := _ranked(report)) is not None]
        reference = _reference(group, language)
        if reference is not None:
            rows.append(reference)
        named = [replace(row, data="" if data is None else visible(data.name)) for row in rows]
        found += _placed(sorted(named, key=lambda row: (-row.accuracy, row.student)))
    return found


def _by_data(evidences: Sequence[Evidence]) -> list[tuple[DataCard | None, list[Evidence]]]:
    """Evidence on the same images together, the largest group first."""
    groups: dict[str, list[Evidence]] = {}
    for evidence in evidences:
        groups.setdefault("" if evidence.data is None else evidence.data.digest, []).append(evidence)
    return sorted(((group[0].data, group) for group in groups.values()), key=lambda pair: -len(pair[1]))


def _ranked(report: Report) -> Ranked | None:
    evidence = report.evidence
    if evidence is None or evidence.final is None:
        return None
    final, chosen = evidence.final, evidence.chosen
    bounds = interval(final)
    return Ranked(
        student=report.grade.student,
        name=visible(report.submission.name),
        model="" if chosen is None else visible(chosen.name),
        accuracy=final.accuracy,
        low=bounds.low,
        high=bounds.high,
        gain=None if final.gain is None else final.gain.relative_error_reduction,
        gain_interval=None if final.gain is None else final.gain.ci95,
        robustness=None if final.robustness is None else final.robustness.mean_accuracy,
    )


def _baseline(evidences: Sequence[Evidence]) -> Baseline | None:
    """It is the same one for all that rest on the same images and whose trainings a budget cut alike."""
    holders = [evidence for evidence in evidences if evidence.baseline is not None]
    found = max(holders, key=lambda evidence: evidence.execution.share, default=None)
    return None if found is None else found.baseline


def _cut(report: Report) -> Message | None:
    """What a budget took from this notebook."""
    return None if report.evidence is None else budget.told(report.evidence.execution)


def _reference(evidences: Sequence[Evidence], language: str) -> Ranked | None:
    """The baseline as a row; its bounds are the worst and the best seed, not an interval."""
    baseline = _baseline(evidences)
    if baseline is None:
        return None
    told = (evidence.final for evidence in evidences if evidence.final is not None and evidence.final.task is None)
    robust = next((final.robustness for final in told if final.robustness is not None), None)
    return Ranked(
        student="",
        name=render(say("Reference"), language),
        model=render(say("worst to best of {seeds:int} seeds", seeds=len(baseline.accuracies)), language),
        accuracy=baseline.accuracy,
        low=min(baseline.accuracies),
        high=max(baseline.accuracies),
        gain=0.0,
        robustness=None if robust is None else robust.baseline_mean_accuracy,
    )


def _placed(rows: Sequence[Ranked]) -> list[Ranked]:
    """Each interval on an axis that all share."""
    low = min((row.low for row in rows), default=0.0)
    span = max((row.high for row in rows), default=1.0) - low or 1.0

    def at(value: float) -> float:
        return 100 * (value - low) / span

    students = [row.accuracy for row in rows if not row.reference]
    return [
        replace(
            row,
            rank=0 if row.reference else students.index(row.accuracy) + 1,
            left=f"{at(row.low):.1f}",
            width=f"{at(row.high) - at(row.low):.1f}",
            dot=f"{at(row.accuracy):.1f}",
        )
        for row in rows
    ]


# --- items, reviews ------------------------------------------------------------------------------------------------


def _weak_items(reports: Sequence[Report], rubric: Rubric) -> list[tuple[Mapping[str, str], int, int, int]]:
    """Per item that somebody missed: title, number without full points, number with none, number judged."""
    awards: dict[str, list[Award]] = {item.id: [] for _, item in rubric.items}
    for report in reports:
        for award in report.grade.awards:
            if report.evidence is not None and award.points is not None:
                awards.setdefault(award.item, []).append(award)
    rows = [(given[0].title, *_missed(given), len(given)) for given in awards.values() if given]
    return sorted((row for row in rows if row[1]), key=lambda row: -row[1])


def _missed(awards: Sequence[Award]) -> tuple[int, int]:
    verdicts = [award.finding.verdict for award in awards]
    none = sum(verdict in (Verdict.UNMET, Verdict.UNREACHED) for verdict in verdicts)
    return none + verdicts.count(Verdict.PARTLY), none


def _review(report: Report, language: str) -> Review:
    """Undecided items with what the check says to the teacher, then the flags of the measurement; each once."""
    if report.grade.state is State.FAILED:
        return Review(report.grade.student, visible(report.submission.name), ())  # listed among those not run
    reasons = [_undecided(award, language) for award in report.grade.awards if award.points is None]
    if report.evidence is not None and report.grade.reason is not None:
        reasons.insert(0, render(report.grade.reason, language))
    final = None if report.evidence is None else report.evidence.final
    reasons += [render(flag, language) for flag in (() if final is None else final.flags)]
    told = [award.finding.for_teacher for award in report.grade.awards if award.points is not None]
    reasons += [render(message, language) for message in told if message is not None]
    return Review(report.grade.student, visible(report.submission.name), tuple(dict.fromkeys(reasons)))


def _undecided(award: Award, language: str) -> str:
    title = visible(award.title.get(language) or award.item)
    told = award.finding.for_teacher or award.finding.message
    return render(say("{title}: {remark}", title=title, remark=render(told, language)), language)

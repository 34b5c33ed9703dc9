"""The feedback sheet of one student."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from autograder import budget
from autograder.feedback import adaptations
from autograder.feedback.drawings import Drawings, draw
from autograder.feedback.page import page
from autograder.messages import render, visible
from autograder.records import (
    Award,
    CellState,
    Criterion,
    Evidence,
    FinalMeasures,
    Grade,
    MeasuredModel,
    Message,
    Report,
    Rubric,
    TableRow,
    say,
)
from autograder.statistics import Estimate, wilson

AGREEMENT: Final = 0.01
"""Largest difference of a stated accuracy from the measured one, where the rubric names none."""
LISTED_CONFUSIONS: Final = 5
DRIFTS: Final = 6
"""Stale figures told on a sheet."""


@dataclass(frozen=True, slots=True)
class Row:
    """One criterion with what it earned."""

    criterion: Criterion
    awards: tuple[Award, ...]

    @property
    def points(self) -> Decimal:
        return sum((award.points for award in self.awards if award.points is not None), Decimal(0))

    @property
    def undecided(self) -> Decimal:
        return sum((award.possible for award in self.awards if award.points is None), Decimal(0))

    def percent(self, points: Decimal) -> str:
        """Of the bar's width."""
        return f"{100 * points / self.criterion.points:.1f}" if self.criterion.points else "0"


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of the student's table beside the measurement."""

    row: TableRow
    comparison: Message
    verdict: str
    """Style class of a verdict, or empty."""


@dataclass(frozen=True, slots=True)
class Confusion:
    actual: int
    predicted: int
    count: int
    share: float
    """Of the images of the true class."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    images: int
    low: float
    high: float


def sheet(report: Report, rubric: Rubric, language: str, drawn: Drawings | None = None) -> str:
    """One self-contained page; pure, so equal reports give equal bytes. Figures that are not given are drawn."""
    evidence = report.evidence
    if drawn is None:
        drawn = Drawings() if evidence is None else draw(evidence, language)
    final = None if evidence is None else evidence.final
    chosen = None if evidence is None else evidence.chosen
    return page(
        "sheet.html",
        language,
        report=report,
        rubric=rubric,
        grade=report.grade,
        name=visible(report.submission.name),
        criteria=criteria(report.grade, rubric),
        evidence=evidence,
        final=final,
        chosen=chosen,
        baseline=None if evidence is None else evidence.baseline,
        data=None if evidence is None else evidence.data,
        cut=None if evidence is None else budget.told(evidence.execution, budget.reference_share(evidence)),
        size="" if chosen is None else render(_size(chosen), language),
        **_measures(final, evidence, language),
        gain_plot=drawn.gain,
        robustness_plots=drawn.robustness,
        training_plots=drawn.trainings,
        trainings_left_out=drawn.left_out,
        plots_failed=drawn.failed,
        **_run(evidence),
        claims=() if evidence is None else claims(evidence, agreement(rubric)),
        agreement=agreement(rubric),
        spellings=() if evidence is None else adaptations.spellings(evidence),
        places=() if evidence is None else adaptations.places(evidence),
        notes=(*report.submission.notes, *(() if evidence is None else evidence.execution.notes)),
        drifts=() if evidence is None else _drifts(evidence),
    )


def _drifts(evidence: Evidence) -> tuple[Message, ...]:
    """Stale outputs are told, and cost nothing: what counts is the execution."""
    return tuple(
        say(
            "Cell {cell:int}: your notebook says {stored:pct2} ({label}), executing it gives {executed:pct2}.",
            cell=drift.cell + 1,
            stored=drift.stored,
            label=drift.label,
            executed=drift.executed,
        )
        for drift in evidence.drifts[:DRIFTS]
    )


def criteria(grade: Grade, rubric: Rubric) -> tuple[Row, ...]:
    """In the order of the rubric; a criterion without awards has earned nothing."""
    return tuple(
        Row(criterion, tuple(award for award in grade.awards if award.criterion == criterion.id))
        for criterion in rubric.criteria
    )


def _size(model: MeasuredModel) -> Message:
    """Bytes and speed, as far as they are known."""
    if model.bytes is None or model.ms_per_image is None:
        return say("size and speed not measured")
    return say("{size:num2} MB, {speed:num2} ms per image", size=model.bytes / 1e6, speed=model.ms_per_image)


# --- measures ------------------------------------------------------------------------------------------------------


def _measures(final: FinalMeasures | None, evidence: Evidence | None, language: str) -> dict[str, object]:
    if final is None or evidence is None:
        return dict.fromkeys(("accuracy", "p_value", "confusions", "heat"))
    return {
        "accuracy": interval(final),
        "p_value": "" if final.gain is None else render(say("p {value:p}", value=final.gain.p_value), language),
        "confusions": confusions(final.confusion)[:LISTED_CONFUSIONS],
        "heat": _heat(final.confusion),
    }


def interval(final: FinalMeasures) -> Accuracy:
    """Wilson's interval of the hidden accuracy; the images are those of the confusion matrix."""
    images = sum(map(sum, final.confusion))
    estimate = wilson(round(final.accuracy * images), images) if images else Estimate(final.accuracy, 0.0, 1.0)
    return Accuracy(images, estimate.low, estimate.high)


def confusions(matrix: Sequence[Sequence[int]]) -> tuple[Confusion, ...]:
    """Pairs of classes that were mistaken, most frequent first."""
    found = [
        Confusion(actual, predicted, count, count / sum(row))
        for actual, row in enumerate(matrix)
        for predicted, count in enumerate(row)
        if actual != predicted and count
    ]
    return tuple(sorted(found, key=lambda pair: (-pair.count, pair.actual, pair.predicted)))


def _heat(matrix: Sequence[Sequence[int]]) -> Callable[[int], str]:
    """Style class of an error count: three shades up to the largest one."""
    largest = max((pair.count for pair in confusions(matrix)), default=0)

    def shade(count: int) -> str:
        return f"heat-{-(-3 * count // largest)}" if count else "zero"

    return shade


# --- table, run -------------------------------------------------------------------------------------------


def _run(evidence: Evidence | None) -> dict[str, object]:
    runs = () if evidence is None else evidence.execution.cells
    troubled = [run for run in runs if run.state is not CellState.RAN]
    return {"troubled": troubled, "ran": len(runs) - len(troubled)}


def agreement(rubric: Rubric) -> float:
    """The tolerance of the rubric's own item on the comparison table, so that both say the same."""
    found = (item.parameters.get("tolerance") for _, item in rubric.items if item.check == "document.comparison")
    return float(next((value for value in found if value is not None), AGREEMENT))


def claims(evidence: Evidence, tolerance: float) -> tuple[Claim, ...]:
    """The rows of the tracking table as stated, each with what was measured for it."""
    cut = evidence.execution.share < 1
    return () if evidence.table is None else tuple(_claim(row, tolerance, cut) for row in evidence.table.rows)


def _agreeing(row: TableRow, *, near: bool) -> Message:
    if row.of == "validation":
        return say("✓ agrees with what its training recorded for validation")
    return say("✓ agrees") if near else say("✓ agrees, as far as chance lets it be seen")


def _claim(row: TableRow, tolerance: float, cut: bool) -> Claim:
    if row.accuracy is None:
        return Claim(row, say("– no accuracy stated"), "")
    if row.reference is None:
        return Claim(row, say("– not measured"), "")
    gap = row.accuracy - row.reference
    if row.agrees(tolerance):
        return Claim(row, _agreeing(row, near=abs(gap) <= tolerance + 1e-9), "met")
    if cut:
        return Claim(row, say("– the training was cut here"), "")
    if row.of == "validation":
        return Claim(row, say("✗ differs from what its training recorded for validation"), "unmet")
    if gap > 0:
        return Claim(row, say("✗ {gap:num1} points too high", gap=100 * gap), "unmet")
    return Claim(row, say("✗ {gap:num1} points too low", gap=-100 * gap), "unmet")

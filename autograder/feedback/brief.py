"""What is kept of a report once its sheet is written: what the class page, the tables and the lines at the end need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from autograder import budget
from autograder.extraction.fidelity import tally
from autograder.feedback.faults import found
from autograder.feedback.sheet import agreement, interval
from autograder.messages import render, visible
from autograder.records import (
    Award,
    Baseline,
    DataCard,
    Ending,
    Evidence,
    GapKind,
    Grade,
    Interval,
    Message,
    Report,
    Rubric,
    State,
    Submission,
    record,
    say,
)
from autograder.scoring import bare


@record
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


@record
class Standard:
    """The baseline that a notebook was judged against."""

    accuracies: tuple[float, ...]
    """Hidden accuracy, one per seed."""
    share: float
    """Of the steps of its trainings."""
    robustness: float | None
    """Its mean accuracy on altered images; None where a notebook's own task tells them apart otherwise."""

    @property
    def accuracy(self) -> float:
        return sum(self.accuracies) / len(self.accuracies)

    @property
    def spread(self) -> float:
        return max(self.accuracies) - min(self.accuracies)


@record
class Run:
    """Of a notebook that could be looked at."""

    data: DataCard | None
    standard: Standard | None
    ranked: Ranked | None
    faults: frozenset[str]
    """Common faults that it has, as ``faults.found`` names them."""
    fidelity: tuple[int, int, int]
    """As ``fidelity.tally`` counts this one."""
    seconds: float
    memory_mb: float
    sandbox: str
    cut: Message | None
    """What a budget took from its trainings, in words."""
    share: float
    planned_seconds: float | None
    over_budget: bool
    refused: bool
    """Not run at all, for the sake of the budget."""


@record
class Brief:
    """One student of a class; a few kilobytes, whatever was found."""

    submission: Submission
    grade: Grade
    """Points and verdicts, without what was found."""
    reasons: tuple[str, ...]
    """Why a person should look, in words, each once."""
    graded_at: datetime | None
    run: Run | None
    """None when nothing could be run."""


def brief(report: Report, rubric: Rubric, language: str) -> Brief:
    """From everything about one student to what the page of the class says of them."""
    return Brief(
        submission=report.submission,
        grade=bare(report.grade),
        reasons=_reasons(report, language),
        graded_at=report.graded_at,
        run=None if report.evidence is None else _run(report.grade, report.evidence, agreement(rubric)),
    )


def _run(grade: Grade, evidence: Evidence, tolerance: float) -> Run:
    execution = evidence.execution
    return Run(
        data=evidence.data,
        standard=None if evidence.baseline is None else _standard(evidence.baseline, evidence),
        ranked=_ranked(grade, evidence),
        faults=found(evidence, tolerance),
        fidelity=tally([evidence]),
        seconds=execution.seconds,
        memory_mb=execution.peak_memory_mb,
        sandbox=execution.sandbox,
        cut=budget.told(execution, budget.reference_share(evidence)),
        share=execution.share,
        planned_seconds=execution.planned_seconds,
        over_budget=budget.over_budget(execution),
        refused=execution.ending is Ending.REFUSED,
    )


def _standard(baseline: Baseline, evidence: Evidence) -> Standard:
    final = evidence.final
    robustness = None if final is None or final.task is not None else final.robustness
    return Standard(
        accuracies=baseline.accuracies,
        share=budget.reference_share(evidence),
        robustness=None if robustness is None else robustness.baseline_mean_accuracy,
    )


def _ranked(grade: Grade, evidence: Evidence) -> Ranked | None:
    if evidence.final is None:
        return None
    final, chosen = evidence.final, evidence.chosen
    bounds = interval(final)
    return Ranked(
        student=grade.student,
        name=visible(grade.name),
        model="" if chosen is None else visible(chosen.name),
        accuracy=final.accuracy,
        low=bounds.low,
        high=bounds.high,
        gain=None if final.gain is None else final.gain.relative_error_reduction,
        gain_interval=None if final.gain is None else final.gain.ci95,
        robustness=None if final.robustness is None else final.robustness.mean_accuracy,
    )


def _reasons(report: Report, language: str) -> tuple[str, ...]:
    """Undecided items with what the check says to the teacher, the flags of the measurement, and code that was not read."""
    if report.grade.state is State.FAILED:
        return ()  # listed among those not run
    reasons = [_undecided(award, language) for award in report.grade.awards if award.points is None]
    if report.evidence is not None and report.grade.reason is not None:
        reasons.insert(0, render(report.grade.reason, language))
    final = None if report.evidence is None else report.evidence.final
    reasons += [render(flag, language) for flag in (() if final is None else final.flags)]
    gaps = () if report.evidence is None else report.evidence.gaps
    reasons += [render(gap.reason, language) for gap in gaps if gap.kind is GapKind.CODE]
    told: Sequence[Message | None] = [a.finding.for_teacher for a in report.grade.awards if a.points is not None]
    reasons += [render(message, language) for message in told if message is not None]
    return tuple(dict.fromkeys(reasons))


def _undecided(award: Award, language: str) -> str:
    title = visible(award.title.get(language) or award.item)
    told = award.finding.for_teacher or award.finding.message
    return render(say("{title}: {remark}", title=title, remark=render(told, language)), language)

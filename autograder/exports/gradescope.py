"""Gradescope's ``results.json`` (its autograder specification): one visible test per item."""

from __future__ import annotations

from collections.abc import Iterable

from autograder.messages import render, visible
from autograder.records import Award, Grade, Json, Message, Report, Verdict, say


def results(report: Report, language: str = "fr") -> dict[str, Json]:
    """The object as that specification describes it; what is meant for the teacher is left out.

    An item that waits for a person has no ``score``: the specification allows it, since the total is given on top.
    """
    grade = report.grade
    seconds = 0.0 if report.evidence is None else report.evidence.execution.seconds
    found: dict[str, Json] = {
        "score": float(grade.total or 0),
        "execution_time": round(seconds),
        "output": _joined(_heading(grade), language),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(award, number, language) for number, award in _numbered(grade.awards)],
    }
    return found


def _heading(grade: Grade) -> list[Message]:
    lines = [] if grade.reason is None else [grade.reason]
    if grade.undecided:
        lines.append(
            say(
                "Provisional total: {points} of {possible} points {points:plural,awaits,await} a decision by your "
                "teacher.",
                points=float(grade.undecided),
                possible=float(grade.possible),
            )
        )
    return lines


def _numbered(awards: Iterable[Award]) -> list[tuple[str, Award]]:
    """``1.1``, ``1.2``, ``2.1``: criterion, then item within it, in the order of the rubric."""
    seen: dict[str, int] = {}
    numbered = []
    for award in awards:
        seen[award.criterion] = seen.get(award.criterion, 0) + 1
        numbered.append((f"{list(seen).index(award.criterion) + 1}.{seen[award.criterion]}", award))
    return numbered


def _test(award: Award, number: str, language: str) -> dict[str, Json]:
    finding = award.finding
    advice = () if finding.advice is None else (finding.advice,)
    test: dict[str, Json] = {
        "number": number,
        "name": visible(award.title.get(language) or award.item),
        "max_score": float(award.possible),
        "output": _joined([finding.message, *finding.details, *advice], language),
        "visibility": "visible",
    }
    if award.points is not None:
        test["score"] = float(award.points)
        test["status"] = "passed" if finding.verdict is Verdict.MET else "failed"
    return test


def _joined(messages: Iterable[Message], language: str) -> str:
    return "\n".join(render(message, language) for message in messages)

"""Checks that look at several things and say of each what they saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.checks.answers import earned
from autograder.records import Finding, Json, Message, Standing


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a check looks at."""

    weight: float
    score: float
    """0..1."""
    line: Message
    advice: Message
    cells: Sequence[int] = field(default=())


def slope(value: float, nothing: float, everything: float) -> float:
    """0 at ``nothing``, 1 at ``everything``, straight between; either may be the larger."""
    return min(1.0, max(0.0, (value - nothing) / (everything - nothing)))


def share(parts: Sequence[Part]) -> float:
    """The weighted mean in steps of a twentieth: a heuristic tells no finer."""
    whole = sum(part.weight for part in parts)
    mean = sum(part.weight * part.score for part in parts) / whole if whole else 0.0
    return round(20 * mean + 1e-9) / 20


def combine(
    parts: Sequence[Part], standing: Standing, message: Message, *, factor: float = 1.0, details: Iterable[Message] = ()
) -> Finding:
    """A finding from parts; the advice is that of the part through which most was lost."""
    worst = max(parts, key=lambda part: part.weight * (1 - part.score))
    scores: Json = {str(place): round(part.score, 3) for place, part in enumerate(parts, start=1)}
    return earned(
        round(20 * share(parts) * factor) / 20,
        standing,
        message,
        advice=worst.advice,
        details=[*(part.line for part in parts), *details],
        cells=sorted({cell for part in parts for cell in part.cells}),
        found=scores,
    )

"""The three kinds of answer a check can give."""

from __future__ import annotations

from collections.abc import Iterable

from autograder.records import Finding, Json, Message, Standing, Verdict


def earned(
    share: float,
    standing: Standing,
    message: Message,
    *,
    advice: Message | None = None,
    details: Iterable[Message] = (),
    cells: Iterable[int] = (),
    found: Json = None,
    wanted: Json = None,
) -> Finding:
    """``met`` for everything, ``unmet`` for nothing, else ``partly``; no advice where nothing is left to earn."""
    share = min(1.0, max(0.0, share))
    verdict = Verdict.MET if share == 1 else Verdict.UNMET if share == 0 else Verdict.PARTLY
    return Finding(
        verdict=verdict,
        share=share,
        standing=standing,
        message=message,
        advice=None if verdict is Verdict.MET else advice,
        details=tuple(details),
        cells=tuple(dict.fromkeys(cells)),
        found=found,
        wanted=wanted,
    )


def unreached(
    standing: Standing,
    message: Message,
    *,
    advice: Message | None = None,
    details: Iterable[Message] = (),
    cells: Iterable[int] = (),
) -> Finding:
    """There is nothing to judge, for a reason that lies in the notebook."""
    return Finding(
        verdict=Verdict.UNREACHED,
        share=0.0,
        standing=standing,
        message=message,
        advice=advice,
        details=tuple(details),
        cells=tuple(dict.fromkeys(cells)),
    )


def undecided(
    standing: Standing,
    message: Message,
    *,
    details: Iterable[Message] = (),
    cells: Iterable[int] = (),
    found: Json = None,
    for_teacher: Message | None = None,
) -> Finding:
    """A person decides; until then the item is neither 0 nor full."""
    return Finding(
        verdict=Verdict.NEEDS_REVIEW,
        share=None,
        standing=standing,
        message=message,
        details=tuple(details),
        cells=tuple(dict.fromkeys(cells)),
        found=found,
        for_teacher=for_teacher,
    )

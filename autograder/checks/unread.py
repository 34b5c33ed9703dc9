"""Trainings that differ in nothing but in the code of their steps, or of what alters their images.

What that changes is for a person to tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from autograder.checks.answers import undecided
from autograder.checks.trials import Trials, Twin, name_of
from autograder.records import Evidence, Finding, Message, Standing, say

_SHOWN = 6


def unread(found: Trials, missing: int, evidence: Evidence) -> Finding | None:
    """A person decides where modifications are missing, and steps of the notebook's own may be some of them."""
    if not found.unread or missing <= 0:
        return None
    first, count = found.unread[0], len(found.distinct)
    return undecided(
        Standing.CLAIM,
        say(
            "{count:int} {count:plural,modification,modifications} recognised. You also trained with code of your own, "
            "in steps or in a pipeline, which may change images, labels, gradients or weights in ways that are not "
            "recognised automatically. A teacher will decide this item.",
            count=count,
        ),
        details=list(_told(found, evidence)),
        cells=[cell for one in found.unread if (cell := evidence.cell_of(one.training.execution_count)) is not None],
        found={"unread": len(found.unread)},
        for_teacher=say(
            "{model} (cell {cell:int}) has the layers, settings and data of {other}, but other code takes its steps or "
            "alters its images: is it a modification? Recognised without it: {count:int}.",
            count=count,
            **_named(first, evidence),
        ),
    )


def _told(found: Trials, evidence: Evidence) -> Iterator[Message]:
    for trial in found.distinct[:_SHOWN]:
        yield say("Recognised: {model}.", model=name_of(trial.training, evidence))
    for one in found.unread[:_SHOWN]:
        yield say(
            "{model} (cell {cell:int}): layers, settings and data are those of {other}, the code of its steps or of "
            "its pipeline is not.",
            **_named(one, evidence),
        )


def _named(one: Twin, evidence: Evidence) -> dict[str, str | int | None]:
    cell = evidence.cell_of(one.training.execution_count)
    return {
        "model": name_of(one.training, evidence),
        "other": name_of(one.of, evidence),
        "cell": None if cell is None else cell + 1,
    }

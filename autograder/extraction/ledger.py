"""Read the training ledger that room 1 left."""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from autograder.adapters import adapter
from autograder.records import Execution, Gap, GapKind, Ledger, say
from autograder.store import Store

MAX_BYTES = 32 * 2**20
_SHOWN = 10


def read_ledger(execution: Execution, store: Store) -> tuple[Ledger, tuple[Gap, ...]]:
    """What the kernel said took place; it comes from room 1, so that a damaged one is a gap and no fault of ours."""
    if execution.ledger is None:
        reason = say("No training was recorded: the notebook never used Keras, or ended before it did.")
        return Ledger(), (Gap(kind=GapKind.LEDGER, reason=reason),)
    content = store.get(execution.ledger)
    ledger = _parsed(content) if len(content) <= MAX_BYTES else None
    if ledger is None:
        reason = say("The record of trainings that the notebook's kernel left cannot be read.")
        return Ledger(), (Gap(kind=GapKind.LEDGER, reason=reason),)
    return _numbered(ledger)


def _numbered(ledger: Ledger) -> tuple[Ledger, tuple[Gap, ...]]:
    """Our recorder gives each number once; of several trainings with one, the first counts."""
    first = {training.number: training for training in reversed(ledger.trainings)}
    more = [training.number for training in ledger.trainings if training is not first[training.number]]
    if not more:
        return ledger, ()
    reason = say(
        "More trainings than one are on record under the same number ({numbers}); the first of each counts. What rests "
        "on these records is for a teacher to decide.",
        numbers=", ".join(map(str, sorted(set(more))[:_SHOWN])),
    )
    kept = tuple(training for training in ledger.trainings if training is first[training.number])
    return replace(ledger, trainings=kept), (Gap(kind=GapKind.RECORDS, reason=reason),)


def _parsed(content: bytes) -> Ledger | None:
    try:
        ledger = adapter(Ledger).validate_json(content)
    except (ValidationError, RecursionError):
        return None
    return ledger if ledger.plausible else None

"""What students of a class commonly get wrong, counted from the records of their runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from autograder.feedback.sheet import claims
from autograder.records import ALL_IS_WELL, Evidence, Message, say

Predicate: TypeAlias = "Callable[[Evidence], bool]"


def _validates_on_test(evidence: Evidence) -> bool:
    """Whether a training on the whole training set was validated on data that is also evaluated: the test set then."""
    if evidence.data is None:
        return False
    evaluated = {entry.x.digest for entry in evidence.ledger.evaluations if entry.kind == "evaluate"} - {""}
    return any(
        entry.validation_x is not None
        and entry.validation_x.digest in evaluated
        and entry.x.shape[:1] >= (0.9 * evidence.data.train_rows / entry.stride,)
        for entry in evidence.ledger.trainings
    )


def _trains_nothing(evidence: Evidence) -> bool:
    """As far as we are able to see."""
    return evidence.executed and not evidence.ledger.trainings and not any(gap.ours for gap in evidence.gaps)


def _never_validates(evidence: Evidence) -> bool:
    return bool(evidence.ledger.trainings) and not any(
        entry.arguments.get("validation") for entry in evidence.ledger.trainings
    )


_FAULTS: Final[tuple[tuple[Message, Predicate], ...]] = (
    (
        say("a cell raises an error or is not reached"),
        lambda evidence: any(run.state not in ALL_IS_WELL for run in evidence.execution.cells),
    ),
    (say("validate on the test set"), _validates_on_test),
    (say("train without any validation data"), _never_validates),
    (say("no model was trained"), _trains_nothing),
    (say("no tracking table was found"), lambda evidence: evidence.table is None),
    (
        say("the final model is the reference model as given"),
        lambda evidence: evidence.chosen is not None and evidence.chosen.is_baseline,
    ),
)


_OVERSTATED: Final = say("state an accuracy that is higher than the measured one")


def _overstates(evidence: Evidence, tolerance: float) -> bool:
    """Whether a row of the tracking table claims more than was measured."""
    unmet = (claim.row for claim in claims(evidence, tolerance) if claim.verdict == "unmet")
    return any((row.accuracy or 0) > (row.reference or 0) for row in unmet)


def found(evidence: Evidence, tolerance: float) -> frozenset[str]:
    """Which of them this one has, by their English text."""
    return frozenset(text.text for text, predicate in _checked(tolerance) if predicate(evidence))


def faults(each: Sequence[frozenset[str]]) -> list[tuple[Message, int, int]]:
    """What went wrong for how many of those that ran (``found`` of each), most frequent first."""
    texts = [text for text, _ in _checked(0.0)]
    counted = [(text, sum(text.text in one for one in each), len(each)) for text in texts]
    return sorted((row for row in counted if row[1]), key=lambda row: -row[1])


def _checked(tolerance: float) -> list[tuple[Message, Predicate]]:
    return [*_FAULTS, (_OVERSTATED, partial(_overstates, tolerance=tolerance))]

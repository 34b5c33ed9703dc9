"""What the final model could do before any training of this run that is on record: nothing, in honest work.

Weights that were brought along show so in whatever form they came. Where a training began with weights that an earlier
one left, the beginning of that one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.extraction.matching import EPOCH_DIGITS, Artifacts
from autograder.extraction.origin import held_by, pieces
from autograder.records import Ledger, Message, Training, say
from autograder.store import Store

ABLE = 0.5
"""Of the way from guessing to the final model: from there on the beginning was no guess."""


def root(training: Training, ledger: Ledger, artifacts: Artifacts, store: Store) -> Training | None:
    """The training of this line that began with able weights which none before had left; None where there is none."""
    while training.start_accuracy is not None:
        before = [one for one in ledger.trainings if one.number < training.number]
        parent = next(_parents(training, before, artifacts, store), None)
        if parent is None:
            return None if any(_may_have_left(one, training) for one in before) else training
        training = parent
    return None


def _parents(training: Training, before: Sequence[Training], artifacts: Artifacts, store: Store) -> Iterator[Training]:
    """By the digest first; then by the weights themselves, which another architecture may have taken over."""
    digest = training.start_weights
    yield from (
        one for one in before[::-1] if digest and (one.weights == digest or digest[:EPOCH_DIGITS] in one.epoch_weights)
    )
    own = artifacts.get(training.start_saved)
    wanted = () if own is None else pieces(store.get(own))
    for one in before[::-1]:
        left = artifacts.get(one.saved)
        if left is not None and held_by(store.get(left), wanted):
            yield one


def _may_have_left(one: Training, training: Training) -> bool:
    """Weights of its epochs may have been kept and put back, and not all of them are known."""
    alike = one.model == training.model or one.parameters == training.parameters
    return alike and not one.arguments.get("loop") and len(one.epoch_weights) < one.epochs_run


def told(began: Training, measured: float | None, final: float, classes: int) -> Message | None:
    """``measured``: accuracy on hidden images of what it began with; None where that was not to be had."""
    if measured is None:
        return say(
            "Before its training in this run began, the final model already named {accuracy:pct} of some training "
            "images rightly, by its kernel's own record: its weights come from elsewhere, or were set by the code.",
            accuracy=min(1.0, max(0.0, began.start_accuracy or 0.0)),
        )
    if measured < 1 / classes + ABLE * (final - 1 / classes):
        return None
    return say(
        "Before its training in this run began, the final model already named {accuracy:pct} of the hidden images "
        "rightly; it ends at {final:pct}. Its weights come from elsewhere, or were set by the code.",
        accuracy=measured,
        final=final,
    )

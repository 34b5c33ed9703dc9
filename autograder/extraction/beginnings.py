"""What the final model could do before any training of this run that is on record: nothing, in honest work.

Weights that were brought along show so in whatever form they came. Where a training began with weights that an earlier
one left, the beginning of that one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.extraction.matching import EPOCH_DIGITS, Artifacts
from autograder.extraction.origin import akin, held_by, held_by_all, pieces
from autograder.records import Evaluation, Ledger, MeasuredModel, Message, Training, say
from autograder.store import Store

BETTER = 0.5
"""Of an earlier model's error, that must be left where its own weights were only changed by hand: an average of epochs
or of two models makes a quarter less."""
ACCURACIES = ("accuracy", "val_accuracy")
MANY = 1000
"""Weights that were set: filters that are written by hand are fewer, and so is what centres or scales an image."""
SOME, QUARTER = 300, 0.25
"""So many are enough of a small model, and the share of it that they are."""
ABLE = 0.5
"""Of the way from guessing to the final model: from there on the beginning was no guess."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where saved models are."""

    artifacts: Artifacts
    store: Store

    def of(self, name: str) -> bytes | None:
        content = self.artifacts.get(name)
        return None if content is None else self.store.get(content)


def before(training: Training, ledger: Ledger) -> list[Training]:
    """Those that had ended by its end: among them those that its own callbacks carried out."""
    return [one for one in ledger.trainings if _place(one) < _place(training)]


def _place(training: Training) -> tuple[int, bool, int]:
    """What took place within another training has a greater number, and yet comes before it."""
    around = training.arguments.get("within")
    return (around, False, training.number) if isinstance(around, int) else (training.number, True, training.number)


def root(training: Training, ledger: Ledger, origin: Origin) -> Training | None:
    """The training of this line that began with able weights which none before had left; None where there is none."""
    *_, first = line(training, ledger, origin)
    if first.start_accuracy is None or any(_may_have_left(one, first) for one in before(first, ledger)):
        return None
    return first


def line(training: Training, ledger: Ledger, origin: Origin) -> Iterator[Training]:
    """It, and what left the weights that it began with, and so on back, as far as that is known."""
    found: Training | None = training
    while found is not None:
        yield found
        earlier = before(found, ledger)
        found = None if found.start_accuracy is None else next(parents(found, earlier, origin), None)


def parents(training: Training, earlier: Sequence[Training], origin: Origin) -> Iterator[Training]:
    """By the digest first; then by the weights themselves, which another architecture may have taken over."""
    digest = training.start_weights
    yield from (
        one for one in earlier[::-1] if digest and (one.weights == digest or digest[:EPOCH_DIGITS] in one.epoch_weights)
    )
    own = origin.of(training.start_saved)
    wanted = () if own is None else pieces(own)
    for one in earlier[::-1]:
        left = origin.of(one.saved) if wanted else None
        if left is not None and held_by(left, wanted):
            yield one


def _may_have_left(one: Training, training: Training) -> bool:
    """Weights of its epochs may have been kept and put back, and not all of them are known."""
    alike = one.model == training.model or one.parameters == training.parameters
    return alike and not one.arguments.get("loop") and len(one.epoch_weights) < one.epochs_run


def explained(
    first: Training, measured: float | None, ledger: Ledger, models: Sequence[MeasuredModel], origin: Origin
) -> bool:
    """Whether an earlier training of this run accounts for what it began with, though it did not leave these weights.

    It is made of earlier ones, as an ensemble is; or it began no better than what had been reached by then; or its
    weights are an earlier model's, pruned, rounded or averaged, and the error is not so much smaller that it must have
    been learnt elsewhere, as far as that was measured. What an earlier one had not learnt itself accounts for nothing.
    """
    earlier = [one for one in before(first, ledger) if _learnt(one, ledger, origin)]
    own = origin.of(first.start_saved)
    if own is not None and held_by_all(pieces(own), _left(earlier, origin)):
        return True
    if measured is None:
        if own is not None and any(akin(own, left) for left in _left(earlier, origin)):
            return True
        figures = [value for one in earlier for name in ACCURACIES for value in one.history.get(name, ())]
        return (first.start_accuracy or 0.0) <= max((value for value in figures if value is not None), default=0.0)
    reached = {model.training: model.hidden_accuracy for model in models if model.hidden_accuracy is not None}
    for one in earlier:
        accuracy, left = reached.get(one.number), origin.of(one.saved)
        if accuracy is None:
            continue
        if measured <= accuracy:
            return True
        if 1 - measured >= BETTER * (1 - accuracy) and own is not None and left is not None and akin(own, left):
            return True
    return False


def _left(trainings: Sequence[Training], origin: Origin) -> Iterator[bytes]:
    """The saved models, one after the other."""
    return (content for one in trainings if (content := origin.of(one.saved)) is not None)


def _learnt(training: Training, ledger: Ledger, origin: Origin) -> bool:
    return not training.swaps and root(training, ledger, origin) is None


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


def put(own: Sequence[Training], ledger: Ledger) -> Message | None:
    """Of the one that had most weights which nothing here had learnt, be it below layers that are fresh.

    Among them are those of other models from which these took some: an encoder may be what was brought along.
    """
    sources = {number for one in own for number in one.learnt_from}
    all_of_them = [*own, *(one for one in ledger.trainings if one.number in sources)]
    first = max((one for one in all_of_them if _many(one)), key=lambda one: one.brought, default=None)
    if first is None:
        return None
    return say(
        "Training {number:int} had {count:int} weights that neither its layers drew nor a training of this run left: "
        "they come from elsewhere, or were computed by the code.",
        number=first.number,
        count=first.brought,
    )


def _many(training: Training) -> bool:
    return training.brought >= min(MANY, max(SOME, QUARTER * (training.parameters or MANY / QUARTER)))


def held(uses: Sequence[Evaluation]) -> Message | None:
    """Of weights that were put beside trained ones, as a table is that answers with a network."""
    count = max((use.brought for use in uses), default=0)
    if count < MANY:
        return None
    return say(
        "The final model holds {count:int} weights that neither its layers drew nor a training of this run left: they "
        "come from elsewhere, or were computed by the code.",
        count=count,
    )

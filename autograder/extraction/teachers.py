"""Models that no training of this run left and that answered before the final one was trained: it may have learnt that.

Their weights were brought along, in whatever form, and what they answer stands in the place of labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.extraction.beginnings import ABLE, BETTER, Origin
from autograder.extraction.matching import Candidate
from autograder.extraction.origin import akin, held_by_all, pieces
from autograder.records import FinalMeasures, Ledger, MeasuredModel, Message, say


def taught(
    parts: Sequence[Candidate],
    known: Sequence[Candidate],
    ledger: Ledger,
    models: Sequence[MeasuredModel],
    final: FinalMeasures,
    origin: Origin,
) -> Message | None:
    """``parts``: the weights that the final model is made of."""
    last = max((one.training.number for one in parts if one.training is not None), default=0)
    measured = {model.id: model for model in models}
    least = 1 / final.classes + ABLE * (final.accuracy - 1 / final.classes)
    for one in known:
        reached = measured[one.id].hidden_accuracy if one.id in measured else None
        if one.training is not None or one in parts or reached is None or reached < least:
            continue
        moment = min(_answered(one, ledger), default=last)
        if moment < last and not _accounted(one, reached, moment, ledger, models, origin):
            return say(
                "Before the final model was trained, a model answered ({name}) that no training of this run left, and "
                "that names {accuracy:pct} of the hidden images rightly: the final model may have learnt its answers.",
                name=measured[one.id].name[:80],
                accuracy=reached,
            )
    return None


def _answered(one: Candidate, ledger: Ledger) -> Iterator[int]:
    """How many trainings had begun, whenever it was asked for its answers."""
    for use in ledger.evaluations:
        if use.model == one.model and use.weights == one.weights and not use.results:
            yield use.after


def _accounted(
    one: Candidate, reached: float, moment: int, ledger: Ledger, models: Sequence[MeasuredModel], origin: Origin
) -> bool:
    """Whether what had been learnt here by then accounts for it: as good a model, or those that it is made of."""
    earlier = {training.number: training for training in ledger.trainings if training.number <= moment}
    left = {number: origin.of(training.saved) for number, training in earlier.items()}
    own = None if one.artifact is None else origin.store.get(one.artifact)
    if own is not None and held_by_all(pieces(own), (content for content in left.values() if content is not None)):
        return True
    for model in models:
        if model.training not in earlier or model.hidden_accuracy is None:
            continue
        if reached <= model.hidden_accuracy:
            return True
        near = 1 - reached >= BETTER * (1 - model.hidden_accuracy)
        if near and own is not None and (content := left[model.training]) is not None and akin(own, content):
            return True
    return False

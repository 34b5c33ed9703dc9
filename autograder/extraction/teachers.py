"""Models that no training of this run left and that answered before the final one was trained: it may have learnt that.

Their weights were brought along, in whatever form, and what they answer stands in the place of labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.extraction.beginnings import ABLE, BETTER, Origin
from autograder.extraction.matching import Candidate
from autograder.extraction.origin import akin, held_by_all, pieces
from autograder.records import FinalMeasures, Ledger, MeasuredModel, Message, Training, say

SMOOTHED = 1e-3
"""How far the largest share may be from what smoothed labels leave to their class."""
SOME = 0.05
"""Share of the rows from which on answers among labels are told."""


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


def untold(own: Sequence[Training], ledger: Ledger) -> Message | None:
    """Shares of the classes that are no labels, and that no model of this run can have given: answers from elsewhere.

    ``own``: the trainings of the final model. Where a data set or a loop gives them, who answered is not known.
    """
    for training in own:
        share = 1.0 if _are_shares(training) else training.y.answers if _are_of_rows(training) else 0.0
        if share < SOME or ledger.estimators:
            continue
        asked = [use for use in ledger.evaluations if not use.results and use.after < training.number]
        if sum(use.x.shape[0] for use in asked if use.x.shape) < share * training.y.shape[0]:
            return say(
                "Training {number:int} of the final model learnt shares of the classes, as a model answers them, and "
                "no model of this run had answered for so many images: where these come from is not known.",
                number=training.number,
            )
    return None


def _are_shares(training: Training) -> bool:
    """Neither ones and zeros, nor mixed ones, nor smoothed ones, of which each class has its own share and the same."""
    y = training.y
    if not _are_of_rows(training) or y.low is None or y.high is None or not 0 < y.low < y.high < 1:
        return False
    return abs(1 - (y.shape[1] - 1) * y.low - y.high) > SMOOTHED / y.shape[1]


def _are_of_rows(training: Training) -> bool:
    """Whether there is one row of figures for each image, of which all is known."""
    arrays = (training.x.kind, training.y.kind) == ("array", "array") and not training.arguments.get("loop")
    return arrays and bool(training.y_sample) and len(training.y.shape) == 2


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

"""Whether the final model may have learnt from images that it is tested with: itself, or by way of an earlier model.

What one model has learnt goes over to another in many ways: weights that are set or shared, with noise as well, a part
of it that is used again, answers that are learnt instead of labels. None of these need leave a trace. So every earlier
training that was given both images and labels of the test set is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.extraction import beginnings
from autograder.extraction.grouping import another_task
from autograder.extraction.matching import Candidate, Sightings
from autograder.records import ArrayPrint, Ledger, Message, Training, say


def leaked(one: Candidate, ledger: Ledger, sightings: Sightings, origin: beginnings.Origin) -> Message | None:
    """Of the training that was given most of the public test set; its own come before those of other models."""
    own = _own(one, ledger, origin)
    if (seen := _most(own, sightings)) is not None:
        _, public, looked = seen
        return say(
            "{found:int} of {looked:int} sampled training images are images of the public test set.",
            found=public,
            looked=looked,
        )
    if (seen := _most(_before(one, ledger, sightings), sightings)) is None:
        return None
    number, public, looked = seen
    return say(
        "Training {number:int}, of another model, was given images of the public test set ({found:int} of {looked:int} "
        "sampled ones): the final model may have learnt from it.",
        number=number,
        found=public,
        looked=looked,
    )


def _own(one: Candidate, ledger: Ledger, origin: beginnings.Origin) -> Sequence[Training]:
    """Of this model, of that which its weights came from, and of those that left what its trainings began with."""
    models = {one.model, one.training.model if one.training else ""}
    found = [training for training in ledger.trainings if training.model in models]
    if one.training is not None:
        found += beginnings.line(one.training, ledger, origin)
    return found


def _before(one: Candidate, ledger: Ledger, sightings: Sightings) -> Iterator[Training]:
    """Other trainings that ended before this model's last one began, and learnt the classes of their images."""
    last = one.training.number if one.training else len(ledger.trainings) + 1
    for training in ledger.trainings:
        if training.number < last and training.y_sample and not another_task(training, sightings):
            yield training


def _most(trainings: Sequence[Training] | Iterator[Training], sightings: Sightings) -> tuple[int, int, int] | None:
    """Number, public images, and all images looked at, of the data with most public images; None where none has any.

    Of a pipeline the arrays that it is made of count together, beside its first batch.
    """
    seen = [(one.number, *_public(shown, sightings)) for one in trainings for shown in ((one.x,), one.roots)]
    best = max(seen, key=lambda each: each[1], default=None)
    return best if best is not None and best[1] else None


def _public(shown: Sequence[ArrayPrint], sightings: Sightings) -> tuple[int, int]:
    found = [seen for one in shown if (seen := sightings.of(one)) is not None]
    return sum(seen.public for seen in found), sum(seen.rows for seen in found)

"""Which data that models were used on are images of the data set just as they are prepared for training.

A test on these says nothing about altered images, however the images were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from autograder.extraction.matching import Sightings, differ
from autograder.preprocessing import Step
from autograder.records import ArrayPrint, Ledger

LOOKED_AT = 100
"""Different data of one notebook, at most, the largest first: to look takes time. Of more, some from first to last are
looked at, and the others, with those that were too many to leave a sample, are taken to be unaltered."""
UNTOUCHED: Final = 0.75
"""Of the rows that show anything: a few altered ones among a test set are no test on altered images. An alteration that
befalls every second image, as those of some libraries do, spares fewer."""


def unaltered(ledger: Ledger, sightings: Sightings) -> tuple[str, ...]:
    """Their marks; none where it is not known how images are prepared for training."""
    usual = list(_prepared(ledger, sightings))
    used = {use.x.mark: use.x for use in ledger.evaluations if use.x.mark and use.x.shape}
    if not usual:
        return ()
    kept = [shown for shown in used.values() if shown.sample] if len(used) > LOOKED_AT else list(used.values())
    looked = _largest(kept)
    passed = used.keys() - {shown.mark for shown in looked}
    plain = {shown.mark for shown in looked if _is_usual(shown, usual, sightings)}
    return tuple(mark for mark in used if mark in passed or mark in plain)


def _largest(known: Sequence[ArrayPrint]) -> Sequence[ArrayPrint]:
    """At most so many; of those that are as large as the smallest of them, some from first to last."""
    ordered = sorted(known, key=lambda shown: -shown.shape[0])
    if len(ordered) <= LOOKED_AT:
        return ordered
    limit = ordered[LOOKED_AT - 1].shape[0]
    larger = [shown for shown in ordered if shown.shape[0] > limit]
    alike, places = [shown for shown in ordered if shown.shape[0] == limit], LOOKED_AT - len(larger)
    return [*larger, *(alike[place * (len(alike) - 1) // max(1, places - 1)] for place in range(places))]


def _prepared(ledger: Ledger, sightings: Sightings) -> Iterator[tuple[Step, ...]]:
    """The preparations of all trainings, each once."""
    seen = (sightings.of(shown) for one in ledger.trainings for shown in (one.x, one.validation_x))
    known: list[tuple[Step, ...]] = []
    for steps in (tuple(one.recipe.steps) for one in seen if one is not None):
        if steps not in known:
            known.append(steps)
            yield steps


def _is_usual(shown: ArrayPrint, usual: Sequence[Sequence[Step]], sightings: Sightings) -> bool:
    """Whether nearly every row was found, and prepared like those of one training or another.

    Rows of one value show nothing, be they an image that something has blackened or none at all: they do not count.
    """
    sample = sightings.sample(shown)
    if sample is None:
        return False
    telling = np.ptp(sample.reshape(len(sample), -1), axis=1) > 0
    if not telling.any():
        return True
    recipe = sightings.mostly(shown, UNTOUCHED)
    if recipe is None or len(recipe.found) != len(telling):
        return False
    found = np.array(recipe.found)[telling] >= 0
    return bool(found.mean() >= UNTOUCHED) and any(not differ(steps, recipe.steps, sightings) for steps in usual)

"""Which data that models were used on are images of the data set just as they are prepared for training.

A test on these says nothing about altered images, however the images were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.extraction.matching import Sighting, Sightings, differ
from autograder.preprocessing import Step
from autograder.records import Ledger

LOOKED_AT = 100
"""Different data of one notebook, at most, the largest first: to look takes time."""


def unaltered(ledger: Ledger, sightings: Sightings) -> tuple[str, ...]:
    """Their digests; none where it is not known how images are prepared for training."""
    usual = list(_prepared(ledger, sightings))
    used = {use.x.digest: use.x for use in ledger.evaluations if use.x.digest and use.x.shape}
    largest = sorted(used.items(), key=lambda one: -one[1].shape[0])[:LOOKED_AT]
    found = ((digest, sightings.of(shown)) for digest, shown in largest if usual)
    return tuple(digest for digest, seen in found if seen is not None and _is_usual(seen, usual, sightings))


def _prepared(ledger: Ledger, sightings: Sightings) -> Iterator[tuple[Step, ...]]:
    """The preparations of all trainings, each once."""
    seen = (sightings.of(shown) for one in ledger.trainings for shown in (one.x, one.validation_x))
    known: list[tuple[Step, ...]] = []
    for steps in (tuple(one.recipe.steps) for one in seen if one is not None):
        if steps not in known:
            known.append(steps)
            yield steps


def _is_usual(seen: Sighting, usual: Sequence[Sequence[Step]], sightings: Sightings) -> bool:
    """Whether every row was found, and prepared like those of one training or another."""
    whole = bool(seen.labels) and min(seen.labels) >= 0
    return whole and any(not differ(steps, seen.recipe.steps, sightings) for steps in usual)

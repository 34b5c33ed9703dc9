"""Which data that models were used on are images of the data set just as they are prepared for training.

A test on these says nothing about altered images, however the images were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.extraction.matching import Sighting, Sightings, differ
from autograder.preprocessing import Step
from autograder.records import ArrayPrint, Ledger

LOOKED_AT = 100
"""Different data of one notebook, at most, the largest first: to look takes time. Of more, some from first to last are
looked at, and the others, with those that were too many to leave a sample, are taken to be unaltered."""


def unaltered(ledger: Ledger, sightings: Sightings) -> tuple[str, ...]:
    """Their digests; none where it is not known how images are prepared for training."""
    usual = list(_prepared(ledger, sightings))
    used = {use.x.digest: use.x for use in ledger.evaluations if use.x.digest and use.x.shape}
    if not usual:
        return ()
    kept = [shown for shown in used.values() if shown.sample] if len(used) > LOOKED_AT else list(used.values())
    looked = _largest(kept)
    passed = used.keys() - {shown.digest for shown in looked}
    found = ((shown.digest, sightings.of(shown)) for shown in looked)
    plain = {digest for digest, seen in found if seen is not None and _is_usual(seen, usual, sightings)}
    return tuple(digest for digest in used if digest in passed or digest in plain)


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


def _is_usual(seen: Sighting, usual: Sequence[Sequence[Step]], sightings: Sightings) -> bool:
    """Whether every row was found, and prepared like those of one training or another."""
    whole = bool(seen.labels) and min(seen.labels) >= 0
    return whole and any(not differ(steps, seen.recipe.steps, sightings) for steps in usual)

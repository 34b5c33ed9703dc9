"""Which pipelines and generators give images of the data set that something has altered, by rows of what they gave.

A flow of the same images is no augmentation, whatever the notebook calls it; and one that alters them is, though both
of two trainings learn from flows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from autograder.extraction.matching import Sighting, Sightings, hides
from autograder.records import Ledger, Training

FLOWING: Final = frozenset({"dataset", "sequence"})
SPARED: Final = 0.75
"""Of the rows that show anything: where as many are images as they are, nothing alters them. A mirror that turns every
second one spares fewer."""


def with_altered(ledger: Ledger, sightings: Sightings) -> Ledger:
    """The same, with ``ArrayPrint.altered`` for what flowed into trainings; what the kernel said of that is dropped."""
    return replace(
        ledger,
        trainings=tuple(replace(one, x=replace(one.x, altered=_altered(one, sightings))) for one in ledger.trainings),
    )


def _altered(training: Training, sightings: Sightings) -> bool | None:
    shown = training.x
    sample = sightings.sample(shown) if shown.kind in FLOWING and shown.sample else None
    if sample is None:
        return None
    telling = np.ptp(sample.reshape(len(sample), -1), axis=1) > 0
    if not telling.any():
        return None
    seen = sightings.of(shown)
    if seen is not None and len(seen.recipe.found) == len(telling):
        found = np.array(seen.recipe.found)[telling] >= 0
        return bool(found.mean() < SPARED) or _is_hidden(training, seen, sightings)
    # Rows of no known image may be prepared in a way that is not found: altered they are where their origin is known.
    return True if any(sightings.of(root) is not None for root in training.roots) else None


def _is_hidden(training: Training, seen: Sighting, sightings: Sightings) -> bool:
    """Whether a part of all rows is gone that their source had: one hole may be drawn for a whole batch."""
    if not training.arguments.get("augmentations"):
        return False
    roots = (known for root in training.roots if (known := sightings.of(root)) is not None)
    return any(hides(root.recipe.steps, seen.recipe.steps, sightings) for root in roots)

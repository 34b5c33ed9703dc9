"""Tests of the notebook's own on other images than the whole public test set: a part of it, or a set that it split off.

What it finds there may differ from our figure by the chance of fewer images, and of other ones.
"""

from __future__ import annotations

import math
import re

from autograder.extraction.fidelity import Account
from autograder.extraction.matching import Candidate, Sighting, used
from autograder.notebook.accuracies import MIN_IMAGES
from autograder.records import ArrayPrint, CellKind, Ledger, Partly

_TOGETHER = ("fetch_openml", "fetch_mldata")
"""Loaders that give the images of both sets in one array."""
_FOR_TRAINING = re.compile(r"'(?:[\w.-]*train[\w.-]*|test|sample_submission)\.csv'")
"""Files of which those with labels are for training: who has no others tests on some of these."""
FEWEST = 20
"""Different images of which an accuracy says anything: one that is repeated a hundred times is no test."""
_APART = re.compile(r"\bload_data\b")
"""In code, of Keras' own loaders, which give them apart and leave no trace; a heuristic."""


def partly(one: Candidate, account: Account) -> tuple[Partly, ...]:
    """Of these weights, in the order in which they were tested."""
    own = splits_itself(account) or _holds_back(account)
    found = []
    for use in account.ledger.evaluations:
        seen = account.sightings.of(use.x)
        rows = use.x.shape[0] if use.x.shape else 0
        if seen is None or seen.covers(account.classes) or rows < MIN_IMAGES:
            continue
        if used(use, account.known, account.artifacts) is not one:
            continue
        images = _different(seen, rows)
        if images >= FEWEST and (all_public(seen) or (own and not _learnt(use.x, account.ledger))):
            told = Partly(
                images=images,
                public=len(account.sightings.public_images),
                accuracy=use.results.get("accuracy"),
                split=not all_public(seen),
            )
            found.append(told)
    return tuple(found)


def splits_itself(account: Account) -> bool:
    """Whether it was given the images of both sets in one array and none by themselves, and splits them as it likes.

    Who tests on images of the public test set alone knows which these are.
    """
    served = [one.old for one in account.ledger.adaptations if one.kind == "data"]
    if not served or not all(one.startswith(_TOGETHER) for one in served):
        return False
    if any(cell.kind is CellKind.CODE and _APART.search(cell.source) for cell in account.cells):
        return False
    seen = (account.sightings.of(use.x) for use in account.ledger.evaluations)
    return not any(one is not None and all_public(one) for one in seen)


def _holds_back(account: Account) -> bool:
    """Whether it was given no labels of other images than those to train with, as in a contest of Kaggle's."""
    served = [one.old for one in account.ledger.adaptations if one.kind == "data"]
    apart = any(cell.kind is CellKind.CODE and _APART.search(cell.source) for cell in account.cells)
    return bool(served) and all(map(_FOR_TRAINING.search, served)) and not apart


def all_public(seen: Sighting) -> bool:
    return seen.whole or 0 < seen.public == seen.rows


def _learnt(shown: ArrayPrint, ledger: Ledger) -> bool:
    """Whether a model was trained on the same data: how well it knows these is no test."""
    return any(shown.digest == training.x.digest for training in ledger.trainings)


def _different(seen: Sighting, rows: int) -> int:
    """At most as many as lie between the first and the last that were seen: each comes several times in a row where
    the data set is served repeated. Of rows drawn at random some come twice."""
    found = [row for row in seen.recipe.found if row >= 0]
    if not found:
        return rows
    span = max(found) - min(found) + 1
    if found == sorted(found):
        return min(rows, span)
    return max(1, int(span * -math.expm1(-rows / span)))

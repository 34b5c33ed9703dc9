"""Training images that are none of the data set's and stand in files that were handed in: whose they are is not known.

They may have been made by a model that was trained elsewhere, or answered by it. As for weights, nothing is parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from autograder.extraction.carried import FEWEST, is_in, stretches
from autograder.extraction.goals import classes
from autograder.extraction.matching import Sightings
from autograder.extraction.origin import Brought, forms
from autograder.records import ArrayPrint, Message, say

SAMPLES, ROWS = 2, 16
"""Of what trained the final model, so many are looked at, and so many images of each."""
IMAGE = 64
"""Figures in a row, from which on it may be an image."""
LARGEST = 64 * 2**20
"""Bytes of a file that is searched."""


def supplied(shown: Iterable[ArrayPrint], sightings: Sightings, things: Sequence[Brought]) -> Message | None:
    """Of the sample and file that have most of them in common."""
    files = [thing for thing in things if thing.cell is None and len(thing.content) <= LARGEST]
    strange = [rows for one in shown if (rows := _strange(one, sightings)) is not None][:SAMPLES] if files else []
    best: tuple[int, int, str] = (0, 0, "")
    for rows in strange:
        wanted = list(stretches(rows))
        best = max(best, *((_held(wanted, thing.content), len(rows), thing.told) for thing in files))
    found, looked, name = best
    if found < FEWEST:
        return None
    return say(
        "{found:int} of {looked:int} sampled training images that are none of the data set's, as they are or altered, "
        "stand in {name}, which was handed in: who made them, and their labels, is not known.",
        found=found,
        looked=looked,
        name=name,
    )


def _held(wanted: Sequence[npt.NDArray[np.uint8]], content: bytes) -> int:
    left = list(wanted)
    for form in forms(content):  # to unpack it takes the longest
        left = [one for one in left if not is_in(one, form)]
    return len(wanted) - len(left)


def _strange(shown: ArrayPrint, sightings: Sightings) -> npt.NDArray[np.uint8] | None:
    """As pixels, the rows of a sample that no image of the data set is known by."""
    sample = sightings.sample(shown) if shown.sample else None
    if sample is None or sample[:1].size < IMAGE or not np.isfinite(sample).all() or sample.min() < 0:
        return None
    known = classes(shown, sightings)
    rows = sample[np.array(known) < 0] if len(known) == len(sample) else sample
    top = float(sample.max())
    if len(rows) < FEWEST or not 0 < top <= 255:
        return None
    few = rows[np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(np.intp)]
    return np.rint(few * (255 if top <= 1 else 1)).astype(np.uint8)

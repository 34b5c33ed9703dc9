"""Weights that are pieces of what trainings left: cut out, widened by copies, turned, or put side by side.

So a network is made smaller by leaving filters out, or larger by copying them. A piece has its numbers in the rows and
columns of another weight: to have them anywhere in it would be no sign, as it may have a number near to any.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from . import motion, prints

LARGEST, NUMBERS = 1_000_000, 4_000_000
"""Numbers of a weight that is remembered, and in all of them: the oldest are forgotten."""
FEWEST = 30
"""Figures that a piece has in common with its source."""
HALF = 0.5
"""Of the figures in common, that stand so: a few are there by chance, and of what is no piece nearly all."""


@dataclass
class Grafts:
    _left: deque[tuple[int, prints.Array]] = field(default_factory=deque)
    """Number of a training, and a weight that it left."""
    _numbers: int = 0

    def keep(self, number: int, weight: prints.Array) -> None:
        if weight.ndim < 2 or not FEWEST <= weight.size <= LARGEST:
            return
        self._left.append((number, np.array(weight, np.float32)))
        self._numbers += weight.size
        while self._numbers > NUMBERS:
            self._numbers -= self._left.popleft()[1].size

    def rest(self, weight: prints.Array) -> tuple[prints.Array, float, set[int]]:
        """Figures of a weight that stand in no such way in what a training left, their share, and the trainings that
        left others."""
        places = motion.places(weight)
        own = weight.reshape(-1)[places].astype(np.float32)
        known, sources = own == 0, set[int]()
        for number, other in self._left:
            if other.ndim == weight.ndim and not known.all():
                found = _pieces(own, places, weight, other) & ~known
                sources |= {number for _ in range(int(found.sum()) >= FEWEST)}
                known |= found & (number in sources)
        return own[~known].astype(np.float64), float(np.mean(~known)), sources


def _pieces(own: prints.Array, places: prints.Array, weight: prints.Array, other: prints.Array) -> prints.Array:
    """Which figures stand in the other weight, those of a row in one row and of a column in one column, or turned."""
    values, which = np.unique(own, return_inverse=True)
    flat = other.reshape(-1)
    nearest = np.searchsorted(values, flat).clip(max=len(values) - 1)
    there = np.full(len(values), -1)
    hits = np.flatnonzero(values[nearest] == flat)
    there[nearest[hits]] = hits
    place = there[which]
    found: prints.Array = place >= 0
    if found.sum() < FEWEST:
        return np.zeros(len(own), bool)
    here, away = np.unravel_index(places[found], weight.shape), np.unravel_index(place[found], other.shape)
    for turned in (away, away[::-1]):
        fits = np.logical_and.reduce([_in_step(one, two) for one, two in zip(here, turned, strict=True)])
        if fits.sum() >= max(FEWEST, HALF * found.sum()):
            found[found] = fits
            return found
    return np.zeros(len(own), bool)


def _in_step(here: prints.Array, away: prints.Array) -> prints.Array:
    """Those of a row here whose row there is the one of most of these."""
    pairs, counts = np.unique(np.stack([here, away]), axis=1, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the most frequent is written last
    usual = np.zeros(int(here.max()) + 1, int)
    usual[pairs[0][order]] = pairs[1][order]
    return np.asarray(usual[here] == away)

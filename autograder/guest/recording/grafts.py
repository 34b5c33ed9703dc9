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
MIXED, REST = 10, 0.01
"""Latest weights of one shape of which one may be a sum, each with a factor of its own, and how much of its size may be
left over: it has many more figures than there are factors, and what is no sum of these leaves nearly all."""
HALF = 0.5
"""Of the figures in common, that stand so: a few are there by chance, and of what is no piece nearly all."""


@dataclass
class Source:
    """A weight that a training left."""

    number: int
    weight: prints.Array
    order: prints.Array | None = None
    """Of its numbers by size, once it was looked for any: nearly all runs look for none."""

    def places(self, figures: prints.Array) -> prints.Array:
        """Where they stand in it; -1 for none."""
        flat = self.weight.reshape(-1)
        if self.order is None:
            self.order = np.argsort(flat).astype(np.int32)
        nearest = self.order[np.searchsorted(flat, figures, sorter=self.order).clip(max=flat.size - 1)]
        return np.where(flat[nearest] == figures, nearest, -1)


@dataclass
class Grafts:
    _left: deque[Source] = field(default_factory=deque)
    _numbers: int = 0

    def keep(self, number: int, weight: prints.Array) -> None:
        if weight.ndim < 2 or not FEWEST <= weight.size <= LARGEST:
            return
        self._left.append(Source(number, np.array(weight, np.float32)))
        self._numbers += weight.size
        while self._numbers > NUMBERS:
            self._numbers -= self._left.popleft().weight.size

    def mixed(self, weight: prints.Array) -> set[int]:
        """The trainings of whose weights it is a mean, or another sum; none where it is not."""
        alike = [source for source in self._left if source.weight.shape == weight.shape][-MIXED:]
        own = motion.some(weight)
        if not alike or len(own) < FEWEST * len(alike):
            return set()
        others = np.stack([motion.some(source.weight) for source in alike], axis=1)
        factors = np.linalg.lstsq(others, own, rcond=None)[0]
        left = float(np.linalg.norm(own - others @ factors))
        if left > REST * float(np.linalg.norm(own)):
            return set()
        return {source.number for source, factor in zip(alike, factors, strict=True) if abs(factor) > REST}

    def rest(self, weight: prints.Array) -> tuple[prints.Array, float, set[int]]:
        """Figures of a weight that stand in no such way in what a training left, their share, and the trainings that
        left others."""
        places = motion.places(weight)
        own = weight.reshape(-1)[places].astype(np.float32)
        known, sources = own == 0, set[int]()
        for source in self._left:
            if source.weight.ndim == weight.ndim and not known.all():
                found = _piece(own, places, weight, source) & ~known
                if found.sum() >= FEWEST:
                    known |= found
                    sources.add(source.number)
        return own[~known].astype(np.float64), float(np.mean(~known)), sources


def _piece(own: prints.Array, places: prints.Array, weight: prints.Array, source: Source) -> prints.Array:
    """Which figures stand in it, those of a row in one row and those of a column in one column, or turned."""
    place = source.places(own)
    found: prints.Array = place >= 0
    if found.sum() >= FEWEST:
        here = np.unravel_index(places[found], weight.shape)
        away = np.unravel_index(place[found], source.weight.shape)
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

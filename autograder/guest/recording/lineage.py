"""Which earlier trainings of other models had learnt the weights that a training begins with.

An encoder that was trained to give back its images is a part of the classifier made of it; a copy, a file that was
loaded and layers that two models share come to the same: the numbers are those that the earlier training left.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from ..things import Thing
from . import models

MOST = 100_000
"""Weights in all."""
Digests = frozenset[str]


@dataclass
class Lineage:
    """What each training left, by the digests of its weights."""

    _left: dict[str, int] = field(default_factory=dict)
    """Digest of a weight -> number of the training that learnt it."""
    _learnt: dict[int, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    """Number of a training -> its model, and what that began with."""

    def begin(self, number: int, model_id: str, model: Thing) -> tuple[tuple[int, ...], Digests]:
        """The trainings of other models that learnt some of its weights, and all its weights as they are now."""
        now = _digests(model)
        found: set[int] = set()
        for earlier in {self._left[digest] for digest in now & self._left.keys()}:
            other, before = self._learnt.get(earlier, (model_id, ()))
            found |= {earlier} if other != model_id else set(before)
        sources = tuple(sorted(found))
        self._learnt[number] = (model_id, sources)
        return sources, now

    def end(self, number: int, model_id: str, model: Thing, before: Digests) -> None:
        """Its weights, without those that it left as they were."""
        self._learnt.setdefault(number, (model_id, ()))
        for digest in _digests(model) - before:
            if len(self._left) < MOST:
                self._left.setdefault(digest, number)


def _digests(model: Thing) -> Digests:
    """Of what has two dimensions or more: biases and statistics begin alike in every model."""
    if not getattr(model, "built", False) or models.parameters(model) > models.WEIGHED:
        return frozenset()
    arrays = (np.ascontiguousarray(np.asarray(one)) for one in model.weights if len(one.shape) >= 2)
    return frozenset(
        hashlib.sha256(f"{one.shape} {one.dtype} ".encode() + one.tobytes()).hexdigest()[:24]
        for one in arrays
        if one.size and one.min() < one.max()
    )

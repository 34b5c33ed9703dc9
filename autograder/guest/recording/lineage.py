"""Which earlier trainings of other models had learnt the weights that a training begins with.

An encoder that was trained to give back its images is a part of the classifier made of it; a copy, a file that was
loaded and layers that two models share come to the same: the numbers are those that the earlier training left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from ..things import Thing
from . import fresh, grafts, models, motion, pools, prints
from .grafts import Grafts

MOST = 100_000
"""Weights in all."""
COMPARED, AKIN = 200, 2 / 3
"""Weights of one shape that others are held against, and the share of signs that must be those of one: of strangers
half are; what was averaged, rounded or pruned, or kept from the midst of a training, keeps nearly all."""
Digests = frozenset[str]
Signs = tuple[tuple[int, ...], prints.Array]
"""Shape of a weight, and where it is positive, eight figures in a byte."""


@dataclass
class Lineage:
    """What each training left, by the digests of its weights."""

    _left: dict[str, int] = field(default_factory=dict)
    """Digest of a weight -> number of the training that learnt it."""
    _learnt: dict[int, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    """Number of a training -> its model, and what that began with."""
    _signs: dict[tuple[int, ...], list[prints.Array]] = field(default_factory=dict)
    """Of weights that trainings left, by their shape."""
    _brought: list[Signs] = field(default_factory=list)
    """Of weights that nothing here had learnt when a training began with them."""
    _grafts: Grafts = field(default_factory=Grafts)

    def begin(self, number: int, model_id: str, model: Thing) -> tuple[tuple[int, ...], Digests]:
        """The trainings of other models that learnt some of its weights, and all its weights as they are now."""
        now = {_digest(weight): weight.ndim for weight in _weights(model)}
        # What centres an array is one row, and no model learnt it.
        known = {self._left[digest] for digest, depth in now.items() if depth > 1 and digest in self._left}
        return self.descends(number, model_id, known), frozenset(now)

    def descends(self, number: int, model_id: str, known: Set[int]) -> tuple[int, ...]:
        """The trainings of other models among these, and those from which the same model's descend."""
        found = set(self._learnt.get(number, (model_id, ()))[1])
        for earlier in known:
            other, before = self._learnt.get(earlier, (model_id, ()))
            found |= {earlier} if other != model_id else set(before)
        self._learnt[number] = (model_id, tuple(sorted(found)))
        return self._learnt[number][1]

    def brought(self, model: Thing, learning: Sequence[Thing] = (), before: Sequence[prints.Array] = ()) -> int:
        """Numbers among its weights that neither its layers drew nor an earlier training left, not even nearly so."""
        return self.strange(model, learning, before)[0]

    def strange(
        self, model: Thing, learning: Sequence[Thing] = (), before: Sequence[prints.Array] = ()
    ) -> tuple[int, set[int]]:
        """The same, and the trainings of whose weights it has pieces.

        ``learning``: models that are being trained, whose weights it may share or average; ``before``: its own weights
        before a change, of which alone it is asked.
        """
        same = {
            id(one) for one, old in zip(model.weights, before, strict=False) if np.array_equal(np.asarray(one), old)
        }
        same |= {key for one in learning for key in models.variables(one)}
        known = [_positive(weight) for one in learning for weight in _weights(one)]
        known += [_positive(weight) for weight in before]
        others = [
            (weight, initializer)
            for weight, initializer in fresh.weights(model, same)
            if _digest(weight) not in self._left and not self._excused(weight, known)
        ]
        suspects = [one for one in others if fresh.many(one[0]) and not fresh.drawn(*one)]
        small, sources = self._small([one for one in others if not fresh.many(one[0])])
        numbers = float(sum(weight.size for weight in small))
        self._mark(small)
        for weight, initializer in suspects:
            if mixed := self._grafts.mixed(weight):
                sources |= mixed
                continue
            rest, share, found = self._grafts.rest(weight)
            sources |= found
            if not found or not fresh.drawn(weight, initializer, rest):
                numbers += weight.size * (share if found else 1)
                self._mark([weight])
        return round(numbers), sources

    def _small(self, others: Sequence[pools.Drawn]) -> tuple[list[prints.Array], set[int]]:
        """Of those of few numbers each, which were brought, and the trainings of which others are pieces."""
        found = pools.strange(others)
        pieces = [self._grafts.rest(weight)[2] for weight, _ in found]
        if sources := set[int]().union(*pieces):
            own = zip(found, pieces, strict=True)
            found = pools.strange(one for one, piece in own if not piece and one[0].size >= grafts.FEWEST)
        return [weight for weight, _ in found], sources

    def _excused(self, weight: prints.Array, known: Sequence[Signs]) -> bool:
        """Whether a training left it nearly so, and had not been brought it."""
        brought = [signs for signs in self._brought if signs[0] == weight.shape]
        return not _akin(weight, brought) and _akin(weight, [*self._signs_of(weight.shape), *known])

    def _signs_of(self, shape: tuple[int, ...]) -> Iterator[Signs]:
        return ((shape, signs) for signs in self._signs.get(shape, ()))

    def _mark(self, weights: Iterable[prints.Array]) -> None:
        """They stay what was brought, whatever training they pass through."""
        self._brought = [*self._brought, *(_positive(weight) for weight in weights)][-COMPARED:]

    def end(self, number: int, model_id: str, model: Thing, before: Digests) -> None:
        """Its weights, without those that it left as they were."""
        self._learnt.setdefault(number, (model_id, ()))
        for weight in _weights(model):
            if (digest := _digest(weight)) in before or digest in self._left or len(self._left) >= MOST:
                continue
            self._left[digest] = number
            self._grafts.keep(number, weight)
            shape, signs = _positive(weight)
            known = self._signs.setdefault(shape, [])
            known[:] = [*known[-COMPARED + 1 :], signs]


def _akin(weight: prints.Array, others: Iterable[Signs]) -> bool:
    own = motion.some(weight)
    some = own != 0  # the others may have been pruned
    if not some.any():
        return False
    alike = (np.unpackbits(signs, count=len(own))[some] for shape, signs in others if shape == weight.shape)
    return any(np.mean((own > 0)[some] == one) >= AKIN for one in alike)


def _positive(weight: prints.Array) -> Signs:
    return weight.shape, np.packbits(motion.some(weight) > 0)


def _digest(weight: prints.Array) -> str:
    head = f"{weight.shape} {weight.dtype} ".encode()
    return hashlib.sha256(head + np.ascontiguousarray(weight).tobytes()).hexdigest()[:24]


def _weights(model: Thing) -> list[prints.Array]:
    """Not what is all one number, as biases and statistics are that begin, nor few of these, which may end alike."""
    arrays = (np.asarray(one) for one in models.weighed(model) if len(one.shape) >= 2 or fresh.many(one))
    return [one for one in arrays if one.size and one.min() < one.max()]

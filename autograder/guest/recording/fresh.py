"""Whether weights are as their layers draw them: what is not was learnt, or set by the code.

A second draw by the same initializer, with a seed of its own so that no other stream moves, shows what they would be.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from typing import Any

import numpy as np

from ..things import Thing
from . import models, motion, prints, streams

FEWEST = 200
"""Numbers of a weight: of fewer chance may make anything."""
APART, BY_CHANCE = 0.06, 2.3
"""Largest distance of two distributions that are one, and, times sqrt(1/n + 1/m), of two samples of n and m figures: of
twenty thousand pairs that were drawn alike one is so far apart."""
OUTSIDE, BEYOND = 0.02, 0.025
"""Share of figures beyond all that are drawn, which have a limit, and how far beyond, by what lies between these."""
ALIGNED, SIDE = 1.3, 128
"""How much stronger the strongest pattern may be than in a second draw, of as many rows and columns as are looked at:
numbers that are drawn one by one come to 1.2 at most; those that were learnt keep 1.6 where each was exchanged for the
drawn one that has its place in the order of their sizes."""
AGAIN = 0.5
"""Correlation from which on a second draw is the same numbers again: nothing was drawn."""
_ENDING = "_initializer"


def weights(model: Thing, without: Container[int] = ()) -> Iterator[tuple[prints.Array, Thing]]:
    """Those of Keras' layers, without biases of few numbers, each with its initializer; ``without``: identities."""
    unseen = models.variables(model) - {id(one) for one in models.weighed(model)}
    layers: Any = model
    for layer in layers._flatten_layers(include_self=False) if hasattr(model, "_flatten_layers") else ():
        for name, initializer in list(vars(layer).items()):
            weight = _weight(layer, name.removesuffix(_ENDING)) if name.endswith(_ENDING) else None
            if id(weight) in unseen or id(weight) in without:
                continue
            if many(weight) or len(getattr(weight, "shape", ())) > 1:
                yield np.asarray(weight), _as_used(layer, initializer)


def _as_used(layer: Thing, initializer: Thing) -> Thing:
    """A layer with an equation, as attention has four of, tells it which axes of its kernel are summed over."""
    kernel = str(getattr(layer, "equation", "")).partition("->")[0].partition(",")[2].strip()
    settings = initializer.get_config() if kernel and hasattr(initializer, "get_config") else {}
    if settings.get("input_axes", 0) is not None:
        return initializer
    result = layer.equation.partition("->")[2]
    axes: dict[bool, list[int]] = {True: [], False: []}
    for axis, letter in enumerate(kernel):
        axes[letter in result].append(axis)
    return type(initializer).from_config(settings | {"input_axes": axes[False], "output_axes": axes[True]})


def many(weight: Thing) -> bool:
    """Whether they would tell what drew them."""
    sizes: tuple[int, ...] = tuple(getattr(weight, "shape", ()))
    return math.prod(sizes) >= FEWEST


def drawn(weight: prints.Array, initializer: Thing, figures: prints.Array | None = None) -> bool:
    """Also true of constants; ``figures``: those of its figures of which alone it is asked."""
    own = motion.some(weight) if figures is None else figures
    two = weight.ndim == 1 or "Identity" in type(initializer).__name__  # zeros, and ones for the gate that forgets
    if len(np.unique(own)) <= 1 + two:
        return True
    if not plain(initializer):
        return False
    few = -(-motion.FIGURES // len(own))  # are drawn several times: the second is to be no chance
    others = [again(initializer, weight.shape, streams.ELSEWHERE + draw) for draw in range(few)]
    samples = [motion.some(one) for one in others]
    if figures is None and any(_correlation(own, one) > AGAIN for one in samples):
        return False
    left = own[own != 0]  # a mask lies over some: a random one, or the one of another network's ticket
    other = np.concatenate(samples)
    near = alike(np.sort(left), np.sort(other[other != 0]))
    return near and (figures is not None or not _aligned(weight, others))


def plain(initializer: Thing) -> bool:
    """Whether it is Keras' own, and draws: others are a table, or code of the notebook's own."""
    known = str(type(initializer).__module__).startswith(("keras.", "tf_keras.", "tensorflow.python."))
    return known and hasattr(initializer, "get_config") and "seed" in initializer.get_config()


def again(initializer: Thing, shape: tuple[int, ...], seed: int) -> prints.Array:
    """Drawn another time; not by the notebook's own seed, which would draw its numbers."""
    twin = type(initializer).from_config(initializer.get_config() | {"seed": seed})
    return np.asarray(twin(shape, dtype="float32"))


def _correlation(own: prints.Array, other: prints.Array) -> float:
    return float(np.corrcoef(own, other)[0, 1]) if own.std() and other.std() else 0.0


def _aligned(weight: prints.Array, others: Sequence[Thing]) -> bool:
    """Whether columns have more in common than those of numbers that know nothing of each other."""
    return _strongest(weight) > ALIGNED * float(np.mean([_strongest(np.asarray(other)) for other in others]))


def _strongest(weight: prints.Array) -> float:
    """Share of all there is in a matrix that its first pattern makes up."""
    matrix = np.asarray(weight, np.float64).reshape(-1, weight.shape[-1])
    matrix = matrix[:: -(-matrix.shape[0] // SIDE), :: -(-matrix.shape[1] // SIDE)]
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    squares = matrix.T @ matrix
    return math.sqrt(max(0.0, float(np.linalg.eigvalsh(squares)[-1])) / max(float(np.trace(squares)), 1e-24))


def alike(own: prints.Array, other: prints.Array) -> bool:
    """Whether two samples, sorted, may be of one distribution."""
    both = np.concatenate([own, other])
    shares = (np.searchsorted(one, both, "right") / len(one) for one in (own, other))
    apart = float(np.abs(next(shares) - next(shares)).max())
    beyond = BEYOND * (other[-1] - other[0])
    outside = float(np.mean((own < other[0] - beyond) | (own > other[-1] + beyond)))
    chance = BY_CHANCE * math.sqrt(1 / len(own) + 1 / len(other))
    return apart <= max(APART, chance) and outside <= OUTSIDE


def _weight(layer: Thing, name: str) -> Thing:
    """``kernel`` by its name, ``embeddings`` behind a property, ``depthwise_kernel``, which some call ``kernel`` only.

    Others have nothing by this name where they were made without it: a convolution with ``use_bias=False``.
    """
    further = ("kernel",) if name == "depthwise" else ()
    for one in (f"_{name}", name, f"{name}_kernel", *further):
        if hasattr(getattr(layer, one, None), "shape"):
            return getattr(layer, one)
    return None

"""Whether weights are as their layers draw them: what is not was learnt, or set by the code.

A second draw by the same initializer, with a seed of its own so that no other stream moves, shows what they would be.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from typing import Any

import numpy as np

from ..things import Thing
from . import models, motion, prints

FEWEST = 200
"""Numbers of a weight: of fewer chance may make anything."""
APART, BY_CHANCE = 0.06, 2.3
"""Largest distance of two distributions that are one, and of how few figures chance makes it larger: times the root of
two by their number; of twenty thousand pairs that were drawn alike one is so far apart."""
OUTSIDE = 0.02
"""Share of figures beyond all that are drawn, which have a limit."""
_ENDING = "_initializer"


def weights(model: Thing, without: Container[int] = ()) -> Iterator[tuple[prints.Array, Thing]]:
    """Those of Keras' layers that are many numbers, each with its initializer; ``without``: identities."""
    if not getattr(model, "built", False) or models.parameters(model) > models.WEIGHED:
        return
    layers: Any = model
    for layer in layers._flatten_layers(include_self=False):
        for name, initializer in list(vars(layer).items()):
            weight = _weight(layer, name.removesuffix(_ENDING)) if name.endswith(_ENDING) else None
            if many(weight) and id(weight) not in without:
                yield np.asarray(weight), initializer


def many(weight: Thing) -> bool:
    """Whether they would tell what drew them."""
    sizes: tuple[int, ...] = tuple(getattr(weight, "shape", ()))
    return math.prod(sizes) >= FEWEST


def drawn(weight: prints.Array, initializer: Thing) -> bool:
    """Also true of constants and of what is not known."""
    own = np.sort(motion.some(weight))
    plain = weight.ndim == 1 or "Identity" in type(initializer).__name__  # zeros, and ones for the gate that forgets
    if len(np.unique(own)) <= 1 + plain:
        return True
    settings = initializer.get_config() if hasattr(initializer, "get_config") else {}
    known = str(type(initializer).__module__).startswith(("keras.", "tf_keras."))
    if not known or "seed" not in settings:  # a table, or code of the notebook's own
        return False
    other = type(initializer).from_config(settings | {"seed": 1})(weight.shape, dtype="float32")
    return _alike(own, np.sort(motion.some(other)))


def _alike(own: prints.Array, other: prints.Array) -> bool:
    both = np.concatenate([own, other])
    shares = (np.searchsorted(one, both, "right") / len(one) for one in (own, other))
    apart = float(np.abs(next(shares) - next(shares)).max())
    low, high = 1.05 * other[0], 1.05 * other[-1]
    outside = float(np.mean((own < low) | (own > high)))
    return apart <= max(APART, BY_CHANCE * math.sqrt(2 / len(own))) and outside <= OUTSIDE


def _weight(layer: Thing, name: str) -> Thing:
    """``kernel`` by its name, ``embeddings`` behind a property, ``depthwise_kernel``, or the only kernel there is."""
    for one in (f"_{name}", name, f"{name}_kernel", "kernel"):
        if hasattr(getattr(layer, one, None), "shape"):
            return getattr(layer, one)
    return None

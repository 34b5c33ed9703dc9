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
"""Largest distance of two distributions that are one, and, times sqrt(1/n + 1/m), of two samples of n and m figures: of
twenty thousand pairs that were drawn alike one is so far apart."""
OUTSIDE, BEYOND = 0.02, 0.025
"""Share of figures beyond all that are drawn, which have a limit, and how far beyond, by what lies between these."""
_ENDING = "_initializer"


def weights(model: Thing, without: Container[int] = ()) -> Iterator[tuple[prints.Array, Thing]]:
    """Those of Keras' layers that are many numbers, each with its initializer; ``without``: identities."""
    unseen = models.variables(model) - {id(one) for one in models.weighed(model)}
    layers: Any = model
    for layer in layers._flatten_layers(include_self=False) if hasattr(model, "_flatten_layers") else ():
        for name, initializer in list(vars(layer).items()):
            weight = _weight(layer, name.removesuffix(_ENDING)) if name.endswith(_ENDING) else None
            if many(weight) and id(weight) not in unseen and id(weight) not in without:
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
    own = np.sort(motion.some(weight) if figures is None else figures)
    plain = weight.ndim == 1 or "Identity" in type(initializer).__name__  # zeros, and ones for the gate that forgets
    if len(np.unique(own)) <= 1 + plain:
        return True
    settings = initializer.get_config() if hasattr(initializer, "get_config") else {}
    known = str(type(initializer).__module__).startswith(("keras.", "tf_keras.", "tensorflow.python."))
    if not known or "seed" not in settings:  # a table, or code of the notebook's own
        return False
    draws = range(1, 1 + -(-motion.FIGURES // len(own)))  # of few figures several times: the second is to be no chance
    others = [type(initializer).from_config(settings | {"seed": seed})(weight.shape, dtype="float32") for seed in draws]
    left = own[own != 0]  # a mask lies over some: a random one, or the one of another network's ticket
    other = np.concatenate([motion.some(one) for one in others])
    return _alike(left, np.sort(other[other != 0]))


def _alike(own: prints.Array, other: prints.Array) -> bool:
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
    for one in (f"_{name}", name, f"{name}_kernel", *("kernel" for _ in range(name == "depthwise"))):
        if hasattr(getattr(layer, one, None), "shape"):
            return getattr(layer, one)
    return None

"""Weights of few numbers each, held together against what their layers draw: of one alone chance may make anything."""

from __future__ import annotations

import functools
import json
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..things import Thing
from . import fresh, prints, streams

FIGURES, DRAWS = 4000, 16
"""Of a second draw in all, to hold others against, and how often each weight is drawn for them at most."""
SIZED, KEPT = 600, 400
"""Figures by which a size is known to three hundredths, and shapes whose draws are kept for further models."""
SHAPES = 1 << 28
"""Seeds to begin with, of which each shape has one."""
_PLACES = ("seed", "input_axes", "output_axes")
"""Settings that tell nothing of the shape of a distribution."""

Drawn = tuple[prints.Array, Thing]
"""A weight and its initializer."""


def strange(weights: Iterable[Drawn]) -> list[Drawn]:
    """Those that were not drawn, nor are constant: of each kind, as many as the others are as drawn without.

    None where all of a kind are too few to tell.
    """
    groups: dict[str, list[Drawn]] = defaultdict(list)
    for weight, initializer in weights:
        if weight.min() < weight.max():
            groups[_kind(initializer)].append((weight, initializer))
    told = (group for group in groups.values() if sum(weight.size for weight, _ in group) >= fresh.FEWEST)
    return [one for group in told for one in (_apart(group) if fresh.plain(group[0][1]) else group)]


def _kind(initializer: Thing) -> str:
    return f"{type(initializer)} {_settings(initializer, *_PLACES)}"


def _settings(initializer: Thing, *without: str) -> str:
    settings = initializer.get_config() if fresh.plain(initializer) else {}
    return json.dumps({name: value for name, value in settings.items() if name not in without}, sort_keys=True)


def _apart(group: Sequence[Drawn]) -> list[Drawn]:
    sizes, other = _sizes(group)
    own = [weight.reshape(-1) / size for (weight, _), size in zip(group, sizes, strict=True)]
    # The least like what is drawn goes first.
    order = sorted(range(len(group)), key=lambda at: _distance(own[at], other) * math.sqrt(own[at].size))
    for kept in range(len(order), 0, -1):
        left = np.concatenate([own[at] for at in order[:kept]])
        if fresh.alike(np.sort(left[left != 0]), other):
            return [group[at] for at in order[kept:]]
    return list(group)


def _sizes(group: Sequence[Drawn]) -> tuple[list[float], prints.Array]:
    """By which each is measured, so that all are of one distribution, whatever their shapes; and a sample of it."""
    draws = min(DRAWS, math.ceil(FIGURES / sum(weight.size for weight, _ in group)))
    kinds = [(one.shape, type(maker).from_config, _settings(maker, "seed")) for one, maker in group]
    sizes, other = {}, []
    for kind, count in Counter(kinds).items():
        wanted = max(SIZED / math.prod(kind[0]), draws * count)
        again = _again(*kind, math.ceil(wanted / DRAWS))
        sizes[kind] = float(again.std()) or 1.0
        other.append(again[: draws * count].reshape(-1) / sizes[kind])
    return [sizes[kind] for kind in kinds], np.sort(np.concatenate(other))


def _distance(own: prints.Array, other: prints.Array) -> float:
    """Of two distributions, the second one sorted (Kolmogorov and Smirnov), and what lies beyond that."""
    shares = np.searchsorted(other, np.sort(own), "right") / len(other)
    steps = np.arange(len(own) + 1) / len(own)
    beyond = np.mean((own < other[0]) | (own > other[-1]))
    return float(max(np.abs(shares - steps[1:]).max(), np.abs(shares - steps[:-1]).max()) + beyond)


@functools.lru_cache(maxsize=KEPT)
def _again(shape: tuple[int, ...], make: Callable[[dict[str, Any]], Any], settings: str, count: int) -> prints.Array:
    """So many times ``DRAWS`` draws, of numbers that are no other shape's."""
    first = streams.ELSEWHERE + zlib.crc32(repr(shape).encode()) % SHAPES
    initializers = (make(json.loads(settings)) for _ in range(count * DRAWS))
    return np.stack([fresh.again(one, shape, first + seed) for seed, one in enumerate(initializers)])

"""How far a training has moved the weights that it may change."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..things import Thing
from . import models, prints

FIGURES = 4096
"""Of each weight, as many figures are looked at, spread over it."""

Before = list[prints.Array]


def taken(model: Thing) -> Before | None:
    """Figures of the weights before a training; None where there are none yet, or so many that it would be felt."""
    if not getattr(model, "built", False) or models.parameters(model) > models.WEIGHED:
        return None
    return [some(weight) for weight in model.trainable_variables] or None


def moved(before: Before | None, model: Thing) -> float | None:
    """The largest of the weights' moves, by what is typical for their size; None where it is not known.

    A weight that began at 0, as biases do, is measured by the others.
    """
    after = [some(weight) for weight in model.trainable_variables] if before else []
    if not before or [one.shape for one in before] != [one.shape for one in after]:
        return None
    usual = _typical(np.concatenate(before))
    moves = [_typical(new - old) / max(usual, _typical(old), 1e-12) for old, new in zip(before, after, strict=True)]
    return prints.finite(max(moves))


def some(weight: Thing) -> prints.Array:
    """Its figures, or as many of them as are looked at."""
    flat: Any = np.asarray(weight).reshape(-1)
    return np.array(flat[places(flat)], np.float64)


def places(weight: prints.Array) -> prints.Array:
    """Where these stand."""
    return np.arange(0, weight.size, max(1, -(-weight.size // FIGURES)))


def _typical(figures: prints.Array) -> float:
    return float(np.sqrt(np.mean(np.square(figures)))) if figures.size else 0.0

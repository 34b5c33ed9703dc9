"""Infer the preprocessing of a notebook by comparing what it fed to a model with the raw images.

Nothing is read from the code: a sample of the rows that reached ``fit``, ``evaluate`` or ``predict`` is laid beside the
images that were served, and the simplest recipe that turns these into those is searched, shape first, then values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.extraction.likeness import look_up
from autograder.extraction.shapes import Geometry, Steps, geometries
from autograder.extraction.values import TOLERANCE, affine, by_image, by_value, some
from autograder.preprocessing import Floats, Step, apply

Pixels: TypeAlias = npt.NDArray[np.uint8]
Rows: TypeAlias = npt.NDArray[np.intp]
Doubles: TypeAlias = npt.NDArray[np.float64]

BYTE_TOLERANCE = 3e-2
"""Of ``TOLERANCE``'s kind, where a library resized bytes and rounded between its passes; the mean stays below
``TOLERANCE``."""


@dataclass(frozen=True, slots=True)
class Recipe:
    steps: Steps
    residual: float
    """Largest absolute difference between the recipe's result and the explained rows of the sample."""
    found: tuple[int, ...]
    """For each row of the sample, the row of ``raw`` that explains it; -1 when none does."""


def infer(
    sample: Floats,
    rows: Sequence[int],
    raw: Pixels,
    *,
    in_order: bool = True,
    search: bool = True,
    share: float = 1.0,
    population: Pixels | None = None,
) -> Recipe | None:
    """The simplest recipe that explains the sample, or None.

    ``sample`` is (rows, ...) as fed to the model. With ``in_order`` row i is first supposed to be ``raw[rows[i]]``;
    with ``search`` each row's image is then looked for among all of ``raw``, which survives shuffles, splits and
    subsets, and at least ``share`` of the rows must be explained. ``population`` (default: ``raw``) gives the
    statistics of pixels that are constant in the sample, when each pixel was scaled by its own.
    """
    if len(sample) == 0 or not np.isfinite(sample).all() or sample.min() == sample.max():
        return None
    population = raw if population is None else population
    ways = list(geometries(raw.shape[1:], sample.shape[1:]))
    numbers = np.asarray(rows, dtype=np.intp)
    if in_order and len(numbers) == len(sample) and len(numbers) and 0 <= numbers.min() <= numbers.max() < len(raw):
        recipe = _explain(sample, numbers, raw, ways, population, 1.0)
        if recipe is not None:
            return recipe
    if not search:
        return None
    for guess in look_up(sample, raw):
        recipe = _explain(sample, guess, raw, ways, population, share)
        if recipe is not None:
            return recipe
    return None


def residual(steps: Sequence[Step], sample: Floats, images: Pixels) -> float | None:
    """Largest absolute difference between the steps' result and a sample of these images; None for other shapes."""
    made = apply(steps, images)
    return float(np.abs(made - sample).max()) if made.shape == sample.shape else None


def explains(steps: Sequence[Step], sample: Floats, images: Pixels) -> bool:
    """Whether known steps turn ``images`` into ``sample``."""
    difference = residual(steps, sample, images)
    return difference is not None and difference <= TOLERANCE * float(np.ptp(sample))


# --- one supposition about the rows --------------------------------------------------------------------------------


def _explain(
    sample: Floats,
    rows: Rows,
    raw: Pixels,
    ways: Sequence[Geometry],
    population: Pixels,
    share: float,
) -> Recipe | None:
    images = raw[rows]
    for geometry in ways:
        for steps, tolerance in _candidates(sample, images, geometry, population, share):
            recipe = _judged(steps, sample, images, rows, tolerance, share)
            if recipe is not None:
                return recipe
    return None


def _judged(steps: Steps, sample: Floats, images: Pixels, rows: Rows, tolerance: float, share: float) -> Recipe | None:
    made = apply(steps, images)
    if made.shape != sample.shape:
        return None
    difference = np.abs(made - sample).reshape(len(sample), -1)
    worst, size = difference.max(axis=1), float(np.ptp(sample))
    explained = (worst <= tolerance * size) & (difference.mean(axis=1) <= TOLERANCE * size)
    if explained.sum() < max(1.0, share * len(sample)):
        return None
    found = np.where(explained, rows, -1)
    return Recipe(steps, float(worst[explained].max()), tuple(int(row) for row in found))


def _candidates(
    sample: Floats, images: Pixels, geometry: Geometry, population: Pixels, share: float
) -> Iterator[tuple[Steps, float]]:
    """Whole recipes with the tolerance each may claim, simplest first."""
    shaped, core = apply(geometry.steps, images).astype(np.float64), geometry.core(sample).astype(np.float64)
    if shaped.shape != core.shape:
        return
    if share < 1.0:
        agreeing = _agreeing(shaped, core)
        images, shaped, core = images[agreeing], shaped[agreeing], core[agreeing]
    border = _border(sample, geometry)
    for value in by_value(shaped, core, geometry, population):
        yield (*geometry.steps, *value, *border), TOLERANCE
    if geometry.resized:
        rounded: Step = {"op": "whole", "values": {}}
        for value in some(affine(np.clip(np.rint(shaped), 0, 255), core)):
            yield (*geometry.steps, rounded, *value, *border), BYTE_TOLERANCE
    else:
        yield from (((*steps, *border), TOLERANCE) for steps in by_image(images, core, geometry))


def _agreeing(shaped: Doubles, core: Doubles) -> Rows:
    """The half of the rows that correlate best with their images: what is fitted where some rows may not belong."""
    x, s = (array.reshape(len(array), -1) for array in (shaped, core))
    x, s = (array - array.mean(axis=1, keepdims=True) for array in (x, s))
    size = np.sqrt((x**2).sum(axis=1) * (s**2).sum(axis=1))
    agreement = np.abs((x * s).sum(axis=1)) / np.where(size == 0, 1, size)
    return np.argsort(-agreement, kind="stable")[: max(2, len(shaped) // 2)]


def _border(sample: Floats, geometry: Geometry) -> Steps:
    if geometry.pad is None:
        return ()
    corner = sample[(slice(None), *((0 if before else -1) for before, _ in geometry.pad["values"]["widths"]))]
    return ({"op": "pad", "values": {**geometry.pad["values"], "value": float(np.median(corner))}},)

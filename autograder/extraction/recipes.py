"""Infer the preprocessing of a notebook by comparing what it fed to a model with the raw images.

Nothing is read from the code: a sample of the rows that reached ``fit``, ``evaluate`` or ``predict`` is laid beside the
images that were served, and the simplest recipe that turns these into those is searched, shape first, then values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

from autograder.extraction.likeness import look_up
from autograder.extraction.shapes import Geometry, Shape, Steps, geometries, squares
from autograder.extraction.values import TOLERANCE, affine, by_image, by_value, some
from autograder.preprocessing import MAX_VALUES, PAD_MODES, Floats, Step, apply

Pixels: TypeAlias = npt.NDArray[np.uint8]
Rows: TypeAlias = npt.NDArray[np.intp]
Doubles: TypeAlias = npt.NDArray[np.float64]

BYTE_TOLERANCE = 3e-2
"""Of ``TOLERANCE``'s kind, where a library mixed bytes and rounded or cut the result."""
BYTE_MEAN = 2.5e-3
"""Of their mean: two thirds of a byte's step."""
PLAUSIBLE = 0.02
"""Mean difference, as a share of the range, up to which a geometry of large images is looked at in full."""
SCREENED_ROWS = 4


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
    placed: float = 1.0,
    population: Pixels | None = None,
) -> Recipe | None:
    """The simplest recipe that explains the sample, or None.

    ``sample`` is (rows, ...) as fed to the model. With ``in_order`` row i is first supposed to be ``raw[rows[i]]``, and
    at least ``placed`` of the rows must be; with ``search`` each row's image is then looked for among all of ``raw``,
    which survives shuffles, splits and subsets, and at least ``share`` of the rows must be explained. ``population``
    (default: ``raw``) gives the statistics of pixels that are constant in the sample, when each pixel was scaled by its
    own.
    """
    if len(sample) == 0 or not np.isfinite(sample).all() or sample.min() == sample.max():
        return None
    how: _How = {
        "in_order": in_order,
        "search": search,
        "share": share,
        "placed": placed,
        "population": population,
    }
    if sample.ndim > 2:
        return _inferred(sample, rows, raw, **how)
    shapes = list(squares(sample.shape[1:]))
    if prod(sample.shape[1:]) != prod(raw.shape[1:]):
        return _flattened(sample, rows, raw, shapes, how)
    planes = [shape for shape in shapes if raw.ndim == 4 and shape[0] == 3]
    return _inferred(sample, rows, raw, **how) or _flattened(sample, rows, raw, planes, how)


class _How(TypedDict):
    """How rows of the sample are laid to images, as ``infer`` is told."""

    in_order: bool
    search: bool
    share: float
    placed: float
    population: Pixels | None


def _inferred(
    sample: Floats,
    rows: Sequence[int],
    raw: Pixels,
    *,
    in_order: bool,
    search: bool,
    share: float,
    placed: float,
    population: Pixels | None,
) -> Recipe | None:
    population = raw if population is None else population
    ways = list(geometries(raw.shape[1:], sample.shape[1:]))
    numbers = np.asarray(rows, dtype=np.intp)
    if in_order and len(numbers) == len(sample) and len(numbers) and 0 <= numbers.min() <= numbers.max() < len(raw):
        recipe = _explain(sample, numbers, raw, ways, population, placed)
        if recipe is not None:
            return recipe
    if not search:
        return None
    for guess in look_up(sample, raw):
        recipe = _explain(sample, guess, raw, ways, population, share)
        if recipe is not None:
            return recipe
    return None


def _flattened(sample: Floats, rows: Sequence[int], raw: Pixels, shapes: Sequence[Shape], how: _How) -> Recipe | None:
    """Flat rows that hold square images, in another layout or of another size than the raw ones."""
    for shape in shapes:
        recipe = _inferred(sample.reshape(len(sample), *shape), rows, raw, **how)
        if recipe is not None:
            flat: Step = {"op": "reshape", "values": {"shape": list(sample.shape[1:])}}
            return replace(recipe, steps=(*recipe.steps, flat))
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
    large = prod(sample.shape[1:]) * 2 > MAX_VALUES
    for geometry in ways:
        if large and geometry.resized and not _plausible(sample, images, geometry):
            continue
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
    mean = BYTE_MEAN if tolerance == BYTE_TOLERANCE else TOLERANCE
    explained = (worst <= tolerance * size) & (difference.mean(axis=1) <= mean * size)
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
        yield (*geometry.steps, *value, *border), BYTE_TOLERANCE if geometry.bytes else TOLERANCE
    if geometry.resized and not geometry.bytes:
        rounded: Step = {"op": "whole", "values": {}}
        for value in some(affine(np.clip(np.rint(shaped), 0, 255), core)):
            yield (*geometry.steps, rounded, *value, *border), BYTE_TOLERANCE
    if not any(step["op"] == "resize" for step in geometry.steps):
        yield from (((*steps, *border), TOLERANCE) for steps in by_image(images, core, geometry))


def _agreeing(shaped: Doubles, core: Doubles) -> Rows:
    """The half of the rows that correlate best with their images: what is fitted where some rows may not belong."""
    x, s = (array.reshape(len(array), -1) for array in (shaped, core))
    x, s = (array - array.mean(axis=1, keepdims=True) for array in (x, s))
    size = np.sqrt((x**2).sum(axis=1) * (s**2).sum(axis=1))
    agreement = np.abs((x * s).sum(axis=1)) / np.where(size == 0, 1, size)
    return np.argsort(-agreement, kind="stable")[: max(2, len(shaped) // 2)]


def _plausible(sample: Floats, images: Pixels, geometry: Geometry) -> bool:
    """Whether some of a few rows are near to a linear function of the shaped images, channel by channel."""
    few = apply(geometry.steps, images[:SCREENED_ROWS]).astype(np.float64)
    core = geometry.core(sample)[:SCREENED_ROWS].astype(np.float64)
    if few.shape != core.shape:
        return False
    axis = geometry.channel_axis
    over = tuple(place for place in range(1, core.ndim) if place != axis)
    x, s = few - few.mean(axis=over, keepdims=True), core - core.mean(axis=over, keepdims=True)
    spread = (x * x).sum(axis=over, keepdims=True)
    scale = (x * s).sum(axis=over, keepdims=True) / np.where(spread > 0, spread, 1.0)
    error = np.abs(x * scale - s).reshape(len(core), -1).mean(axis=1)
    return bool((error <= PLAUSIBLE * np.ptp(core)).any())


def _border(sample: Floats, geometry: Geometry) -> Steps:
    """What surrounds the images: one value, else the images continued."""
    if geometry.pad is None:
        return ()
    values = geometry.pad["values"]
    around = [(0, 0), *((before, after) for before, after in values["widths"])]
    corner = sample[(slice(None), *((0 if before else -1) for before, _ in values["widths"]))]
    value = float(np.median(corner))
    core = geometry.core(sample)
    for mode in PAD_MODES if np.abs(np.pad(core, around, constant_values=value) - sample).max() > 0 else ():
        reach = max(max(pair) for pair in around)
        if reach < min(core.shape[1:3]) and np.array_equal(np.pad(core, around, mode=mode), sample):  # type: ignore[call-overload]
            return ({"op": "pad", "values": {**values, "value": value, "mode": mode}},)
    return ({"op": "pad", "values": {**values, "value": value}},)

"""What was done to pixel values, fitted by least squares once the shapes agree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.extraction.shapes import Geometry, Steps
from autograder.preprocessing import MAX_VALUES, Step, apply

Pixels: TypeAlias = npt.NDArray[np.uint8]
Doubles: TypeAlias = npt.NDArray[np.float64]

TOLERANCE = 1e-3
"""Largest difference that counts as equal, as a share of the sample's range: float16 passes, noise does not."""
MIN_ROWS_FOR_MAP = 8
"""Distinct ones: where each image comes several times in a row, a few explain themselves and nothing else."""
MIN_LEVELS = 16
"""Distinct bytes that must be seen before a function of bytes is read off them."""
BLOCK = 8192


def by_value(x: Doubles, s: Doubles, geometry: Geometry, population: Pixels) -> Iterator[Steps]:
    """Steps that may turn ``x`` into ``s``, each value by itself; fitted on even rows, so that odd rows are a test."""
    fit_x, fit_s = x[::2], s[::2]
    yield from some(affine(fit_x, fit_s))
    yield from some(_threshold(x, s))
    if not geometry.resized:
        yield from some(_table(fit_x, fit_s))
    if geometry.channel_axis is not None:
        yield from some(_channels(fit_x, fit_s, geometry.channel_axis))
    if prod(x.shape[1:]) * 2 <= MAX_VALUES and len({row.tobytes() for row in s}) >= MIN_ROWS_FOR_MAP:
        yield from some(_mean_image(fit_x, fit_s))
        if not geometry.resized and geometry.pad is None:
            yield from some(_pixelwise(x, s, geometry, population))


def some(steps: Steps | None) -> Iterator[Steps]:
    if steps is not None:
        yield steps


def _line(x: Doubles, s: Doubles) -> tuple[float, float] | None:
    """Least squares of ``s = scale * x + offset``; None when ``x`` is constant."""
    spread = float(((x - x.mean()) ** 2).mean())
    if spread == 0:
        return None
    scale = float(((x - x.mean()) * (s - s.mean())).mean()) / spread
    return scale, float(s.mean() - scale * x.mean())


def affine(x: Doubles, s: Doubles) -> Steps | None:
    line = _line(x, s)
    if line is None or line[0] == 0:
        return None
    scale, offset = _rounded(line, x, s)
    if (scale, offset) == (1.0, 0.0):
        return ()
    return ({"op": "affine", "values": {"scale": scale, "offset": offset}},)


_USUAL = (1 / 255, 1 / 256, 2 / 255, 1 / 127.5, 1 / 128, 1 / 254, 1.0)


def _rounded(line: tuple[float, float], x: Doubles, s: Doubles) -> tuple[float, float]:
    """The usual figure where the fitted one is as good as equal to it: people read ``1/255``, not 0.003921570."""
    scale, offset = line
    fitted = float(np.abs(x * scale + offset - s).max())
    for usual in chain(_USUAL, (-figure for figure in _USUAL)):
        if abs(scale / usual - 1) < 1e-3:
            plain = round(2 * float(np.mean(s - usual * x))) / 2
            for candidate in ((usual, plain), (usual, float(np.mean(s - usual * x)))):
                if float(np.abs(x * candidate[0] + candidate[1] - s).max()) <= 2 * fitted + 1e-6 * float(np.ptp(s)):
                    return candidate
    return line


def _threshold(x: Doubles, s: Doubles) -> Steps | None:
    if len(np.unique(s[:1])) > 2 or len(levels := np.unique(s)) != 2:
        return None
    low, high = (float(level) for level in levels)
    if x[s == levels[0]].mean() > x[s == levels[1]].mean():
        low, high = high, low
    below, above = float(x[s == low].max()), float(x[s == high].min())
    if below >= above:
        return None
    at = next((usual for usual in (0.0, 127.0, 127.5) if below <= usual < above), (below + above) / 2)
    return ({"op": "threshold", "values": {"at": at, "low": low, "high": high}},)


def _table(x: Doubles, s: Doubles) -> Steps | None:
    """One output for each byte, where equal bytes have equal outputs: a gamma, a quantisation, a clip."""
    places, outputs = x.ravel().astype(np.intp), s.ravel()
    known, first = np.unique(places, return_index=True)
    if len(known) < MIN_LEVELS or known[0] < 0 or known[-1] > 255:
        return None
    levels = np.interp(np.arange(256), known, outputs[first])
    if np.abs(levels[places] - outputs).max() > TOLERANCE * float(np.ptp(s)):
        return None
    return ({"op": "table", "values": {"outputs": _listed(levels)}},)


def _channels(x: Doubles, s: Doubles, axis: int) -> Steps | None:
    lines = [_line(np.take(x, place, axis), np.take(s, place, axis)) for place in range(x.shape[axis])]
    if any(line is None for line in lines):
        return None
    scale, offset = ([line[end] for line in lines if line is not None] for end in (0, 1))
    return ({"op": "affine", "values": {"scale": scale, "offset": offset, "axis": axis}},)


def _mean_image(x: Doubles, s: Doubles) -> Steps | None:
    """One scale, and an offset for each pixel: both are known from any rows that differ anywhere."""
    line = _line(x - x.mean(axis=0), s - s.mean(axis=0))
    if line is None or line[0] == 0:
        return None
    offset = (s - line[0] * x).mean(axis=0)
    return ({"op": "affine_map", "values": {"scale": line[0], "offset": _listed(offset)}},)


def _pixelwise(x: Doubles, s: Doubles, geometry: Geometry, population: Pixels) -> Steps | None:
    """A scale and an offset for each pixel, as StandardScaler has them.

    A pixel that is constant in the sample does not show its scale: it gets the one that follows from its figures in
    the population as those of the other pixels do, and 1 where it never varies, as StandardScaler has it.
    """
    varies = np.ptp(x[::2], axis=0) > 0
    scale, offset = _lines(x[::2], s[::2])
    check = np.abs(x[1::2] * scale + offset - s[1::2])[:, varies]
    if check.size < 200 or check.max() > TOLERANCE * float(np.ptp(s)):
        return None
    varies = np.ptp(x, axis=0) > 0
    scale, _ = _lines(x, s)
    scale = np.where(varies, scale, _unseen(scale, varies, geometry, population))
    return ({"op": "affine_map", "values": {"scale": _listed(scale), "offset": _listed((s - scale * x).mean(axis=0))}},)


def _unseen(scale: Doubles, varies: npt.NDArray[np.bool_], geometry: Geometry, population: Pixels) -> Doubles:
    """Scales of pixels that do not vary: one over a figure of the population and a constant, whichever fits the others.

    Deviation (StandardScaler, with or without an epsilon), root mean square (a norm along the images), or range.
    """
    best, least = np.ones_like(scale), np.inf
    wanted = 1 / np.where(scale == 0, 1.0, scale)[varies]
    for figure in _spreads(population):
        shaped = apply(geometry.steps, figure[None])[0].astype(np.float64)
        line = _line(shaped[varies], wanted)
        if line is None:
            continue
        made = line[0] * shaped + line[1]
        error = float(np.median(np.abs(made[varies] - wanted)))
        if error < least:
            least, best = error, np.where((shaped > 0) & (made > 0), 1 / np.where(made > 0, made, 1.0), 1.0)
    return best


def _lines(x: Doubles, s: Doubles) -> tuple[Doubles, Doubles]:
    """``_line`` for each pixel; scale 0 where ``x`` is constant."""
    x_mean, s_mean = x.mean(axis=0), s.mean(axis=0)
    spread = ((x - x_mean) ** 2).mean(axis=0)
    scale = ((x - x_mean) * (s - s_mean)).mean(axis=0) / np.where(spread > 0, spread, 1.0)
    return scale, s_mean - scale * x_mean


def _spreads(images: Pixels) -> tuple[Doubles, Doubles, Doubles]:
    """Deviation, root mean square and range of each pixel over the images, in blocks that stay small in memory."""
    total, squares = np.zeros(images.shape[1:]), np.zeros(images.shape[1:])
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK].astype(np.float32)
        total += block.sum(axis=0, dtype=np.float64)
        squares += np.square(block).sum(axis=0, dtype=np.float64)
    mean, power = total / len(images), squares / len(images)
    extent = images.max(axis=0).astype(np.float64) - images.min(axis=0)
    return np.sqrt(np.maximum(power - mean**2, 0)), np.sqrt(power), extent


def _listed(array: Doubles) -> list[float]:
    return [float(f"{value:.9g}") for value in array.ravel()]


def by_image(images: Pixels, core: Doubles, geometry: Geometry) -> Iterator[Steps]:
    """Each raw image by its own figures, then shape, then one affine function."""
    spatial = [1, 2, 3][: images.ndim - 1]
    kinds = [
        ("l2", [1]),
        ("l2", [2]),
        ("l2", spatial),
        ("l1", spatial),
        ("standardise", spatial),
        ("max", spatial),
        ("minmax", spatial),
    ]
    if len(spatial) == 3:
        kinds += [("l2", [3]), ("standardise", [1, 2]), ("minmax", [1, 2])]
    for kind, axes in kinds:
        first: Step = {"op": "normalise", "values": {"kind": kind, "axes": axes}}
        shaped = apply((first, *geometry.steps), images).astype(np.float64)
        if shaped.shape == core.shape:
            yield from ((first, *geometry.steps, *value) for value in some(affine(shaped[::2], core[::2])))

"""Images altered as a robustness test alters them, five severities of each kind.

The kinds and the idea of five severities are those of Hendrycks & Dietterich (2019, ImageNet-C) and of Mu & Gilmer
(2019, MNIST-C). Severity 2 of ``gaussian_noise`` and of ``rotation`` is what the course asks for: sigma 0.1 of the
range, and angles drawn from -15 to 15 degrees. One random draw per image is shared by the severities of a kind, so
that a curve over severities shows the severity and not the luck of the draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float32]
Corruption: TypeAlias = "Callable[[Floats, float, np.random.Generator], Floats]"
"""Takes (n, height, width, channels) in 0..255, the strength, and a generator; returns the same shape, unclipped."""

SEVERITIES: Mapping[str, tuple[float, float, float, float, float]] = {
    "gaussian_noise": (0.05, 0.10, 0.15, 0.20, 0.30),  # standard deviation, share of the range
    "rotation": (7.5, 15.0, 22.5, 30.0, 45.0),  # largest angle, degrees
    "translation": (0.035, 0.07, 0.105, 0.14, 0.18),  # length, share of the width, in a random direction
    "zoom": (1.08, 1.15, 1.22, 1.30, 1.40),  # factor, larger or smaller at random
    "brightness": (0.10, 0.20, 0.30, 0.40, 0.50),  # added or taken away, share of the range
    "contrast": (0.75, 0.60, 0.45, 0.30, 0.20),  # what is left of each pixel's distance to the image's mean
    "blur": (0.018, 0.027, 0.036, 0.045, 0.054),  # standard deviation, share of the width
    "occlusion": (0.14, 0.21, 0.28, 0.36, 0.43),  # side of a covered square, share of the width
}


def suite(images: Pixels, seed: int) -> Iterator[tuple[str, tuple[Pixels, ...]]]:
    """Each kind with its five severities, mildest first, of ``uint8`` images (n, h, w) or (n, h, w, channels)."""
    for number, name in enumerate(SEVERITIES):
        yield name, tuple(corrupt(images, name, severity, [seed, number]) for severity in range(1, 6))


def corrupt(images: Pixels, name: str, severity: int, seed: int | list[int]) -> Pixels:
    """One kind at one severity (1..5); the same seed gives the same draw at each severity."""
    stack = images.astype(np.float32).reshape(*images.shape[:3], -1)
    altered = _KINDS[name](stack, SEVERITIES[name][severity - 1], np.random.default_rng(seed))
    return np.clip(np.rint(altered), 0, 255).astype(np.uint8).reshape(images.shape)


def gaussian_noise(images: Floats, sigma: float, generator: np.random.Generator) -> Floats:
    noise: Floats = generator.standard_normal(images.shape, dtype=np.float32)
    noise *= np.float32(255 * sigma)
    noise += images
    return noise


def rotation(images: Floats, degrees: float, generator: np.random.Generator) -> Floats:
    angles = np.deg2rad(generator.uniform(-degrees, degrees, len(images)))
    cos, sin = np.cos(angles), np.sin(angles)
    return _warp(images, np.stack([cos, sin, -sin, cos], axis=1).reshape(-1, 2, 2), np.zeros((len(images), 2)))


def translation(images: Floats, share: float, generator: np.random.Generator) -> Floats:
    angles = generator.uniform(0, 2 * np.pi, len(images))
    shifts = share * images.shape[2] * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    return _warp(images, np.broadcast_to(np.eye(2), (len(images), 2, 2)), shifts)


def zoom(images: Floats, factor: float, generator: np.random.Generator) -> Floats:
    scales = np.where(generator.random(len(images)) < 0.5, factor, 1 / factor)
    return _warp(images, np.eye(2) / scales[:, None, None], np.zeros((len(images), 2)))


def brightness(images: Floats, share: float, generator: np.random.Generator) -> Floats:
    signs = np.where(generator.random((len(images), 1, 1, 1)) < 0.5, 255 * share, -255 * share)
    return images + signs.astype(np.float32)


def contrast(images: Floats, left: float, _: np.random.Generator) -> Floats:
    means: Floats = images.mean(axis=(1, 2), keepdims=True)
    return (images - means) * np.float32(left) + means


def blur(images: Floats, share: float, _: np.random.Generator) -> Floats:
    """Separable Gaussian as two batched matrix products."""
    sigma = share * images.shape[2]
    rows, columns = (_blur_matrix(side, sigma, _is_grey(images)) for side in images.shape[1:3])
    planes = rows @ np.ascontiguousarray(np.moveaxis(images, -1, 1)) @ columns.T
    return np.moveaxis(planes, 1, -1)


def occlusion(images: Floats, share: float, generator: np.random.Generator) -> Floats:
    """Covers a square, wholly inside the image, in black (grey images) or mid-grey (colour)."""
    count, height, width = images.shape[:3]
    side = max(1, round(share * width))
    places = generator.random((count, 2)) * (height - side + 1, width - side + 1)
    top, left = np.floor(places).astype(np.intp).T
    rows, columns = np.arange(height), np.arange(width)
    inside_rows = (rows >= top[:, None]) & (rows < top[:, None] + side)
    inside_columns = (columns >= left[:, None]) & (columns < left[:, None] + side)
    covered = (inside_rows[:, :, None] & inside_columns[:, None, :])[..., None]
    return np.where(covered, np.float32(0 if _is_grey(images) else 127), images)


_KINDS: Mapping[str, Corruption] = {
    "gaussian_noise": gaussian_noise,
    "rotation": rotation,
    "translation": translation,
    "zoom": zoom,
    "brightness": brightness,
    "contrast": contrast,
    "blur": blur,
    "occlusion": occlusion,
}


def _is_grey(images: Floats) -> bool:
    return int(images.shape[-1]) == 1


def _warp(images: Floats, matrices: npt.NDArray[np.float64], shifts: npt.NDArray[np.float64]) -> Floats:
    """Bilinear: each pixel takes the value at ``matrix @ (pixel - centre) + centre - shift``.

    Outside a grey image is 0, as round an MNIST digit; a colour image is continued by its edge.
    """
    grey, (count, height, width, channels) = _is_grey(images), images.shape
    # A pixel before and two after: whatever lies outside has four neighbours as well.
    around = ((0, 0), (1, 2), (1, 2), (0, 0))
    padded = np.pad(images, around) if grey else np.pad(images, around, mode="edge")
    result = np.empty_like(images)
    for start in range(0, count, _FEW):
        some = slice(start, start + _FEW)
        down, right = _sources(matrices[some], shifts[some], (height, width), outside=grey)
        result[some] = _bilinear(padded[some], down, right).reshape(-1, height, width, channels)
    return result


_FEW = 32
"""Images that are warped at a time: what is computed for them stays in the processor's cache."""


def _sources(
    matrices: npt.NDArray[np.float64], shifts: npt.NDArray[np.float64], size: tuple[int, int], *, outside: bool
) -> tuple[Floats, Floats]:
    """Row and column (n, height, width) where each pixel comes from, kept to the image or to one pixel around it."""
    rows, columns = (np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2) for side in size)
    margin, found = float(outside), []
    for axis, side in enumerate(size):
        first, second = matrices[:, axis].T.astype(np.float32)[:, :, None]
        origin = ((side - 1) / 2 - shifts[:, axis]).astype(np.float32)[:, None]
        place = (first * rows + origin)[:, :, None] + (second * columns)[:, None, :]
        found.append(np.clip(place, -margin, side - 1 + margin, out=place))
    return found[0], found[1]


def _bilinear(padded: Floats, down: Floats, right: Floats) -> Floats:
    """(pixels, channels) of ``padded``, which begins one pixel before row and column 0."""
    count, height, width, channels = padded.shape
    top, left = np.floor(down), np.floor(right)
    below, beside = (down - top)[..., None], (right - left)[..., None]
    place = ((top + 1) * width + (left + 1)).astype(np.int32)
    place += (np.arange(count, dtype=np.int32) * (height * width))[:, None, None]
    pixels = padded.reshape(-1, channels)
    upper, lower = (
        pixels.take(place + step, axis=0) * (1 - beside) + pixels.take(place + step + 1, axis=0) * beside
        for step in (0, width)
    )
    result: Floats = upper + (lower - upper) * below
    return result


def _blur_matrix(side: int, sigma: float, grey: bool) -> Floats:
    distance = np.subtract.outer(np.arange(side), np.arange(side))
    weights = np.exp(-0.5 * (distance / sigma) ** 2)
    # Colour: weights that fall outside go to the pixels inside, so that edges do not darken.
    total = weights.sum(axis=1, keepdims=True) if not grey else weights.sum(axis=1).max()
    matrix: Floats = (weights / total).astype(np.float32)
    return matrix

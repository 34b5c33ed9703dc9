"""Images changed by next to nothing: what tells apart a model that sees a shape and one that knows an image by heart.

Two ways, since a table that also holds the first kind of change falls for the second. They are drawn with a seed that
no student can know (``Store.secret``), and no model is told which images they are.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]

KINDS = ("shift", "noise")
IMAGES = 300
"""Public ones, and as many hidden ones. The share that a memory keeps lies near chance, that of other models near 1:
for telling these apart, a 99.8 % interval of half-width 0.09 at most is more than enough."""
_DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def nudged(images: Pixels, seed: list[int]) -> Pixels:
    """(kinds, images, ...) of ``uint8`` images (n, h, w) or (n, h, w, channels)."""
    generator = np.random.default_rng(seed)
    return np.stack([shifted(images, generator), noisy(images, generator)])


def shifted(images: Pixels, generator: np.random.Generator) -> Pixels:
    """By one pixel, up, down, left or right; the border is repeated, so that no ground of another colour appears."""
    directions = generator.integers(len(_DIRECTIONS), size=len(images))
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), *((0, 0),) * (images.ndim - 3)), mode="edge")
    height, width = images.shape[1:3]
    moved = np.empty_like(images)
    for number, (down, right) in enumerate(_DIRECTIONS):
        rows = directions == number
        moved[rows] = padded[rows, 1 - down : 1 - down + height, 1 - right : 1 - right + width]
    return moved


def noisy(images: Pixels, generator: np.random.Generator) -> Pixels:
    """One grey level more, less or as it was, and only between the ends: what is black or white stays so.

    A notebook that makes its images black and white by asking which pixels are not 0 sees no difference.
    """
    change = generator.integers(-1, 2, size=images.shape, dtype=np.int16)
    inside = (images > 1) & (images < 254)
    return (images + np.where(inside, change, 0)).astype(np.uint8)

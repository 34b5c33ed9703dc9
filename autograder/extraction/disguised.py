"""Images of the public test set that were shifted, mirrored, turned or dimmed before a model learnt them.

What is unaltered is found by ``recipes.infer``, among the images that are served. Here a row is laid to these, and to
the hidden ones, in every way that such an alteration can be undone, by correlation, which brightness does not change.
What an image lost at its border is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.datasets import DataSet
from autograder.preprocessing import Floats

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Pixels: TypeAlias = npt.NDArray[np.uint8]
Rows: TypeAlias = npt.NDArray[np.intp]

SHIFT = 2
"""Pixels, at most, in each direction."""
SMALLEST, LARGEST = 16, 128
"""Sides of an image: what is left of a smaller one looks like others; a larger one, laid in four hundred ways, takes
too much memory."""
SAME = 0.998
"""Correlation from which on a row is an image. What shifts whole pixels, mirrors, turns or dims leaves 0.9999. The most
that any other image reached, laid in all these ways, was 0.993: of 4,000 training images of MNIST, as of all of
scikit-learn's digits, to the public ones, also where they were rotated, zoomed, blurred or shifted by parts of pixels
before; of 1,000 of CIFAR-10, to a quarter of its test images, below 0.97."""
CLEARLY = 1e-4
"""By how much the public image must be more like the row than any training image is: some images are in both sets."""
SEVERAL = 4
"""Images in one row, at most."""
COARSE = 7
"""Blocks that an image is divided into, about, in each direction."""
FIGURES = 12
"""That are left of an image to look it up by."""
NEAREST = 4
"""Images that are compared in full with each way to lay the row."""
BLOCK = 1024


def recognised(sample: Floats, data: DataSet) -> tuple[Rows, Rows]:
    """For each row the places of the public and of the hidden image that it shows, altered or not; -1 for none.

    One of both at most: what is in several sets shows nothing.
    """
    found = np.full((2, len(sample)), -1, dtype=np.intp)
    sides = data.x_public.shape[1:3]
    if not np.isfinite(sample).all() or min(sides) < SMALLEST or max(sides) > LARGEST:
        return found[0], found[1]
    for images in readings(sample, data.x_public.shape[1:]):
        known = _known(data)
        for place in np.flatnonzero((found < 0).all(axis=0)):
            found[:, place] = _shown(images[place], known, data)
    return found[0], found[1]


def readings(sample: Floats, raw: tuple[int, ...]) -> Iterator[Floats]:
    """The rows as (images, channels, height, width), in each way that their shape can be read; none of other sizes.

    Where several images make one row, beside, below or behind each other, each of them by itself.
    """
    fed, size = sample.shape[1:], raw[:2]
    colours = raw[2] if len(raw) == 3 else 1
    if prod(fed) != prod(raw):
        yield from _each(sample, size, colours)
        return
    if fed in (raw, (*size, colours)) or len(fed) == 1:
        yield np.moveaxis(sample.reshape(len(sample), *size, colours), -1, 1)
    if fed == (colours, *size) or (len(fed) == 1 and colours > 1):
        yield sample.reshape(len(sample), colours, *size)


def _each(sample: Floats, size: tuple[int, ...], colours: int) -> Iterator[Floats]:
    """Of rows that are a few images each; the same one again is left out, as where grey is made colours."""
    fed, (height, width) = sample.shape[1:], size
    count = prod(fed) // (height * width * colours)
    if count * height * width * colours != prod(fed) or not 2 <= count <= SEVERAL:
        return
    tiled = len(fed) > 1 and fed[0] % height == 0 and fed[1] % width == 0
    down, right = (fed[0] // height, fed[1] // width) if tiled else (count, 1)
    behind = count // (down * right)
    if down * right * behind != count:
        return
    parts = sample.reshape(len(sample), down, height, right, width, behind, colours)
    seen: list[Floats] = []
    for top, left, depth in np.ndindex(down, right, behind):
        part = np.moveaxis(parts[:, top, :, left, :, depth], -1, 1)
        if not any(np.array_equal(part, other) for other in seen):
            seen.append(part)
            yield part


@dataclass(frozen=True, slots=True)
class _Known:
    """A data set's images, each as a few figures: two that are alike are near to each other."""

    axes: Floats
    trees: tuple[cKDTree, ...]
    """Of the public, the hidden and the training images."""


@lru_cache(maxsize=2)
def _known(data: DataSet) -> _Known:
    """Made once per class; of seventy thousand images it takes a second at most."""
    from scipy.spatial import cKDTree  # a third of a second, for whoever has nothing to look up

    some = data.train_rows[:: max(1, len(data.train_rows) // 2000)]
    coarse = _coarse(_inner(data.x_train[some]))
    axes = np.linalg.eigh(coarse.T @ coarse)[1][:, -FIGURES:]
    return _Known(axes, tuple(cKDTree(_figures(images, rows, axes)) for images, rows in parts(data)))


def parts(data: DataSet) -> tuple[tuple[Pixels, Rows], ...]:
    public, hidden = np.arange(len(data.x_public)), np.arange(len(data.x_hidden))
    return (data.x_public, public), (data.x_hidden, hidden), (data.x_train, data.train_rows)


def _figures(images: Pixels, rows: Rows, axes: Floats) -> Floats:
    blocks = (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))
    return np.concatenate([_coarse(_inner(images[block])) @ axes for block in blocks])


def _inner(images: npt.NDArray[Any]) -> Floats:
    """Raw images without the border that a shifted one may have lost, in units."""
    inner = images[:, SHIFT:-SHIFT, SHIFT:-SHIFT]
    return _unit(np.moveaxis(inner, 3, 1) if inner.ndim == 4 else inner[:, np.newaxis])


def _unit(images: npt.NDArray[Any]) -> Floats:
    """Each channel about a mean of zero and of the same size, so that products are mean correlations of channels."""
    rows = np.array(images, np.float32, order="C").reshape(*images.shape[:2], -1)
    rows -= rows.mean(axis=2, keepdims=True)
    sizes = np.sqrt(np.einsum("ijk,ijk->ij", rows, rows) * images.shape[1])[..., np.newaxis]
    units: Floats = np.divide(rows, sizes, out=np.zeros_like(rows), where=sizes > 1e-6)
    return units.reshape(images.shape)


def _coarse(images: Floats) -> Floats:
    """Sums of blocks, such that images come no farther apart than they are: none that is near is missed."""
    height, width = (max(1, size // COARSE) for size in images.shape[2:])
    down, right = images.shape[2] // height, images.shape[3] // width
    cut = images[:, :, : down * height, : right * width]
    sums = cut.reshape(len(images), -1, down, height, right, width).sum(axis=(3, 5))
    return np.asarray(sums.reshape(len(images), -1) / sqrt(height * width), np.float32)


def _shown(image: Floats, known: _Known, data: DataSet) -> tuple[int, int]:
    laid = _laid(from_0_to_1(image))
    figures, least, best = _coarse(laid) @ known.axes, SAME, [(-1.0, -1)] * 3
    # The training images, of which there are most, are looked at only for what is an image of the others.
    for number, (tree, (images, numbers)) in enumerate(zip(known.trees, parts(data), strict=True)):
        if number == len(best) - 1 and least == SAME:
            break
        best[number] = _most_alike(laid, figures, tree, images, numbers, least)
        least = max(least, best[number][0] - CLEARLY)
    (public, at_public), (hidden, at_hidden), (train, _) = best
    return (
        at_public if public > max(hidden, train) + CLEARLY else -1,
        at_hidden if hidden > max(public, train) + CLEARLY else -1,
    )


def from_0_to_1(image: Floats) -> Floats:
    """The numbers come from a notebook, and may be too large to be multiplied."""
    lifted = image.astype(np.float64) - float(image.min())
    return np.asarray(lifted / (lifted.max() or 1.0), np.float32)


def _laid(image: Floats) -> Floats:
    """In every way that undoes a shift after a reflection and a quarter turn, and each of these as a negative too.

    All are of the size of the inner images.
    """
    height, width = (size - 2 * SHIFT for size in image.shape[1:])
    turns = range(4) if height == width else (0, 2)
    turned = [np.rot90(side, turn, axes=(1, 2)) for side in (image, image[..., ::-1]) for turn in turns]
    steps = range(2 * SHIFT + 1)
    laid = [one[:, top : top + height, left : left + width] for one in turned for top in steps for left in steps]
    positive = _unit(np.stack(laid))
    return np.concatenate([positive, -positive])


def _most_alike(
    laid: Floats, figures: Floats, tree: cKDTree, images: Pixels, numbers: Rows, least: float
) -> tuple[float, int]:
    """The greatest correlation of all, and the place in ``numbers`` of its image; -1 where it is below ``least``."""
    near, places = tree.query(figures, k=NEAREST, distance_upper_bound=sqrt(2 * (1 - least)))
    ways, ranks = np.nonzero(np.isfinite(near))
    if not len(ways):
        return -1.0, -1
    rows = places[ways, ranks]
    likeness = (laid[ways] * _inner(images[numbers[rows]])).reshape(len(ways), -1).sum(axis=1)
    best = int(likeness.argmax())
    return (float(likeness[best]), int(rows[best])) if likeness[best] >= least else (-1.0, -1)

"""Images of the public test set that were blurred, roughened, mixed with others or bent before a model learnt them.

No calculation undoes that. But a copy stays more like its source than like any other image; so each row is held against
the public, the hidden and the training images, and counts where one of the first two sets is clearly nearest. Of an
altered training image the source is among the others, and what comes from elsewhere is about as near to all three.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.datasets import DataSet
from autograder.extraction.disguised import LARGEST, SHIFT, SMALLEST, from_0_to_1, parts, readings
from autograder.preprocessing import Floats

Marks: TypeAlias = npt.NDArray[np.bool_]

CLEARLY = 0.6
"""Share of the distance to the nearest image of other sets that may lie between a row and its source. Of training
images that were turned by 15 degrees, or zoomed, moved and turned at random, one in a hundred comes as near to another
set's, on MNIST as on scikit-learn's digits; of public ones that were blurred, roughened, mixed or moved a little, most.
"""
ALIKE = 1e-4
"""By how much it must be nearer, for images that are in several sets."""
AT_LEAST = 0.5
"""Correlation below which a row resembles nothing."""
BLOCK = 4096
FEWEST, TOGETHER = 16, 0.98
"""Rows by which distances say anything, and the correlation from which on they are those of the images: twenty
principal components of scikit-learn's digits keep 0.995, and other images reach a tenth."""


def resembling(sample: Floats, data: DataSet) -> tuple[Marks, Marks]:
    """Of each row whether it is clearly more like a public image, or like a hidden one, than like any other."""
    nearest = np.full((3, len(sample)), -1.0, np.float32)
    sides = data.x_public.shape[1:3]
    if np.isfinite(sample).all() and SMALLEST <= min(sides) and max(sides) <= LARGEST:
        for images in readings(sample, data.x_public.shape[1:]):
            for place, image in enumerate(images):
                laid = _laid(from_0_to_1(image).mean(axis=0))
                found = [float((laid @ known.T).max(initial=-1)) for known in _known(data)]
                nearest[:, place] = np.maximum(nearest[:, place], found)
    public, hidden, train = nearest
    return _stands_out(public, np.maximum(hidden, train)), _stands_out(hidden, np.maximum(public, train))


def follows(sample: Floats, images: npt.NDArray[Any]) -> bool:
    """Whether rows lie to one another as these images do: all were projected, turned or put in another order alike."""
    if len(sample) < FEWEST or not np.isfinite(sample).all():
        return False
    made, source = _distances(sample), _distances(images)
    return bool(made.std() > 0 < source.std() and np.corrcoef(made, source)[0, 1] >= TOGETHER)


def _distances(images: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Between each two rows."""
    rows = images.reshape(len(images), -1).astype(np.float64)
    rows /= np.abs(rows).max() or 1.0
    squares = (rows * rows).sum(axis=1)
    apart = squares[:, None] + squares - 2 * rows @ rows.T
    return np.asarray(np.sqrt(np.maximum(apart[np.triu_indices(len(rows), 1)], 0)))


def _stands_out(one: Floats, others: Floats) -> Marks:
    marks: Marks = (one >= AT_LEAST) & (1 - one + ALIKE < CLEARLY * (1 - others))
    return marks


@lru_cache(maxsize=2)
def _known(data: DataSet) -> tuple[Floats, Floats, Floats]:
    """All public, hidden and training images, as ``_coarse`` has them."""
    public, hidden, train = (_all(images, rows) for images, rows in parts(data))
    return public, hidden, train


def _all(images: npt.NDArray[Any], rows: npt.NDArray[np.intp]) -> Floats:
    inner = images[:, SHIFT:-SHIFT, SHIFT:-SHIFT]
    blocks = (inner[rows[start : start + BLOCK]] for start in range(0, len(rows), BLOCK))
    return np.concatenate([_coarse(block.mean(axis=3) if block.ndim == 4 else block) for block in blocks])


def _laid(image: Floats) -> Floats:
    """In every way that undoes a shift."""
    height, width = (size - 2 * SHIFT for size in image.shape)
    steps = range(2 * SHIFT + 1)
    return _coarse(np.stack([image[top : top + height, left : left + width] for top in steps for left in steps]))


def _coarse(images: npt.NDArray[Any]) -> Floats:
    """Means of four pixels each, which noise and blur change little, such that products are correlations."""
    height, width = (size // 2 for size in images.shape[1:])
    cut = np.asarray(images[:, : 2 * height, : 2 * width], np.float32)
    rows = cut.reshape(len(images), height, 2, width, 2).mean(axis=(2, 4)).reshape(len(images), -1)
    rows -= rows.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Floats = np.divide(rows, sizes, out=np.zeros_like(rows), where=sizes > 1e-6)
    return units

"""Weights that a training leaves alone and that are as long as an image: they may be images, and look answers up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..things import Thing
from . import prints
from .roots import IMAGE

MOST, FEWEST = 2, 8
"""Of a model, and rows of one."""


def templates(model: Thing, shape: Sequence[int], keep: prints.Keep) -> list[dict[str, Any]]:
    """An ``ArrayPrint`` of some rows of each; ``shape``: of what the model was trained with."""
    size, found = math.prod(shape[1:]), list[dict[str, Any]]()
    trained: Any = model
    for weight in trained.non_trainable_variables if size >= IMAGE else ():
        if len(found) == MOST:
            break
        rows = _rows(weight, size)
        if rows is not None and (name := keep(prints.npy(rows))):
            found.append({"kind": "weights", "shape": [len(rows), *shape[1:]], "sample": name, "rows": []})
    return found


def _rows(weight: Thing, size: int) -> prints.Array | None:
    """One for each unit, or one for each entry of a table; None for what has other lengths."""
    sizes: tuple[int, ...] = tuple(getattr(weight, "shape", ()))
    columns = math.prod(sizes[:-1]) == size
    if len(sizes) < 2 or math.prod(sizes) < FEWEST * size or not (columns or math.prod(sizes[1:]) == size):
        return None
    array = np.asarray(weight)
    rows = array.reshape(size, -1).T if columns else array.reshape(-1, size)
    return rows[prints.spread(len(rows), min(prints.SAMPLE_ROWS, max(1, prints.SAMPLE_BYTES // (4 * size))))]

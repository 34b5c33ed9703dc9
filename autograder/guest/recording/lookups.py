"""Parts of a model that name classes by heart: tables of them that no training changes, and very many steps.

A table is known by its rows, of which each names one class, many more of them than there are classes. Steps, or a
vocabulary, of more entries than a pixel has values tell single images apart rather than kinds of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..things import Thing
from . import models, prints

NAMING, ONE = 200, 0.9
"""Rows from which on it is a table, and the share of a row that is in one place, as of the rows that are so."""
VALUES = 256
"""Of a pixel: as many steps are a way to write an image down."""
MOST, LARGEST = 2, 50_000_000
"""Of a model, and numbers of one."""


def lookups(model: Thing) -> list[dict[str, Any]]:
    """An ``ArrayPrint`` for each, without a sample: its rows, and a one where each of them names a class."""
    trained: Any = model
    widths = {shape[-1] for shape in models.outputs(model) if shape}
    tables = [[rows, 1] for weight in trained.non_trainable_variables if (rows := _naming(weight, widths))]
    steps = [[count] for layer in models.flat(model) if (count := _entries(layer)) > VALUES]
    return [{"kind": "lookup", "shape": shape, "sample": "", "rows": []} for shape in (*tables, *steps)][:MOST]


def _naming(weight: Thing, widths: set[int | None]) -> int:
    """Rows that name a class each: in the column of the class, or by its number; 0 of what is no such table."""
    sizes: tuple[int, ...] = tuple(getattr(weight, "shape", ()))
    if len(sizes) < 2 or not NAMING <= math.prod(sizes[:-1]) or math.prod(sizes) > LARGEST:
        return 0
    if sizes[-1] != 1 and sizes[-1] not in widths:
        return 0
    rows = np.asarray(weight, np.float32).reshape(-1, sizes[-1])
    named = _by_number(rows[:, 0], widths) if sizes[-1] == 1 else _by_column(np.abs(rows))
    return named if named >= NAMING else 0


def _by_column(rows: prints.Array) -> int:
    filled = rows[rows.any(axis=1)]
    alone = filled.max(axis=1) >= ONE * filled.sum(axis=1) if len(filled) else np.zeros(0, bool)
    several = len(filled) > 0 and len(np.unique(filled.argmax(axis=1))) > 1
    return len(filled) if several and alone.mean() >= ONE else 0


def _by_number(column: prints.Array, widths: set[int | None]) -> int:
    most = max((width for width in widths if width is not None), default=0)
    whole = np.isfinite(column).all() and (np.rint(column) == column).all()
    if not whole or column.min() < 0 or column.max() != most - 1 or most < 3:
        return 0
    return len(column) if len(np.unique(column)) == most else 0


def _entries(layer: Thing) -> int:
    """Steps of a discretization, words of a vocabulary, or bins of a hash."""
    kind, own = type(layer).__name__, layer
    if not str(type(layer).__module__).startswith("keras."):
        return 0
    found: Any = own
    if kind == "Discretization":
        return len(found.bin_boundaries or ())
    if kind in ("IntegerLookup", "StringLookup"):
        return int(found.vocabulary_size())
    return int(found.num_bins) if kind in ("Hashing", "HashedCrossing") else 0

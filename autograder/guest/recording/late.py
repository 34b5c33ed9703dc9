"""A few rows of batches that pass, spread over all of a training, however long it gets."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..things import Thing
from . import prints

MOST, FEWEST = 64, 2
"""Batches."""
ROWS = 2
"""Of each of them, at most."""
FORMS = 4
"""Lengths of a row that are told apart: what comes first may be something else than the images."""


class Late:
    """Keeps rows of every so-manieth batch; where these become too many, of every second of them."""

    def __init__(self, look: Callable[[prints.Array], None] | None = None) -> None:
        """``look`` is shown the batches of which rows are kept."""
        self._look = look
        self._kept: dict[int, list[prints.Array]] = {}
        """By the length of a row."""
        self._every = 1
        self._passed = 0

    def see(self, batch: Thing) -> None:
        self._passed += 1
        if self._passed % self._every == 0:
            self._keep(self._images(batch))

    def see_row(self, row: Thing) -> None:
        self._passed += 1
        if self._passed % self._every == 0 and (array := self._images(row)) is not None:
            self._keep(array[np.newaxis])

    def _images(self, data: Thing) -> prints.Array | None:
        """Of several inputs the largest; of those that are equally large, one after the other."""
        if not isinstance(data, (list, tuple, dict)):
            return prints.as_array(data)
        inputs = list(data.values()) if isinstance(data, dict) else list(data)
        arrays = [array for one in inputs[:MOST] if (array := prints.as_array(one)) is not None and array.ndim]
        most = max((array.size for array in arrays), default=0)
        largest = [array for array in arrays if array.size == most]
        return largest[self._passed // self._every % len(largest)] if largest else None

    def _keep(self, batch: prints.Array | None) -> None:
        if batch is None or batch.ndim < 2 or not len(batch) or batch.dtype.kind not in "biuf":
            return
        if self._look is not None:
            self._look(batch)
        # Another place in each batch, since batches may all be made alike.
        places = [(31 * self._passed + half * len(batch) // ROWS) % len(batch) for half in range(ROWS)]
        rows = np.array(batch[sorted(set(places))], np.float32)
        size = math.prod(rows.shape[1:])
        if size not in self._kept and len(self._kept) == FORMS:
            if size < (least := min(self._kept)):
                return
            del self._kept[least]
        kept = self._kept.setdefault(size, [])
        kept.append(rows.reshape(len(rows), *kept[0].shape[1:]) if kept else rows)
        if len(kept) >= min(MOST, max(2, prints.SAMPLE_BYTES // max(1, kept[0].nbytes))):
            self._kept[size], self._every = kept[1::2], 2 * self._every

    def printed(self, keep: prints.Keep) -> list[dict[str, Any]]:
        """An ``ArrayPrint`` for each length of a row; none of a training of one batch, which was seen."""
        told: list[dict[str, Any]] = []
        for kept in self._kept.values() if sum(map(len, self._kept.values())) >= FEWEST else ():
            if name := keep(prints.npy(np.concatenate(kept))):
                shape = [self._passed, *kept[0].shape[1:]]
                told.append({"kind": "sequence", "shape": shape, "sample": name, "rows": []})
        return told

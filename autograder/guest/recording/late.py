"""A few rows of batches that pass, spread over all of a training, however long it gets."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..things import Thing
from . import prints

MOST, FEWEST = 64, 8


class Late:
    """Keeps one row of every so-manieth batch; where that becomes too many, of every second of these."""

    def __init__(self) -> None:
        self._rows: list[prints.Array] = []
        self._every = 1
        self._passed = 0

    def see(self, x: Thing) -> None:
        self._passed += 1
        if self._passed % self._every:
            return
        batch = prints.as_array(x)
        if batch is None or batch.ndim < 2 or not len(batch) or batch.dtype.kind not in "biuf":
            return
        row = np.array(batch[31 * self._passed % len(batch)], np.float32)
        if self._rows and self._rows[0].shape != row.shape:
            return
        self._rows.append(row)
        if len(self._rows) >= min(MOST, max(2, prints.SAMPLE_BYTES // max(1, row.nbytes))):
            self._rows, self._every = self._rows[1::2], 2 * self._every

    def printed(self, keep: prints.Keep) -> list[dict[str, Any]]:
        """An ``ArrayPrint``; none of a training of few batches, of which enough was seen."""
        if len(self._rows) < FEWEST or not (name := keep(prints.npy(np.stack(self._rows)))):
            return []
        shape = [self._passed, *self._rows[0].shape]
        return [{"kind": "sequence", "shape": shape, "sample": name, "rows": []}]

"""The arrays from which a ``tf.data`` pipeline is made: rows that come late in it, and that nobody draws to look at.

Nothing is drawn from the pipeline, since what feeds it may give each row but once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..things import Thing
from . import prints

MOST, DEPTH = 8, 50
_KINDS = frozenset({"_TensorSliceDataset", "_TensorDataset"})
_CHOOSING = frozenset({"_TakeDataset", "_SkipDataset", "_ShardDataset", "_FilterDataset", "_TakeWhileDataset"})
"""Of which something may be left out: what they are made of is not what they give."""


def roots(data: Thing, keep: prints.Keep) -> list[dict[str, Any]]:
    """An ``ArrayPrint`` for each array of images, without figures and digest, for which all of it would be read."""
    if not prints.is_dataset(data):
        return []
    import tensorflow

    found: list[dict[str, Any]] = []
    for tensor in _tensors(data, DEPTH):
        shape = [int(size) for size in tensor.shape]
        if len(shape) < 2 or not shape[0] or not _is_numeric(tensor.dtype) or len(found) == MOST:
            continue
        fit = prints.SAMPLE_BYTES // (4 * max(1, int(np.prod(shape[1:]))))
        rows = prints.spread(shape[0], min(prints.SAMPLE_ROWS, fit)) if fit else ()
        if len(rows) and (name := keep(prints.npy(np.asarray(tensorflow.gather(tensor, rows))))):
            found.append({"kind": "array", "shape": shape, "sample": name, "rows": [int(row) for row in rows]})
    return found


def _tensors(data: Thing, depth: int) -> Iterator[Any]:
    """First components of what its sources hold; labels come second."""
    if depth and type(data).__name__ not in _CHOOSING:
        pipeline: Any = data
        if type(data).__name__ in _KINDS:
            yield from pipeline._tensors[:1]
        for source in pipeline._inputs():
            yield from _tensors(source, depth - 1)


def _is_numeric(kind: Thing) -> bool:
    return np.dtype(getattr(kind, "as_numpy_dtype", object)).kind in "biuf"

"""The arrays from which a ``tf.data`` pipeline is made, and those that stand beside the first of several inputs.

Rows that come late in a pipeline are among them. Nothing is drawn from it, since what feeds it may give each row but
once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..things import Thing
from . import prints

MOST, DEPTH = 8, 50
IMAGE = 64
"""Figures in a row, from which on it may be an image."""
_WHOLE = (0, math.inf)
_SAME = frozenset(
    {
        *("_MapDataset", "_ParallelMapDataset", "CacheDataset", "_CacheDataset", "_PrefetchDataset"),
        *("_OptionsDataset", "_RepeatDataset", "_RestructuredDataset", "_AssertCardinalityDataset"),
    }
)
"""What gives an element for each that it is given, in the same order."""
_BATCHES = frozenset({"_BatchDataset", "_ParallelBatchDataset", "_PaddedBatchDataset"})
_CHOOSING = frozenset({"_FilterDataset", "_TakeWhileDataset"})
"""Of which something may be left out, nobody knows what: what they are made of is not what they give."""

_Rows = tuple[float, float]
"""From the first one to before the last: elements of a pipeline that reach the training."""


def roots(data: Thing, keep: prints.Keep) -> list[dict[str, Any]]:
    """An ``ArrayPrint`` for each array of images, without figures and digest, for which all of it would be read."""
    found: list[dict[str, Any]] = []
    for array, part in arrays(data):
        shape = [int(size) for size in array.shape]
        first, end = int(part[0]), int(min(part[1], shape[0] if shape else 0))
        if len(shape) < 2 or first >= end or math.prod(shape[1:]) < IMAGE or len(found) == MOST:
            continue
        fit = prints.SAMPLE_BYTES // (4 * math.prod(shape[1:]))
        rows = first + prints.spread(end - first, min(prints.SAMPLE_ROWS, fit))
        if fit and (name := keep(prints.npy(_taken(array, rows)))):
            found.append({"kind": "array", "shape": shape, "sample": name, "rows": [int(row) for row in rows]})
    return found


def arrays(data: Thing) -> Iterator[tuple[Any, _Rows]]:
    """What a pipeline is made of, or the inputs beside the first, with the rows of each that reach the training."""
    if prints.is_dataset(data):
        for tensor, part in _tensors(data, DEPTH, _WHOLE):
            if _is_numeric(tensor.dtype):
                yield tensor, part
    elif isinstance(data, (list, tuple, dict)):
        inputs = list(data.values()) if isinstance(data, dict) else list(data)
        for one in inputs[1:] if len(inputs) <= MOST else ():
            array = prints.as_array(one)
            if array is not None and array.dtype.kind in "biuf":
                yield array, _WHOLE


def _taken(array: Thing, rows: prints.Rows) -> prints.Array:
    if isinstance(array, np.ndarray):
        return array[rows]
    import tensorflow

    return np.asarray(tensorflow.gather(array, rows))


def _tensors(data: Thing, depth: int, part: _Rows) -> Iterator[tuple[Any, _Rows]]:
    """Components of what its sources hold, with the elements of them that reach the training."""
    kind, pipeline = type(data).__name__, data
    if not depth or kind in _CHOOSING:
        return
    held: Any = pipeline
    if kind == "_TensorSliceDataset":
        yield from ((tensor, part) for tensor in held._tensors)
    elif kind == "_TensorDataset":
        yield from ((tensor, _WHOLE) for tensor in held._tensors)
    inner = _before(kind, held, part)
    if inner is not None:
        for source in held._inputs():
            yield from _tensors(source, depth - 1, inner)


def _before(kind: str, held: Thing, part: _Rows) -> _Rows | None:
    """The elements of its source; None where some are left out, and it is not known which."""
    pipeline: Any = held
    first, end = part
    if kind == "_TakeDataset":
        count = int(pipeline._count)
        return part if count < 0 else (first, min(end, count))
    if kind == "_SkipDataset":
        count = int(pipeline._count)
        return None if count < 0 else (first + count, end + count)
    if kind in _BATCHES:
        size = int(pipeline._batch_size)
        return first * size, end * size
    if kind == "_ShuffleDataset":  # which of them were chosen is left to chance
        return _WHOLE
    return part if kind in _SAME or part == _WHOLE else None


def _is_numeric(kind: Thing) -> bool:
    return np.dtype(getattr(kind, "as_numpy_dtype", object)).kind in "biuf"

"""The arrays from which a ``tf.data`` pipeline is made, and those that stand beside the first of several inputs.

Rows that come late in a pipeline are among them. Nothing is drawn from it, since what feeds it may give each row but
once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..things import Thing
from . import prints

MOST, OF_EACH = 8, 4
"""Arrays that are told of, and rows of each where there are more: these are told of together."""
FURTHER = 64
"""Inputs, and arrays of which some rows are told together."""
STEPS = 5000
"""Of a pipeline."""
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
    known = list(reaching(data))
    alone = known if len(known) <= MOST else known[: MOST - 1]
    found = [told for array, rows in alone if (told := _told(array, rows, keep))]
    return [*found, *_together(known[len(alone) :], keep)]


def reaching(data: Thing) -> Iterator[tuple[Any, range]]:
    """Each array of images, and those of its rows that reach the training."""
    for array, part in arrays(data):
        if rows := _reaching(array, part):
            yield array, rows


def _reaching(array: Thing, part: _Rows) -> range:
    """None of an array of anything else."""
    sized: Any = array
    shape = [int(size) for size in sized.shape]
    if len(shape) < 2 or math.prod(shape[1:]) < IMAGE:
        return range(0)
    return range(int(part[0]), int(min(part[1], shape[0])))


def _told(array: Thing, reaching: range, keep: prints.Keep) -> dict[str, Any] | None:
    sized: Any = array
    shape = [int(size) for size in sized.shape]
    fit = prints.SAMPLE_BYTES // (4 * math.prod(shape[1:]))
    rows = reaching.start + prints.spread(len(reaching), min(prints.SAMPLE_ROWS, fit))
    if not fit or not (name := keep(prints.npy(taken(array, rows)))):
        return None
    return {"kind": "array", "shape": shape, "sample": name, "rows": [int(row) for row in rows]}


def _together(known: Sequence[tuple[Any, range]], keep: prints.Keep) -> Iterator[dict[str, Any]]:
    """Of many arrays a few rows each, of those that have the commonest form."""
    forms = [tuple(int(size) for size in array.shape[1:]) for array, _ in known]
    form = max(forms, key=forms.count, default=())
    same = [one for one, its in zip(known, forms, strict=True) if its == form]
    fit = prints.SAMPLE_BYTES // (4 * max(1, math.prod(form)))
    some = [same[place] for place in prints.spread(len(same), min(FURTHER, fit // OF_EACH))] if same else []
    parts = [taken(array, rows.start + prints.spread(len(rows), OF_EACH)) for array, rows in some]
    if parts and (name := keep(prints.npy(np.concatenate(parts)))):
        shape = [sum(len(rows) for _, rows in same), *form]
        yield {"kind": "sequence", "shape": shape, "sample": name, "rows": []}


def arrays(data: Thing) -> Iterator[tuple[Any, _Rows]]:
    """What a pipeline is made of, or the inputs beside the first, with the rows of each that reach the training."""
    if prints.is_dataset(data):
        for tensor, part in _tensors(data):
            if _is_numeric(tensor.dtype):
                yield tensor, part
    elif isinstance(data, (list, tuple, dict)):
        inputs = list(data.values()) if isinstance(data, dict) else list(data)
        for one in inputs[1 : 1 + FURTHER]:
            array = prints.as_array(one)
            if array is not None and array.dtype.kind in "biuf":
                yield array, _WHOLE


def taken(array: Thing, rows: prints.Rows) -> prints.Array:
    """Some rows, as figures."""
    if isinstance(array, np.ndarray):
        return array[rows]
    import tensorflow

    return np.asarray(tensorflow.gather(array, rows))


def upstream(data: Thing) -> Iterator[Any]:
    """A pipeline and all that it is made of, each once, however they are joined."""
    ahead, seen = [data], set[int]()
    while ahead and len(seen) < STEPS:
        pipeline: Any = ahead.pop()
        if id(pipeline) not in seen:
            seen.add(id(pipeline))
            yield pipeline
            ahead.extend(reversed(pipeline._inputs()))


def mapped(pipeline: Thing) -> Thing:
    """The graph of the function by which it makes its elements; None where there is none."""
    return getattr(getattr(getattr(pipeline, "_map_func", None), "function", None), "graph", None)


def _tensors(data: Thing) -> Iterator[tuple[Any, _Rows]]:
    """Components of what its sources hold, with the elements of them that reach the training."""
    ahead, seen = list[tuple[Any, _Rows]]([(data, _WHOLE)]), set[tuple[int, _Rows]]()
    while ahead and len(seen) < STEPS:
        pipeline, part = ahead.pop()
        if (id(pipeline), part) in seen or (kind := type(pipeline).__name__) in _CHOOSING:
            continue
        seen.add((id(pipeline), part))
        held: Any = pipeline
        if kind == "_TensorSliceDataset":
            yield from ((tensor, part) for tensor in held._tensors)
        elif kind == "_TensorDataset":
            yield from ((tensor, _WHOLE) for tensor in held._tensors)
        if (inner := _before(kind, held, part)) is not None:
            ahead.extend((source, inner) for source in reversed(held._inputs()))


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

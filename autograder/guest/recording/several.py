"""Data for a model of several inputs: a few rows of all of them, by which the model can be tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from ..things import Thing
from . import prints

BATCHES = 8
"""Of data that come in batches."""

Inputs: TypeAlias = "prints.Array | list[prints.Array] | dict[str, prints.Array]"
"""As a model is called with them."""


def is_several(data: Thing) -> bool:
    return len(_parts(data)) > 1


def gathered(data: Thing, labels: Thing) -> tuple[Inputs, prints.Array] | None:
    """An array for each input, and the labels; None for data of one input, and for what can be read only once."""
    if is_several(data):
        return _joined([(data, labels)])
    if not (prints.is_dataset(data) or prints.is_sequence(data)):
        return None
    chance = np.random.get_state()
    try:
        pairs = [(element[0], element[1]) for element in _elements(data)]
    finally:
        np.random.set_state(chance)
    return _joined(pairs) if pairs and all(is_several(inputs) for inputs, _ in pairs) else None


def taken(inputs: Inputs, rows: prints.Rows) -> Inputs:
    if isinstance(inputs, dict):
        return {name: array[rows] for name, array in inputs.items()}
    return [array[rows] for array in inputs] if isinstance(inputs, list) else inputs[rows]


def size(inputs: Inputs) -> int:
    """Numbers in one row of all inputs together."""
    arrays = inputs.values() if isinstance(inputs, dict) else inputs if isinstance(inputs, list) else [inputs]
    return sum(array[:1].size for array in arrays)


def _elements(data: Thing) -> Iterator[Any]:
    source: Any = data
    if prints.is_dataset(data):
        yield from source.take(BATCHES)
    else:
        yield from (source[number] for number in range(min(BATCHES, len(source))))


def _parts(data: Thing) -> list[prints.Array]:
    """The arrays of a list or dict of them, or the one array; none where one of them is none."""
    single = not isinstance(data, (list, tuple, dict))
    inputs = [data] if single else list(data.values()) if isinstance(data, dict) else list(data)
    arrays = [prints.as_array(one) for one in inputs[:BATCHES]]
    found = [array for array in arrays if array is not None and array.ndim > 1 and array.dtype.kind in "biuf"]
    return found if len(found) == len(inputs) else []


def _joined(pairs: list[tuple[Any, Any]]) -> tuple[Inputs, prints.Array] | None:
    labels = [prints.as_array(one) for _, one in pairs]
    known = [one for one in labels if one is not None]
    columns = [_parts(data) for data, _ in pairs]
    if len(known) != len(pairs) or len({len(parts) for parts in columns}) != 1:
        return None
    if any(len(array) != len(own) for parts, own in zip(columns, known, strict=True) for array in parts):
        return None
    whole = known[0] if len(known) == 1 else np.concatenate(known)
    arrays = [one[0] if len(one) == 1 else np.concatenate(one) for one in zip(*columns, strict=True)]
    first = pairs[0][0]
    return (dict(zip(map(str, first), arrays, strict=True)) if isinstance(first, dict) else arrays), whole

"""Leaves repeated images out of a training.

A data set smaller than the official one is served at the official size by repeating each image in a row. To train on
the repeats would cost ``stride`` times as much and teach nothing new.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..things import Thing
from . import prints

LARGE_SHARE = 0.3
"""Of the served training rows: data at least this long are taken to be made from them as a whole."""

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """What the loaders serve."""

    stride: int
    train_rows: int
    test_rows: int


def thin(arguments: Arguments, served: Served) -> tuple[Arguments, int]:
    """Arguments of ``fit`` with the repeats left out, and how many times fewer rows that are (1: left as it was).

    ``validation_split`` keeps its meaning, since the order of the rows stays. Test rows given as validation data are
    left alone: their figures are the student's to compare.
    """
    if served.stride < 2:
        return arguments, 1
    thinned, stride = _thin_training(arguments, served)
    if stride == 1:
        return arguments, 1
    return _thin_validation(thinned, served), stride


def _thin_training(arguments: Arguments, served: Served) -> tuple[Arguments, int]:
    x = arguments.get("x")
    array = prints.as_array(x)
    if array is not None:
        rows = kept_rows(array, served)
        if rows is None:
            return arguments, 1
        chosen = {name: take(arguments.get(name), rows, len(array)) for name in ("x", "y", "sample_weight")}
        present = {name: value for name, value in chosen.items() if name in arguments}
        return _fewer_steps(arguments, len(array) / len(rows)) | present, max(1, round(len(array) / len(rows)))
    if prints.is_dataset(x):
        return _thin_dataset(arguments, served)
    return _thin_batches(arguments, served)


def kept_rows(array: npt.NDArray[Any], served: Served) -> npt.NDArray[np.intp] | None:
    """First row of each distinct image, in order; each ``stride``-th row where all differ; None: keep all."""
    if len(array) < max(LARGE_SHARE * served.train_rows, 10 * served.stride):
        return None
    first = first_rows(array)
    return first if len(first) * 2 <= len(array) else np.arange(0, len(array), served.stride)


def first_rows(array: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Numbers of the rows that are unlike every row before them."""
    flat = np.ascontiguousarray(array).reshape(len(array), -1)
    # As served, equal rows are neighbours: comparing these is quick, and leaves few rows to look up.
    fresh = np.flatnonzero(np.r_[True, (flat[1:] != flat[:-1]).any(axis=1)])
    seen: dict[int, int] = {}
    for number in fresh:
        seen.setdefault(hash(flat[number].tobytes()), int(number))
    return np.fromiter(seen.values(), dtype=np.intp, count=len(seen))


def take(data: Thing, rows: npt.NDArray[np.intp], length: int) -> Thing:
    """These rows of an array, a DataFrame, a tensor, or of each in a list or dict; anything else as it is."""
    if isinstance(data, dict):
        return {key: take(value, rows, length) for key, value in data.items()}
    if isinstance(data, (list, tuple)) and len(data) != length:
        return type(data)(take(value, rows, length) for value in data)
    if hasattr(data, "iloc"):
        return data.iloc[rows]
    array = prints.as_array(data)
    return data if array is None or len(array) != length else array[rows]


def _fewer_steps(arguments: Arguments, ratio: float) -> Arguments:
    steps = arguments.get("steps_per_epoch")
    return arguments | ({"steps_per_epoch": math.ceil(steps / ratio)} if isinstance(steps, int) and steps > 0 else {})


def _thin_dataset(arguments: Arguments, served: Served) -> tuple[Arguments, int]:
    """Each ``stride``-th row of each batch, brought back to whole batches: cheap, whatever the pipeline does before."""
    data = arguments["x"]
    batch = prints.first_batch(data)
    batches = int(data.cardinality())
    if batch is None or batches < 1 or batches * len(batch) < LARGE_SHARE * served.train_rows or len(batch) < 2:
        return arguments, 1
    kept = math.ceil(len(batch) / served.stride)
    thinned = data.map(lambda *parts: _slices(parts, served.stride)).rebatch(len(batch))
    stride = max(1, round(len(batch) / kept))
    return _fewer_steps(arguments, stride) | {"x": thinned}, stride


def _slices(parts: Sequence[Any], stride: int) -> Thing:
    sliced = tuple(
        {key: value[::stride] for key, value in part.items()} if isinstance(part, dict) else part[::stride]
        for part in parts
    )
    return sliced if len(sliced) > 1 else sliced[0]


def _thin_batches(arguments: Arguments, served: Served) -> tuple[Arguments, int]:
    """Fewer batches in an epoch of a generator: these draw their rows at random."""
    data: Thing = arguments.get("x")
    steps = arguments.get("steps_per_epoch")
    if steps is None and prints.is_sequence(data):
        steps = len(data)
    if not isinstance(steps, int) or steps * _batch_size(data) < LARGE_SHARE * served.train_rows:
        return arguments, 1
    fewer = math.ceil(steps / served.stride)
    return arguments | {"steps_per_epoch": fewer}, max(1, round(steps / fewer))


def _batch_size(data: Thing) -> int:
    size = getattr(data, "batch_size", None)
    if isinstance(size, int):
        return size
    batch = prints.first_batch(data)
    return 32 if batch is None else len(batch)


def _thin_validation(arguments: Arguments, served: Served) -> Arguments:
    data = arguments.get("validation_data")
    if not isinstance(data, (tuple, list)) or not data:
        return arguments
    array = prints.as_array(data[0])
    if array is None or len(array) == served.test_rows or len(array) < 10 * served.stride:
        return arguments
    rows = first_rows(array)
    if len(rows) * 2 > len(array):
        return arguments
    return arguments | {"validation_data": tuple(take(part, rows, len(array)) for part in data)}

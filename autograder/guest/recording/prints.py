"""Fingerprints of the data given to a model, and a few of their rows."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..things import Thing

SAMPLE_ROWS = 32
SAMPLE_BYTES = 8 << 20
EXACT_BYTES = 64 << 20
"""Larger arrays are fingerprinted by a spread sample of their rows."""
COUNTED_BYTES = 256 << 20
"""Of larger arrays, a share of the different rows is counted: all copies of a row are in it, or none."""
_SPREAD_ROWS = 4096
_LEVEL = 2.5e-4
"""Of the standard deviation of floats: rows that differ by less are one."""
BATCHES, ROWS_OF_EACH, GATHERING_SECONDS = 200, 4, 0.25
"""Looked at where the first batch does not tell enough, and for how long."""

# As they were before the first cell.
_array, _asarray, _intp = np.array, np.asarray, np.intp
_astype, _view = np.ndarray.astype, np.ndarray.view

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.intp]
Keep = Callable[[bytes], str]
"""Stores the bytes of a sample and answers the artifact's name, or an empty string."""


def fingerprint(
    data: Thing, keep: Keep | None = None, rows: Rows | None = None, batch: Array | None = None
) -> dict[str, Any] | None:
    """An ``ArrayPrint`` as a dict; None for no data. A sample of rows is kept with ``keep``.

    ``rows``: which, if not the usual ones; ``batch``: the first, where it has been read already.
    """
    if data is None:
        return None
    array = as_array(data)
    if array is not None:
        return _print_array(array, "array", keep, rows)
    kind = "dataset" if is_dataset(data) else "sequence"
    batch = first_batch(data) if batch is None else batch
    if batch is None:
        return {"kind": kind}
    return print_batch(batch, kind, batch_count(data) * len(batch), keep, rows)


def print_batch(batch: Array, kind: str, total: int, keep: Keep | None, rows: Rows | None = None) -> dict[str, Any]:
    """Of data that come in batches with ``total`` rows in all, as far as that is known."""
    # Which rows of which array these are cannot be known, and a batch is not the whole.
    return _print_array(batch, kind, keep, rows) | {"rows": [], "digest": "", "shape": [total, *batch.shape[1:]]}


def as_array(data: Thing) -> Array | None:
    """The numpy array behind an array, a tensor, a DataFrame or a list of numbers; None for anything else."""
    if isinstance(data, np.ndarray):
        plain = data if type(data) is np.ndarray else _view(data, np.ndarray)  # a class of its own may show others
        return plain if plain.ndim and plain.dtype != object else None
    if isinstance(data, dict):
        return as_array(next(iter(data.values()), None))
    if isinstance(data, (list, tuple)):
        # Several inputs: the first stands for all.
        if data and as_array(data[0]) is not None and np.ndim(data[0]) > 1:
            return as_array(data[0])
        return _numbers(data)
    for method in ("to_numpy", "numpy"):
        if callable(getattr(type(data), method, None)):
            return as_array(getattr(data, method)())
    return None


def _numbers(data: Thing) -> Array | None:
    try:
        array = np.asarray(data)
    except ValueError:  # ragged
        return None
    return array if array.ndim and array.dtype.kind in "biuf" else None


def is_dataset(data: Thing) -> bool:
    """Whether it is a ``tf.data.Dataset``, without importing TensorFlow."""
    return hasattr(data, "element_spec") and hasattr(data, "take")


def is_sequence(data: Thing) -> bool:
    """Whether batches can be had by number, without using up anything (``PyDataset``, Keras' image iterators)."""
    return hasattr(data, "__getitem__") and hasattr(data, "__len__") and as_array(data) is None


def batch_count(data: Thing) -> int:
    """Batches in an epoch; 1 when it cannot be known."""
    if is_dataset(data):
        return max(1, int(data.cardinality()))
    return max(1, len(data)) if is_sequence(data) else 1


def first_batch(data: Thing) -> Array | None:
    """Inputs of one batch; None for what can be read only once."""
    return first_pair(data)[0]


def first_pair(data: Thing) -> tuple[Array | None, Array | None]:
    """Inputs and targets of one batch; None for what is not there, and for what can be read only once."""
    return pairs(data, lambda *_: True)


def pairs(data: Thing, enough: Callable[[Array, Array], bool]) -> tuple[Array | None, Array | None]:
    """The same; ``enough`` is shown the first batch, and then a few rows of ever more batches until it has enough."""
    with _untouched_chance():
        elements = _elements(data)
        first = images, labels = next(elements, (None, None))
        if images is None or labels is None or len(images) != len(labels) or enough(images, labels):
            return first
        _more((images, labels), elements, enough)
        return first


def _more(first: tuple[Array, Array], elements: Iterator[tuple[Any, Any]], enough: Callable[..., bool]) -> None:
    end, kept = time.monotonic() + GATHERING_SECONDS, [some(*first)]
    for count, (images, labels) in enumerate(elements, start=2):
        if images is None or labels is None or len(images) != len(labels) or images.shape[1:] != first[0].shape[1:]:
            break
        kept.append(some(images, labels))
        if time.monotonic() > end:
            break
        if not count & (count - 1) and enough(*map(np.concatenate, zip(*kept, strict=True))):
            return  # asked at 2, 4, 8 ... batches: to put them together takes the longer, the more there are
    enough(*map(np.concatenate, zip(*kept, strict=True)))


def _elements(data: Thing) -> Iterator[tuple[Array | None, Array | None]]:
    """Batches: of those that have numbers, the first and then others in an order that nobody knows beforehand."""
    elements: Iterator[Any] = iter(())
    if is_dataset(data):
        elements = iter(data.take(BATCHES))
    elif is_sequence(data) and len(data):
        others = 1 + np.random.default_rng().permutation(len(data) - 1)[: BATCHES - 1]
        elements = (data[int(number)] for number in (0, *others))
    for element in elements:
        parts = [*element, None, None] if isinstance(element, (tuple, list)) else [element, None]
        yield as_array(parts[0]), as_array(parts[1])


def some(images: Array, labels: Array) -> tuple[Array, Array]:
    rows = np.random.default_rng().permutation(len(images))[:ROWS_OF_EACH]
    return images[rows], labels[rows]


@contextlib.contextmanager
def _untouched_chance() -> Iterator[None]:
    """Looking must not change the random numbers that the student's own training draws."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)


def spread(rows: int, count: int) -> npt.NDArray[np.intp]:
    """Up to ``count`` row numbers, evenly spread and ascending, first and last included."""
    fit = min(rows, count)
    if fit < 2:
        return _array(range(min(fit, 1)), _intp)
    step = (rows - 1) / (fit - 1)
    return _array(sorted({*(int(number * step) for number in range(fit - 1)), rows - 1}), _intp)


def sample_rows(array: Array, also: Rows | None = None) -> Rows:
    """Numbers of the rows that a sample takes, ascending, with those of ``also``, as far as they are not too heavy."""
    fit = max(1, SAMPLE_BYTES // _row_bytes(array))
    rows = spread(len(array), min(SAMPLE_ROWS, fit))
    if also is not None and len(also):
        both = np.union1d(rows, also)
        rows = both[spread(len(both), fit)]
    return rows


def _row_bytes(array: Array) -> int:
    return 4 * max(1, math.prod(array.shape[1:]))


def _print_array(array: Array, kind: str, keep: Keep | None, rows: Rows | None = None) -> dict[str, Any]:
    small = array if array.nbytes <= EXACT_BYTES else array[spread(len(array), _SPREAD_ROWS)]
    facts: dict[str, Any] = {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "digest": _digest(array, small),
        "kind": kind,
        **_figures(small),
    }
    if keep is not None and len(array) and array.dtype.kind in "biuf":
        rows = sample_rows(array) if rows is None else rows
        if _row_bytes(array) <= SAMPLE_BYTES and (name := keep(npy(array[rows]))):
            facts |= {"sample": name, "rows": rows.tolist()}
    return facts


def variety(array: Array, std: float | None) -> dict[str, Any]:
    """How many rows differ, and how evenly they are repeated; empty where rows cannot be compared."""
    if not array.size or array.dtype.kind not in "biuf":
        return {}
    share = math.ceil(array.nbytes / COUNTED_BYTES)
    counts: Counter[int] = Counter()
    for start in range(0, len(array), _SPREAD_ROWS):
        part = array[start : start + _SPREAD_ROWS]
        rows = part.reshape(len(part), -1)
        if share > 1:
            few = np.ascontiguousarray(_levels(rows[:, :: max(1, rows.shape[1] // 64)], std))
            rows = rows[np.array([hash(row.tobytes()) % share == 0 for row in few])]
        counts.update(hash(row.tobytes()) for row in np.ascontiguousarray(_levels(rows, std)))
    seen = counts.total()
    if not seen:
        return {}
    squares = sum(count * count for count in counts.values())
    return {"distinct": round(len(array) * len(counts) / seen), "even": len(array) * seen / squares}


def _levels(rows: Array, std: float | None) -> Array:
    if rows.dtype.kind != "f" or not std:
        return rows
    return np.asarray(np.rint(np.clip(rows / (std * _LEVEL), -(2**30), 2**30)), np.int32)


def npy(array: Array) -> bytes:
    """The bytes of a float32 ``.npy``, written without what a notebook can put something else in place of."""
    plain = _astype(_asarray(array), "<f4", order="C")
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {plain.shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + plain.tobytes()


def _digest(array: Array, small: Array) -> str:
    hashed = hashlib.sha256(f"{array.shape} {array.dtype}".encode())
    hashed.update(np.ascontiguousarray(small).view(np.uint8).data if small.size else b"")
    return hashed.hexdigest()


def _figures(array: Array) -> dict[str, float | None]:
    if not array.size or array.dtype.kind not in "biuf":
        return {}
    figures = {"low": array.min(), "high": array.max(), "mean": _mean(array), "std": _std(array)}
    return {name: finite(value) for name, value in figures.items()}


def _mean(array: Array) -> float:
    return float(array.mean(dtype=np.float64))


def _std(array: Array) -> float:
    """In slices: numpy's own makes several copies of the whole array as float64."""
    mean, total = _mean(array), 0.0
    for start in itertools.takewhile(lambda row: row < len(array), itertools.count(0, _SPREAD_ROWS)):
        total += float(np.square(array[start : start + _SPREAD_ROWS] - mean).sum(dtype=np.float64))
    return math.sqrt(total / array.size)


def finite(value: Thing) -> float | None:
    """A float that JSON can carry; None for NaN, infinities and what is no number."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None

"""Labels as one number per row, however the student wrote them, and which rows show how they relate to the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..things import Thing
from . import prints

FEW = 256
"""Rows of the sample where there are fewer labels than classes: enough that every class of image is among them."""
MANY = 1000
"""More distinct values are no classes."""
ANSWERED, OF_EACH = 5, 3
"""Different numbers in a row of shares, where mixed labels have two or three, and such rows for each class."""
Facts = dict[str, Any]
Look = Callable[[prints.Array, prints.Array], bool]
"""Is shown images and targets, and says whether it has seen enough."""

_SURE = 20
"""A batch of so many different rows per label is taken to hold all labels: a small set that is served repeated shows
few images in many rows."""


def described(x: Thing, y: Thing, keep: prints.Keep, classes: int, look: Look | None = None) -> Facts:
    """Prints of inputs and targets, the labels of the sampled rows, and how many distinct ones there are.

    ``classes`` is how many the served data have. Data that come in batches are read once; ``look`` is shown the first,
    and more of them as long as it has not seen enough, or all rows.
    """
    batched = prints.is_dataset(x) or prints.is_sequence(x)
    batch, target = (None, None) if not batched else prints.pairs(x, look or (lambda *_: True))
    batch = batch if batched else prints.as_array(x)
    target = target if y is None else _of_one(y, batch, classes)
    rows, labels = _sampled(batch, target, classes)
    told = prints.as_array(target)
    if look is not None and not batched and batch is not None and told is not None and len(batch) == len(told):
        look(batch, told)
    return {
        "x": prints.fingerprint(x, keep, rows, batch) or {},
        "y": _with_answers(_printed(target, batch, rows, keep), told),
        "y_sample": [] if labels is None or rows is None else labels[rows].tolist(),
        "y_classes": 0 if labels is None else _distinct(labels, x, batch if batched else None),
    }


def _of_one(target: Thing, batch: prints.Array | None, classes: int) -> Thing:
    """Of what several outputs are to answer, what holds the classes of the served data, else any labels."""
    parts = list(target.values()) if isinstance(target, dict) else target
    if batch is None or not isinstance(parts, (list, tuple)) or len(parts) == len(batch):
        return target
    arrays = [array for one in parts if (array := prints.as_array(one)) is not None and len(array) == len(batch)]
    labels = [(array, found) for array in arrays if (found := flat(array)) is not None]
    if not labels or len(arrays) != len(parts):
        return target
    return next((array for array, found in labels if len(np.unique(found)) == classes), labels[0][0])


def of_batches(parts: Sequence[tuple[prints.Array, Any]], total: int, keep: prints.Keep, classes: int) -> Facts:
    """The same of batches that were seen passing, ``total`` rows in all: inputs and, where known, targets of some."""
    batch = np.concatenate([part for part, _ in parts])
    first, wanted = next((part for _, part in parts if part is not None), None), _joined(parts)
    known = [flat(target) for _, target in parts]
    whole = [part for part in known if part is not None]
    target = np.concatenate(whole) if len(whole) == len(known) else None
    rows, labels = _sampled(batch, target, classes)
    sure = labels is not None and _are_all(labels, batch)
    return {
        "x": prints.print_batch(batch, "sequence", total, keep, rows),
        "y": (_printed(wanted, batch, rows, keep) or {}) | (prints.fingerprint(first) or {}) or None,
        "y_sample": [] if labels is None or rows is None else labels[rows].tolist(),
        "y_classes": len(np.unique(labels)) if labels is not None and sure else 0,
    }


def _with_answers(facts: Facts | None, array: prints.Array | None) -> Facts | None:
    """Notes how many rows are shares of the classes as a model answers them, not as labels are mixed or smoothed."""
    if facts is None or array is None or array.ndim != 2 or array.dtype.kind != "f" or flat(array) is None:
        return facts
    some = array[prints.spread(len(array), MANY)]
    counts = 1 + (np.diff(np.sort(some, axis=1), axis=1) > 0).sum(axis=1)
    # A table of shares, with a row for each class, is somebody's own thought.
    answers = counts >= ANSWERED
    if len(np.unique(some[answers], axis=0)) <= OF_EACH * array.shape[1]:
        return facts
    return facts | {"answers": float(answers.mean())}


def _printed(target: Thing, batch: prints.Array | None, rows: prints.Rows | None, keep: prints.Keep) -> Facts | None:
    """With the targets of the sampled rows where they are no labels: by them it is seen what they go by."""
    array = prints.as_array(target)
    alike = array is not None and batch is not None and rows is not None and len(array) == len(batch)
    if array is None or rows is None or not alike or array.ndim < 2 or flat(array) is not None:
        return prints.fingerprint(target)
    if 4 * array[:1].size * len(rows) > prints.SAMPLE_BYTES:
        return prints.fingerprint(target)
    return prints.fingerprint(array, keep, rows)


def _joined(parts: Sequence[tuple[prints.Array, Any]]) -> prints.Array | None:
    """All targets, where there are some for each row."""
    arrays = [array for _, part in parts if (array := prints.as_array(part)) is not None]
    same = len(arrays) == len(parts) and len({array.shape[1:] for array in arrays}) == 1
    return np.concatenate(arrays) if same else None


def _sampled(batch: prints.Array | None, target: Thing, classes: int) -> tuple[prints.Rows | None, prints.Array | None]:
    """Rows of a sample, and all labels if there is one for each row."""
    if batch is None:
        return None, None
    labels = flat(target)
    if labels is not None and len(labels) != len(batch):
        labels = None
    return prints.sample_rows(batch, _telling(labels, classes)), labels


def flat(y: Thing) -> prints.Array | None:
    """Class index per row; a column of figures as it is; None for what holds no labels, such as images."""
    array = prints.as_array(y)
    if array is None or array.dtype.kind not in "biuf" or not len(array):
        return None
    if array.size == len(array):
        return _whole(array.reshape(-1))
    if array.ndim != 2 or not np.allclose(np.sum(array[:1000], axis=1, dtype=np.float64), 1, atol=1e-3):
        return None
    return np.asarray(np.argmax(array, axis=1))


def _whole(array: prints.Array) -> prints.Array | None:
    if array.dtype.kind != "f":
        return array.astype(np.int64)
    if not np.isfinite(array).all():
        return None
    rounded = np.rint(array)
    return rounded.astype(np.int64) if (rounded == array).all() else array


def _telling(labels: prints.Array | None, classes: int) -> prints.Array | None:
    """Rows that a sample should hold besides the usual ones: one of each label, or many where labels are few."""
    if labels is None:
        return None
    distinct, first = np.unique(labels, return_index=True)
    if len(distinct) > min(MANY, FEW // 2):
        return None
    if len(distinct) >= classes:
        return first
    return np.union1d(first, prints.spread(len(labels), FEW - len(first)))


def _are_all(labels: prints.Array, batch: prints.Array) -> bool:
    """Whether the labels of a batch are taken for those of all data."""
    wanted = _SURE * len(np.unique(labels))
    return len(labels) >= wanted and len({row.tobytes() for row in batch}) >= wanted


def _distinct(labels: prints.Array, data: Thing, batch: prints.Array | None) -> int:
    if batch is not None:
        whole = flat(getattr(data, "y", None)) if prints.is_sequence(data) else None  # Keras' own image iterators
        if whole is None and not _are_all(labels, batch):
            return 0
        labels = labels if whole is None else whole
    known = len(np.unique(labels))
    return known if known <= MANY else 0

"""Images behind numbers that a model learns from: another model was shown the images, and answered with the numbers.

Of every use of a model a few rows are remembered, answers beside images. A training's rows are looked up among the
answers: a row is known by its figures, but for a common factor; where all rows were changed column by column, or
projected, by how they lie to one another, if there are as many of them in the same order.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..things import Thing
from . import prints, roots, targets

ROWS, BYTES = 512, 48 << 20
"""Remembered of one use, and of all images together."""
COLUMNS, LEVELS, TELLING = 64, 4096, 6
"""Figures by which a row is known, how exactly, and how many of them must differ: sure class scores say too little."""
LOOKED, PASSING, FOUND = 4096, 128, 256
"""Rows of an array that are looked up, and of a batch; images that are kept of a training."""
USES, FEWEST, WIDE = 8, 16, 256
"""Whose rows are laid beside those of a training, the fewest by which that says anything, and figures of a row."""
SAME_COLUMNS, SAME_DISTANCES = 0.99, 0.98
"""Correlations from which on numbers are taken for the same ones, shifted and stretched by column, or projected."""


@dataclass(frozen=True)
class _Use:
    total: int
    at: prints.Rows
    answers: prints.Array
    images: list[prints.Array]


class Features:
    """Of one notebook: what its models were shown and answered."""

    def __init__(self) -> None:
        self._images: dict[bytes, prints.Array | None] = {}
        """By the answer; None where several images have the same one."""
        self._widths: set[int] = set()
        self._uses: deque[_Use] = deque(maxlen=USES)
        self._bytes = 0

    def answered(self, given: Thing, answers: Thing) -> None:
        """A model was used; what comes by a generator cannot be laid beside its answers."""
        for one in answers if isinstance(answers, (list, tuple)) else (answers,):
            array = _numbers(one)
            images = None if array is None else _given(given, len(array))
            if array is not None and images is not None:
                self._remember(images, array)

    def _remember(self, images: prints.Array, answers: prints.Array) -> None:
        size = math.prod(images.shape[1:])
        most = min(len(answers), ROWS, max(1, prints.SAMPLE_BYTES // (4 * size)))
        at = np.sort(np.random.default_rng().choice(len(answers), most, replace=False))
        known, own = _keys(answers[at]), [self.image(key) for key in _keys(images[at])]
        # What was made of features shows the images that these were made of.
        shown = [np.array(images[row], np.float32) if one is None else one for row, one in zip(at, own, strict=True)]
        if size < roots.IMAGE and all(one is None for one in own):
            return
        self._widths.add(math.prod(answers.shape[1:]))
        for key, image in zip(known, shown, strict=True):
            if key:
                self._note(key, image)
        some = prints.spread(len(at), 2 * prints.SAMPLE_ROWS)
        if len(some) >= FEWEST:
            kept = _narrow(answers[at[some]])
            self._uses.append(_Use(len(answers), at[some], kept, [shown[place] for place in some]))

    def _note(self, key: bytes, image: prints.Array) -> None:
        if key in self._images:
            before = self._images[key]
            if before is not None and not np.array_equal(before, image):
                self._images[key] = None
            return
        self._images[key] = image
        self._bytes += image.nbytes
        if self._bytes > BYTES:
            self._images = dict(list(self._images.items())[1::2])
            self._bytes = sum(one.nbytes for one in self._images.values() if one is not None)

    def image(self, key: bytes) -> prints.Array | None:
        """The one that was answered with this."""
        return self._images.get(key) if key else None

    def may_know(self, rows: prints.Array) -> bool:
        return rows.ndim > 1 and len(rows) > 0 and math.prod(rows.shape[1:]) in self._widths

    def alongside(self, rows: prints.Array) -> Iterator[tuple[int, prints.Array]]:
        """Places and images of a use whose answers lie to one another as these rows do."""
        for use in self._uses:
            if use.total == len(rows) and _alike(use.answers, _narrow(rows[use.at])):
                yield from zip(map(int, use.at), use.images, strict=True)
                return


@dataclass
class Behind:
    """Images whose answers one training was given."""

    features: Features
    found: list[tuple[prints.Array, float | None]] = field(default_factory=list)
    """And the label, where that is known."""

    def given(self, x: Thing, y: Thing) -> None:
        """All that ``fit`` is given, as far as it is there in arrays."""
        labels = targets.flat(y)
        array = _numbers(x)
        if array is not None:
            self._look(array, labels if labels is not None and len(labels) == len(array) else None)
        for other, _ in roots.arrays(x):
            if len(other.shape) > 1:
                self._look(np.asarray(other), None)

    def see(self, batch: prints.Array) -> None:
        """One of many."""
        if self.features.may_know(batch):
            batch = batch[prints.spread(len(batch), PASSING)]
            self.found += [(image, None) for key in _keys(batch) if (image := self.features.image(key)) is not None]
            self.found = self.found[:: 2 if len(self.found) > FOUND else 1]

    def _look(self, rows: prints.Array, labels: prints.Array | None) -> None:
        found = list[tuple[int, prints.Array]]()
        if self.features.may_know(rows):
            some = prints.spread(len(rows), LOOKED)
            keys = zip(map(int, some), _keys(rows[some]), strict=True)
            found = [(row, image) for row, key in keys if (image := self.features.image(key)) is not None]
        if not found and rows.ndim > 1 and rows.dtype.kind in "biuf":
            found = list(self.features.alongside(rows))
        for place in prints.spread(len(found), FOUND) if found else ():
            row, image = found[place]
            self.found.append((image, None if labels is None else float(labels[row])))

    def printed(self, keep: prints.Keep) -> list[dict[str, Any]]:
        """An ``ArrayPrint`` of images of the commonest shape; none where none was found."""
        if not self.found:
            return []
        [(shape, _)] = Counter(image.shape for image, _ in self.found).most_common(1)
        same = [one for one in self.found if one[0].shape == shape]
        fit = max(1, prints.SAMPLE_BYTES // (4 * math.prod(shape)))
        some = [same[place] for place in prints.spread(len(same), min(2 * prints.SAMPLE_ROWS, fit))]
        if not (name := keep(prints.npy(np.stack([image for image, _ in some])))):
            return []
        labels = [label for _, label in some if label is not None]
        told = {"labels": labels} if len(labels) == len(some) else {}
        return [{"kind": "answers", "shape": [len(same), *shape], "sample": name, "rows": [], **told}]


def _numbers(data: Thing) -> prints.Array | None:
    array = prints.as_array(data)
    return array if array is not None and array.ndim > 1 and array.size and array.dtype.kind in "biuf" else None


def _given(data: Thing, count: int) -> prints.Array | None:
    """What was answered with so many rows."""
    if prints.is_dataset(data):
        whole = (array for array, _ in roots.arrays(data) if len(array.shape) > 1 and len(array) == count)
        found = next(whole, None)
        return None if found is None else _numbers(found)
    array = _numbers(data)
    return array if array is not None and len(array) == count else None


def _keys(rows: prints.Array) -> list[bytes]:
    """One for each row; empty where it says too little."""
    flat = rows.reshape(len(rows), -1)
    few = np.asarray(flat[:, prints.spread(flat.shape[1], COLUMNS)], np.float32)
    largest = np.abs(few).max(axis=1, keepdims=True)
    scaled = np.nan_to_num(np.divide(few, largest, out=np.zeros_like(few), where=largest > 0), posinf=0, neginf=0)
    mantissa, exponent = np.frexp(scaled)
    figures = np.rint(mantissa * LEVELS).astype(np.int32) * 512 + exponent
    telling = 1 + (np.diff(np.sort(figures, axis=1), axis=1) != 0).sum(axis=1) >= TELLING
    return [row.tobytes() if tells else b"" for row, tells in zip(figures, telling, strict=True)]


def _narrow(rows: prints.Array) -> prints.Array:
    """Enough figures of each row to compare it by."""
    flat = rows.reshape(len(rows), -1)
    return np.array(flat[:, prints.spread(flat.shape[1], WIDE)], np.float32)


def _alike(first: prints.Array, second: prints.Array) -> bool:
    if not np.isfinite(first).all() or not np.isfinite(second).all():
        return False
    if first.shape == second.shape and _columns(first, second) >= SAME_COLUMNS:
        return True
    return _correlation(_distances(first), _distances(second)) >= SAME_DISTANCES


def _columns(first: prints.Array, second: prints.Array) -> float:
    """The median correlation of columns that are not all the same."""
    lively = (first.std(axis=0) > 0) & (second.std(axis=0) > 0)
    if lively.sum() < TELLING:
        return 0.0
    one, two = ((rows - rows.mean(axis=0)) / rows.std(axis=0) for rows in (first[:, lively], second[:, lively]))
    return float(np.median((one * two).mean(axis=0)))


def _distances(rows: prints.Array) -> prints.Array:
    """Between each two rows."""
    wide = rows.astype(np.float64)
    squares = (wide * wide).sum(axis=1)
    among = squares[:, None] + squares - 2 * wide @ wide.T
    return np.asarray(np.sqrt(np.maximum(among[np.triu_indices(len(rows), 1)], 0)))


def _correlation(first: prints.Array, second: prints.Array) -> float:
    if not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])

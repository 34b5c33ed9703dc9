"""Which raw image is this row of a sample? Answered by correlation, before the preprocessing is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.extraction.shapes import Shape, corners, layouts
from autograder.preprocessing import Floats, Step, apply

Pixels: TypeAlias = npt.NDArray[np.uint8]
Rows: TypeAlias = npt.NDArray[np.intp]
Part: TypeAlias = tuple[tuple[int | None, int | None], tuple[int | None, int | None]]
"""From where to where, down and right."""
WHOLE: Part = ((None, None), (None, None))
BLOCK = 2048


def look_up(sample: Floats, raw: Pixels) -> Iterator[Rows]:
    """For each row of the sample the raw image most like it, under several views of what "like" may mean."""
    seen: list[bytes] = []
    views = _views(sample, raw.shape[1:])
    for measure in (_Centred, _ByPixel, _Inked):
        for rows, _ in sorted(_most_alike(views, raw, measure), key=lambda one: -one[1]):
            if rows.tobytes() not in seen:
                seen.append(rows.tobytes())
                yield rows


@dataclass(frozen=True, slots=True)
class _View:
    """What is laid beside the raw images: the sample in grey, flat, and which part of the raw images it shows."""

    rows: Floats
    part: Part = WHOLE


def _views(sample: Floats, raw: Shape) -> list[_View]:
    """The sample brought back, roughly, to the size of raw images, or shown to be a part of them."""
    views: list[_View] = []
    if prod(sample.shape[1:]) == prod(raw):
        whole = sample.reshape(len(sample), *raw)
        views.append(_view(whole if len(raw) == 2 else whole.mean(axis=3)))
    for height, width, channels, layout in layouts(sample.shape[1:]):
        shape = (channels, height, width) if layout == "chw" else (height, width, channels)
        planes = sample.reshape(len(sample), *shape).mean(axis=1 if layout == "chw" else 3)
        down, right = height - raw[0], width - raw[1]
        if (down, right) == (0, 0):
            views.append(_view(planes))
            continue
        resize: Step = {"op": "resize", "values": {"height": raw[0], "width": raw[1], "method": "bilinear_smooth"}}
        views.append(_view(apply([resize], planes)))
        if down >= 0 and right >= 0:
            parts = [(slice(top, top + raw[0]), slice(left, left + raw[1])) for top, left in corners(down, right)]
            views += [_view(planes[(slice(None), *part)]) for part in parts]
        if down <= 0 and right <= 0:
            views += [
                _view(planes, ((top, top + height), (left, left + width))) for top, left in corners(-down, -right)
            ]
    return _distinct(views)


def _distinct(views: Sequence[_View]) -> list[_View]:
    """Several shapes may come to the same rows."""
    kept: list[_View] = []
    for view in views:
        if not any(view.part == one.part and np.array_equal(view.rows, one.rows) for one in kept):
            kept.append(view)
    return kept


def _view(planes: Floats, part: Part = WHOLE) -> _View:
    return _View(np.ascontiguousarray(planes).reshape(len(planes), -1), part)


# --- what "like" means -----------------------------------------------------------------------------------------------
#
# The correlation of a sample's row with an image, each prepared in the same way, is a product of vectors. The side of
# the images, which are many, is the same for all views: it is made once, and what preparing does to a single row is
# done to the few of the sample.


class _Measure(Protocol):
    def __init__(self, some: Floats) -> None:
        """``some``: images of the raw ones, (images, pixels), whose statistics stand for all."""

    def weights(self, rows: Floats) -> Floats:
        """Of a sample's rows: what to multiply the images with."""

    def images(self, block: Floats) -> tuple[Floats, Floats]:
        """What is multiplied, and the size that each image has once it is prepared."""


class _Centred:
    """Each image less its own mean."""

    def __init__(self, some: Floats) -> None:
        pass

    def weights(self, rows: Floats) -> Floats:
        return _unit(rows - rows.mean(axis=1, keepdims=True))

    def images(self, block: Floats) -> tuple[Floats, Floats]:
        squares = np.einsum("ij,ij->i", block, block) - block.shape[1] * block.mean(axis=1) ** 2
        return block, np.sqrt(np.maximum(squares, 0))


class _ByPixel:
    """Each pixel by its own mean and deviation, which undoes a scaling pixel by pixel."""

    def __init__(self, some: Floats) -> None:
        self._mean = some.mean(axis=0)
        self._inverse = _inverse(some.std(axis=0))

    def weights(self, rows: Floats) -> Floats:
        scaled: Floats = (rows - rows.mean(axis=0)) * _inverse(rows.std(axis=0))
        return _unit(scaled) * self._inverse

    def images(self, block: Floats) -> tuple[Floats, Floats]:
        moved = block - self._mean
        return moved, np.sqrt(moved**2 @ self._inverse**2)


def _inverse(deviation: Floats) -> Floats:
    """0 for a pixel that is the same in all images."""
    inverse: Floats = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return inverse


class _Inked:
    """Where an image is not at its lowest, which survives a scaling of each row or column by its own figures."""

    def __init__(self, some: Floats) -> None:
        pass

    def weights(self, rows: Floats) -> Floats:
        inked = _inked(rows)
        return _unit(inked - inked.mean(axis=1, keepdims=True))

    def images(self, block: Floats) -> tuple[Floats, Floats]:
        inked = _inked(block)
        share = inked.mean(axis=1)
        return inked, np.sqrt(block.shape[1] * share * (1 - share))


def _inked(images: Floats) -> Floats:
    inked: Floats = (images > images.min(axis=1, keepdims=True)).astype(np.float32)
    return inked


def _most_alike(views: Sequence[_View], raw: Pixels, measure: type[_Measure]) -> list[tuple[Rows, float]]:
    """For each view, by normalised correlation, whose sign does not count: inverted images are found too.

    The rows of ``raw``, and how alike they are on average.
    """
    found: dict[int, tuple[Rows, float]] = {}
    for part in dict.fromkeys(view.part for view in views):
        own = {number: view for number, view in enumerate(views) if view.part == part}
        among = measure(_grey_rows(raw[:: max(1, len(raw) // 2000)], part))
        best = _best(np.concatenate([among.weights(view.rows) for view in own.values()]), among, raw, part)
        ends = np.cumsum([len(view.rows) for view in own.values()])[:-1]
        for number, rows, likeness in zip(own, *(np.split(one, ends) for one in best), strict=True):
            found[number] = rows, float(likeness.mean())
    return [found[number] for number in sorted(found)]


def _best(wanted: Floats, among: _Measure, raw: Pixels, part: Part) -> tuple[Rows, Floats]:
    """For each wanted row the raw image most like it, and how alike it is."""
    best: Floats = np.full(len(wanted), -1, np.float32)
    rows = np.zeros(len(wanted), dtype=np.intp)
    for start in range(0, len(raw), BLOCK):
        images, sizes = among.images(_grey_rows(raw[start : start + BLOCK], part))
        likeness = np.abs(wanted @ images.T) * _inverse(sizes)
        top = likeness.argmax(axis=1)
        value = likeness[np.arange(len(wanted)), top]
        better = value > best + 1e-6
        best[better], rows[better] = value[better], top[better] + start
    return rows, best


def _grey_rows(images: Pixels, part: Part) -> Floats:
    planes: Floats = images[(slice(None), *(slice(*ends) for ends in part))].astype(np.float32)
    grey: Floats = planes if planes.ndim == 3 else planes.mean(axis=3)
    return grey.reshape(len(images), -1)


def _unit(rows: Floats) -> Floats:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(size == 0, 1, size)).astype(np.float32)

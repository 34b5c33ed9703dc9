"""Which raw image is this row of a sample? Answered by correlation, before the preprocessing is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.extraction.shapes import Shape, corners, layouts
from autograder.preprocessing import Floats, Step, apply

Pixels: TypeAlias = npt.NDArray[np.uint8]
BLOCK = 8192


def look_up(sample: Floats, raw: Pixels) -> Iterator[npt.NDArray[np.intp]]:
    """For each row of the sample the raw image most like it, under several views of what "like" may mean."""
    seen: list[bytes] = []
    views = _views(sample, raw.shape[1:])
    for prepare in (_centred, _by_pixel, _inked):
        found = [_most_alike(view, raw, prepare) for view in views]
        for rows, _ in sorted(found, key=lambda one: -one[1]):
            if rows.tobytes() not in seen:
                seen.append(rows.tobytes())
                yield rows


@dataclass(frozen=True, slots=True)
class _View:
    """What is laid beside the raw images: the sample in grey, flat, and which part of the raw images it shows."""

    rows: Floats
    part: tuple[slice, slice] = (slice(None), slice(None))


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
            parts = [(slice(top, top + height), slice(left, left + width)) for top, left in corners(-down, -right)]
            views += [_view(planes, part) for part in parts]
    return views


def _view(planes: Floats, part: tuple[slice, slice] = (slice(None), slice(None))) -> _View:
    return _View(np.ascontiguousarray(planes).reshape(len(planes), -1), part)


_Prepare: TypeAlias = "Callable[[Floats, Floats], Floats]"


def _centred(images: Floats, _: Floats) -> Floats:
    centred: Floats = images - images.mean(axis=1, keepdims=True)
    return centred


def _by_pixel(images: Floats, population: Floats) -> Floats:
    """Each pixel by its own mean and deviation, which undoes a scaling pixel by pixel."""
    deviation: Floats = population.std(axis=0)
    scaled: Floats = (images - population.mean(axis=0)) / np.where(deviation > 0, deviation, np.float32(1))
    return np.where(deviation > 0, scaled, np.float32(0))


def _inked(images: Floats, _: Floats) -> Floats:
    """Where an image is not at its lowest, which survives a scaling of each row or column by its own figures."""
    return _centred((images > images.min(axis=1, keepdims=True)).astype(np.float32), images)


def _most_alike(view: _View, raw: Pixels, prepare: _Prepare) -> tuple[npt.NDArray[np.intp], float]:
    """By normalised correlation, whose sign does not count: inverted images are found too; and how alike on average."""
    some = _grey_rows(raw[:: max(1, len(raw) // 2000)], view.part)
    wanted = _unit(prepare(view.rows, view.rows))
    best: Floats = np.full(len(wanted), -1, np.float32)
    rows = np.zeros(len(wanted), dtype=np.intp)
    for start in range(0, len(raw), BLOCK):
        block = _grey_rows(raw[start : start + BLOCK], view.part)
        likeness = np.abs(wanted @ _unit(prepare(block, some)).T)
        top = likeness.argmax(axis=1)
        value = likeness[np.arange(len(wanted)), top]
        better = value > best + 1e-6
        best[better], rows[better] = value[better], top[better] + start
    return rows, float(best.mean())


def _grey_rows(images: Pixels, part: tuple[slice, slice]) -> Floats:
    planes: Floats = images[(slice(None), *part)].astype(np.float32)
    grey: Floats = planes if planes.ndim == 3 else planes.mean(axis=3)
    return grey.reshape(len(images), -1)


def _unit(rows: Floats) -> Floats:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(size == 0, 1, size)).astype(np.float32)

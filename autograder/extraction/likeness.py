"""Which raw image is this row of a sample? Answered by correlation, before the preprocessing is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.extraction.shapes import Shape, layouts
from autograder.preprocessing import Floats, Step, apply

Pixels: TypeAlias = npt.NDArray[np.uint8]
BLOCK = 8192


def look_up(sample: Floats, raw: Pixels) -> Iterator[npt.NDArray[np.intp]]:
    """For each row of the sample the raw image most like it, under several views of what "like" may mean."""
    seen: list[bytes] = []
    views = _as_raw(sample, raw.shape[1:])
    for view in views:
        for prepare in (_centred, _by_pixel, _inked):
            rows = _most_alike(view, raw, prepare)
            if rows.tobytes() not in seen:
                seen.append(rows.tobytes())
                yield rows


def _as_raw(sample: Floats, raw: Shape) -> list[Floats]:
    """The sample brought back, roughly, to the size of raw images in grey, (rows, height * width)."""
    views: list[Floats] = []
    for height, width, channels, layout in layouts(sample.shape[1:]):
        shape = (channels, height, width) if layout == "chw" else (height, width, channels)
        planes = sample.reshape(len(sample), *shape).mean(axis=1 if layout == "chw" else 3)
        down, right = height - raw[0], width - raw[1]
        if down >= 0 and right >= 0:
            views.append(planes[:, down // 2 : down // 2 + raw[0], right // 2 : right // 2 + raw[1]])
        if (down, right) != (0, 0):
            method = "bilinear_smooth"
            resize: Step = {"op": "resize", "values": {"height": raw[0], "width": raw[1], "method": method}}
            views.append(apply([resize], planes))
    if not views and prod(sample.shape[1:]) == prod(raw):
        whole = sample.reshape(len(sample), *raw)
        views.append(whole if len(raw) == 2 else whole.mean(axis=3))
    return [np.ascontiguousarray(view).reshape(len(sample), -1) for view in views]


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


def _most_alike(view: Floats, raw: Pixels, prepare: _Prepare) -> npt.NDArray[np.intp]:
    """By normalised correlation, whose sign does not count: inverted images are found too."""
    some = _grey_rows(raw[:: max(1, len(raw) // 2000)])
    wanted = _unit(prepare(view, view))
    best: Floats = np.full(len(view), -1, np.float32)
    rows = np.zeros(len(view), dtype=np.intp)
    for start in range(0, len(raw), BLOCK):
        likeness = np.abs(wanted @ _unit(prepare(_grey_rows(raw[start : start + BLOCK]), some)).T)
        top = likeness.argmax(axis=1)
        value = likeness[np.arange(len(view)), top]
        better = value > best + 1e-6
        best[better], rows[better] = value[better], top[better] + start
    return rows


def _grey_rows(images: Pixels) -> Floats:
    planes: Floats = images.astype(np.float32)
    grey: Floats = planes if planes.ndim == 3 else planes.mean(axis=3)
    return grey.reshape(len(images), -1)


def _unit(rows: Floats) -> Floats:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(size == 0, 1, size)).astype(np.float32)

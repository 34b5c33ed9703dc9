"""Whether a training is fed the rows that it was given: what Keras draws batches from is held against these.

Between the two the notebook's code may have its turn: another thread, a tracer, an argument of its own, a function of
Keras' that it replaced.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..things import Thing
from . import hooks, prints, roots

CLOSE = 0.01
"""Relative: numbers of sixteen bits are as near as that."""


@dataclass(frozen=True, slots=True)
class Given:
    """Some rows of an array, as they were when ``fit`` was called."""

    places: prints.Rows
    rows: prints.Array


def install(kind: type, training: Callable[[], Thing], keep: prints.Keep, safely: Callable[..., Thing]) -> None:
    """Look at what Keras' ``kind`` draws from, once for each training: the ``Fit`` that is at work."""

    def made(original: Callable[..., Any], iterator: Thing, arguments: Thing, keywords: Thing) -> None:
        __tracebackhide__ = True
        original(iterator, *arguments, **keywords)
        fit: Any = training()
        # Only of a training Keras tells weights of classes.
        if fit is not None and fit.given is not None and "class_weight" in keywords:
            before, fit.given = fit.given, None
            fit.entry["roots"] += safely(exchanged, iterator, before, keep) or []

    hooks.wrap(kind, "__init__", made)


def given(x: Thing) -> Given | None:
    """None of what is no array, and of several."""
    array = None if isinstance(x, (list, tuple, dict)) or prints.is_dataset(x) else prints.as_array(x)
    if array is None or array.ndim < 2 or not len(array) or array.dtype.kind not in "biuf":
        return None
    fit = prints.SAMPLE_BYTES // (4 * math.prod(array.shape[1:]) or 1)
    places = prints.spread(len(array), min(prints.SAMPLE_ROWS, fit))
    return Given(places, np.array(array[places], np.float32)) if fit else None


def exchanged(iterator: Thing, before: Given, keep: prints.Keep) -> list[dict[str, Any]]:
    """What the batches are drawn from, where that is something else: an ``ArrayPrint`` for each array of images.

    ``fit`` itself leaves rows at the end for validation.
    """
    source: Any = getattr(iterator, "_distributed_dataset", None)
    if not prints.is_dataset(source):
        return []
    arrays = [array for array, _ in roots.reaching(source)]
    size = math.prod(before.rows.shape[1:])
    alike = [array for array in arrays if math.prod(int(side) for side in array.shape[1:]) == size]
    if not arrays or any(_is_fed(array, before) for array in alike):
        return []
    return roots.roots(source, keep)


def _is_fed(array: Thing, before: Given) -> bool:
    sized: Any = array
    places = before.places[before.places < int(sized.shape[0])]
    rows = roots.taken(array, places).astype(np.float32).reshape(len(places), -1)
    known = before.rows[: len(places)].reshape(len(places), -1)
    return bool(len(places)) and np.allclose(rows, known, rtol=CLOSE, atol=CLOSE * np.nanstd(known), equal_nan=True)

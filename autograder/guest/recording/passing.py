"""What can be had only once: rows of a generator, looked at as they pass, and arrays that the notebook's code makes."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator

import numpy as np

from ..things import Thing
from . import prints
from .handmade import IsStudent, is_theirs

Look = Callable[[prints.Array, prints.Array], Thing]


def settled(data: Thing, is_student: IsStudent) -> Thing:
    """With arrays in the place of the notebook's own objects that make some: each time they are asked it may be others.

    Whoever asks for rows of such an object would not see what the training is given.
    """
    if type(data) in (list, tuple):
        own = [settled(one, is_student) if hasattr(type(one), "__array__") else one for one in data]
        return type(data)(own) if any(one is not other for one, other in zip(own, data, strict=True)) else data
    made = hasattr(type(data), "__array__") and is_theirs(data, is_student)
    return np.asarray(data) if made else data


def watched(data: Thing, look: Look, late: Callable[[Thing], Thing]) -> Thing:
    """The same generator to whoever draws from it; anything else as it is. ``late`` is shown the images of each."""
    return _passing(data, look, late) if isinstance(data, types.GeneratorType) else data


def _passing(data: Iterator[Thing], look: Look, late: Callable[[Thing], Thing]) -> Iterator[Thing]:
    kept: list[tuple[prints.Array, prints.Array]] | None = []
    for count, element in enumerate(data, start=1):
        if kept is not None:
            kept = _noted(kept, element, count, look)
        late(element[0] if isinstance(element, (tuple, list)) and element else element)
        yield element


def _noted(
    kept: list[tuple[prints.Array, prints.Array]], element: Thing, count: int, look: Look
) -> list[tuple[prints.Array, prints.Array]] | None:
    """What is kept so far; None once there is no more to look for."""
    parts = [*element, None, None] if isinstance(element, (tuple, list)) else [None, None]
    images, labels = prints.as_array(parts[0]), prints.as_array(parts[1])
    if images is None or labels is None or len(images) != len(labels) or count > prints.BATCHES:
        return None
    if kept and images.shape[1:] != kept[0][0].shape[1:]:
        return None
    kept.append(prints.some(images, labels) if count > 1 else (images.copy(), labels.copy()))
    if not count & (count - 1):  # as in ``prints``: to put them together takes the longer, the more there are
        return None if look(*map(np.concatenate, zip(*kept, strict=True))) else kept
    return kept

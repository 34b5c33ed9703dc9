"""What a model can do before its training begins: nothing, where its weights are fresh.

A few of the training images are enough to tell weights that were brought along from those that were drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ..things import Thing
from . import models, prints, several, targets
from .several import Inputs

ROWS = 64
PIXELS = 2_000_000
"""In all rows together: looking must not be felt."""
FEWEST_ROWS, FEWEST_LABELS = 8, 5
"""Of fewer, chance names too many rightly: two digits are told apart by many a random layer."""
ABLE = 0.5
"""Of the way from the commonest label alone to no error at all."""


@dataclass(frozen=True)
class Beginning:
    accuracy: float
    weights: str
    """Digest before the first step."""


def few(images: Inputs, labels: Thing) -> tuple[Inputs, prints.Array] | None:
    """Rows by which a model can be tried, with a label for each; None where they tell nothing.

    Which ones nobody knows beforehand, lest they be given other labels; by a stream that nothing else draws from.
    """
    whole = _named(labels)
    if whole is None or (not isinstance(images, (list, dict)) and len(whole) != len(images)):
        return None
    most = max(1, min(ROWS, PIXELS // max(1, several.size(images))))
    rows = np.sort(np.random.default_rng().choice(len(whole), min(most, len(whole)), replace=False))
    return (several.taken(images, rows), whole[rows]) if _telling(whole[rows]) else None


def few_of_all(model: Thing, data: Thing, labels: Thing) -> tuple[Inputs, prints.Array] | None:
    """The same of data for a model of several inputs; None for any other."""
    found = several.gathered(data, labels) if _inputs(model) > 1 else None
    return None if found is None else few(*found)


def seen(model: Thing, images: Inputs, labels: prints.Array) -> Beginning | None:
    """None where the model names hardly more rows rightly than one label for all would, or where that is not known."""
    outputs = asked(model, images)
    return None if outputs is None else answered(outputs, labels, lambda: models.weights(model))


def asked(model: Thing, images: Inputs) -> prints.Array | None:
    """Its answers, which leave nothing behind: states of layers that draw or count even then are put back."""
    if not _plain(model) or _inputs(model) != (len(images) if isinstance(images, (list, dict)) else 1):
        return None
    try:
        with unmoved(model):
            return np.asarray(model(images, training=False))
    except Exception:  # images that the model cannot take: the training itself will say so
        return None


@contextmanager
def unmoved(model: Thing) -> Iterator[None]:
    """What layers draw or count is put back."""
    kept = [(one, np.array(one)) for one in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in kept:
            if not np.array_equal(np.asarray(variable), value):
                variable.assign(value)


def answered(outputs: Thing, labels: Thing, weights: Callable[[], str]) -> Beginning | None:
    """The same of outputs that are known already; ``weights`` gives the digest, and is called where it is wanted."""
    accuracy = share(outputs, labels)
    return None if accuracy is None or not able(accuracy, labels) else Beginning(accuracy, weights())


def share(outputs: Thing, labels: Thing) -> float | None:
    """Of the rows, those that are named rightly; None where that tells nothing."""
    whole, rows = _named(labels), prints.as_array(outputs)
    if whole is None or rows is None or rows.ndim != 2 or len(rows) != len(whole) or not _telling(whole):
        return None
    return float(np.mean(np.argmax(rows, axis=1) == whole))


def able(accuracy: float, labels: Thing) -> bool:
    whole = _named(labels)
    if whole is None:
        return False
    commonest = float(np.unique(whole, return_counts=True)[1].max() / len(whole))
    return accuracy >= commonest + ABLE * (1 - commonest)


def _named(labels: Thing) -> prints.Array | None:
    """One label for each row, also where it is spread over the classes: smoothed, mixed, or scaled."""
    whole, array = targets.flat(labels), prints.as_array(labels)
    if whole is not None or array is None or array.ndim != 2 or array.dtype.kind not in "biuf":
        return whole
    return np.asarray(np.argmax(array, axis=1)) if 2 < array.shape[1] <= targets.MANY else None


def _plain(model: Thing) -> bool:
    """Built, and of Keras' own layers: others may do anything when they are called."""
    return bool(getattr(model, "built", False)) and not models.foreign(model)


def _inputs(model: Thing) -> int:
    return len(getattr(model, "inputs", None) or ())


def _telling(labels: prints.Array) -> bool:
    return len(labels) >= FEWEST_ROWS and len(np.unique(labels)) >= FEWEST_LABELS

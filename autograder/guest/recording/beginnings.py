"""What a model can do before its training begins: nothing, where its weights are fresh.

A few of the training images are enough to tell weights that were brought along from those that were drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..things import Thing
from . import models, prints, targets

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


def seen(model: Thing, images: prints.Array | None, labels: Thing) -> Beginning | None:
    """None where the model names hardly more rows rightly than one label for all would, or where that is not known.

    Its answers leave nothing behind: states of layers that draw or count even then are put back.
    """
    whole = targets.flat(labels)
    if images is None or whole is None or len(whole) != len(images) or not _plain(model):
        return None
    most = max(1, min(ROWS, PIXELS // max(1, math.prod(images.shape[1:]))))
    rows = prints.spread(len(images), most)
    if not _telling(whole[rows]):
        return None
    kept = [(one, np.array(one)) for one in model.non_trainable_variables]
    try:
        outputs = np.asarray(model(images[rows], training=False))
    except Exception:  # images that the model cannot take: the training itself will say so
        return None
    finally:
        for variable, value in kept:
            if not np.array_equal(np.asarray(variable), value):
                variable.assign(value)
    return answered(outputs, whole[rows], lambda: models.weights(model))


def answered(outputs: Thing, labels: Thing, weights: Callable[[], str]) -> Beginning | None:
    """The same of outputs that are known already; ``weights`` gives the digest, and is called where it is wanted."""
    whole, rows = targets.flat(labels), prints.as_array(outputs)
    if whole is None or rows is None or rows.ndim != 2 or len(rows) != len(whole) or not _telling(whole):
        return None
    accuracy = float(np.mean(np.argmax(rows, axis=1) == whole))
    commonest = float(np.unique(whole, return_counts=True)[1].max() / len(whole))
    if accuracy < commonest + ABLE * (1 - commonest):
        return None
    return Beginning(accuracy, weights())


def _plain(model: Thing) -> bool:
    """Built, of one input, and of Keras' own layers: others may do anything when they are called."""
    return (
        bool(getattr(model, "built", False))
        and len(getattr(model, "inputs", None) or ()) == 1
        and not models.foreign(model)
    )


def _telling(labels: prints.Array) -> bool:
    return len(labels) >= FEWEST_ROWS and len(np.unique(labels)) >= FEWEST_LABELS

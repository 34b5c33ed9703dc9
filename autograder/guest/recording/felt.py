"""Limits and penalties of a training that cannot have been felt: held against its gradients, its weights and its loss.

What is not known, or not far beyond all that occurred, is taken to be felt.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..things import Thing
from . import beginnings, models, prints, several

ROWS = 16
"""On which a gradient is taken."""
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
WIDE = 10
"""A limit so many times as large as all weights of a layer together is not reached by any part of one."""
FAINT = 1e-5
"""Factor of a penalty that is felt, whatever it amounts to: who chooses a larger one will have meant it."""
UNFELT = 1e-4
"""Of the smallest loss that there was."""


def steepest(model: Thing, shown: Sequence[Any]) -> float | None:
    """Length of the gradient on a few images, all weights together; None where no limit asks for it, or none is known.

    ``shown``: images and the class of each.
    """
    tensorflow: Thing = sys.modules.get("tensorflow")
    if tensorflow is None or len(shown) != 2 or not _is_limited(model) or not _is_usual(model):
        return None
    rows = np.arange(min(ROWS, len(shown[1])))
    images, labels = several.taken(shown[0], rows), np.asarray(shown[1])[rows].astype(np.int64)
    try:
        with beginnings.unmoved(model):
            return _length(tensorflow, model, images, labels)
    except Exception:  # what the model cannot take: the training itself will say so
        return None


def _length(tensorflow: Thing, model: Thing, images: several.Inputs, labels: prints.Array) -> float | None:
    with tensorflow.GradientTape() as tape:
        outputs = tensorflow.cast(model(images, training=False), "float32")
        if len(outputs.shape) != 2 or labels.min() < 0 or labels.max() >= outputs.shape[1]:
            return None
        total = tensorflow.reduce_mean(_surprise(tensorflow, outputs, labels)) + sum(model.losses)
        weights = [getattr(one, "value", one) for one in model.trainable_variables]
    gradients = [np.asarray(one) for one in tape.gradient(total, weights) if one is not None]
    return prints.finite(np.sqrt(sum(float(np.square(one, dtype=np.float64).sum()) for one in gradients)))


def _is_limited(model: Thing) -> bool:
    outer = getattr(model, "optimizer", None)
    optimizer = getattr(outer, "inner_optimizer", outer)
    return any(getattr(optimizer, name, None) for name in CLIPPING)


def _is_usual(model: Thing) -> bool:
    """Built, of Keras' own layers, of a size that is not felt, and trained by the loss that is taken here."""
    known = models.loss(model) in ("categorical_crossentropy", "sparse_categorical_crossentropy")
    light = bool(getattr(model, "built", False)) and models.parameters(model) <= models.WEIGHED
    return known and light and not models.foreign(model) and not models.steps_itself(model)


def _surprise(tensorflow: Thing, outputs: Thing, labels: prints.Array) -> Thing:
    """Cross-entropy of each row, be its outputs shares or not."""
    told = np.asarray(outputs)
    if told.min() < 0 or not np.allclose(told.sum(axis=1), 1, atol=1e-2):
        return tensorflow.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)
    return -tensorflow.math.log(tensorflow.maximum(tensorflow.gather(outputs, labels, batch_dims=1), 1e-7))


def mark(model: Thing, layers: Sequence[dict[str, Any]], losses: Sequence[float | None]) -> None:
    """Note with each layer's record which of its settings were not felt; ``losses``: of the training, by epoch."""
    if models.parameters(model) > models.WEIGHED:
        return
    known = [loss for loss in losses if loss is not None and loss > 0]
    for layer, entry in zip(models.flat(model), layers, strict=False):
        if names := [*_too_wide(layer), *(_too_faint(layer, min(known)) if known else ())]:
            entry["unfelt"] = names


def _too_wide(layer: Thing) -> Iterator[str]:
    for name, constraint in _settings(layer, "_constraint", "MaxNorm"):
        limit: Any = getattr(constraint, "max_value", None)
        largest = max((float(np.linalg.norm(np.asarray(one))) for one in layer.weights), default=0.0)
        if isinstance(limit, (int, float)) and 0 < WIDE * largest <= limit:
            yield name


def _too_faint(layer: Thing, loss: float) -> Iterator[str]:
    """By the heaviest weights of the layer, whichever it is of: one that is of these would be felt no less."""
    for name, penalty in _settings(layer, "_regularizer", "L1", "L2", "L1L2"):
        factors = [abs(float(getattr(penalty, one, 0.0))) for one in ("l1", "l2")]
        heaviest = max((float(np.asarray(penalty(one))) for one in layer.trainable_weights), default=0.0)
        if max(factors) <= FAINT and 0 < heaviest <= UNFELT * loss and name != "activity_regularizer":
            yield name


def _settings(layer: Thing, ending: str, *kinds: str) -> Iterator[tuple[str, Any]]:
    """Settings of Keras' own kinds; a class of one's own may do anything."""
    attributes: dict[str, Any] = vars(layer)  # type: ignore[assignment]
    for name, value in list(attributes.items()):
        own = type(value).__module__.split(".")[0] != "keras"
        if name.endswith(ending) and type(value).__name__ in kinds and not own:
            yield name, value

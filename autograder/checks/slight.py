"""Trainings that could not teach anything: on a handful of images, of one class, or with weights that cannot change.

What the student asked for counts: images that a budget or a repetition left out of a training are not missing here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from autograder.checks import idle
from autograder.records import Evidence, Training

DOUBTFUL: Final = 5
"""Up to so many times the fewest images, a person is told."""
STILL: Final = 1e-9
"""Learning rate whose steps are lost to the rounding of float32, at weights of a hundredth and more."""
MOVED: Final = 1e-5
"""Of the size of the weights: a hundred times the rounding of float32, of which no answer of a model tells."""
_USUAL_CLASSES: Final = 10
_USUAL_BATCH: Final = 32


class Why(StrEnum):
    FEW = "few"
    ONE_CLASS = "one class"
    STILL = "still"
    UNMOVED = "unmoved"
    HARDLY = "hardly moved"
    LOST = "lost"
    BLANK = "blank"
    OTHER_LABELS = "other labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slight:
    """A training that taught nothing, or may have."""

    training: Training
    why: Why
    images: int = 0
    needed: int = 0
    """The fewest images that do."""
    sure: bool = True


def slight(parts: Sequence[Training], evidence: Evidence, images_per_class: int) -> Slight | None:
    """What speaks against one training, which may be several calls of ``fit`` in a row; None for an ordinary one."""
    last = parts[-1]
    if all(map(_stands_still, parts)):
        return Slight(training=last, why=Why.STILL)
    if all(part.start_weights and part.start_weights == part.weights for part in parts):
        return Slight(training=last, why=Why.UNMOVED)
    if all(part.moved is not None and part.moved * _left_out(part) < MOVED for part in parts):
        return Slight(training=last, why=Why.HARDLY)
    if _is_lost(last):
        return Slight(training=last, why=Why.LOST)
    if all(map(_is_blank, parts)):
        return Slight(training=last, why=Why.BLANK)
    if all(part.number in evidence.mislabelled for part in parts):
        return Slight(training=last, why=Why.OTHER_LABELS)
    few = _few(parts, evidence, images_per_class)
    if len(parts) == 1 and _has_one_class(last) and not (few and few.sure):
        return Slight(training=last, why=Why.ONE_CLASS)
    return few


def _left_out(training: Training) -> float:
    """How many times more steps were asked for than were taken."""
    return training.stride / max(training.share, 1e-6)


def _is_lost(training: Training) -> bool:
    """Its loss ended as no number, and with it the weights."""
    losses = training.history.get("loss", ())
    return bool(losses) and losses[-1] is None


def _is_blank(training: Training) -> bool:
    """One value everywhere, or none that is a number."""
    x = training.x
    if x.kind != "array" or not x.shape:
        return False
    return x.low == x.high if x.low is not None else x.dtype.startswith("float") and x.distinct == 1


def _few(parts: Sequence[Training], evidence: Evidence, images_per_class: int) -> Slight | None:
    last = parts[-1]
    needed = _needed(last, evidence, images_per_class)
    repeats = evidence.data.train_stride if evidence.data else 1
    different = {part.x.digest or part.number: _images(part, repeats) for part in parts}
    images = sum(count for count, _ in different.values())
    if images >= DOUBTFUL * needed or any(count == 0 for count, _ in different.values()):
        return None
    sure = images < needed and all(known for _, known in different.values())
    return Slight(training=last, why=Why.FEW, images=images, needed=needed, sure=sure)


def _needed(training: Training, evidence: Evidence, images_per_class: int) -> int:
    """For each class some images; where the data set itself is small, half of it will do."""
    told = training.outputs[0][-1] if training.outputs and training.outputs[0] else None
    flat = bool(training.outputs) and len(training.outputs[0]) == 2
    classes = max(2, told) if flat and told else evidence.data.classes if evidence.data else _USUAL_CLASSES
    whole = evidence.data.train_rows if evidence.data else 0
    needed = images_per_class * min(classes, max(_USUAL_CLASSES, evidence.data.classes if evidence.data else 0))
    return min(needed, math.ceil(whole / 2)) if whole else needed


def _images(training: Training, repeats: int) -> tuple[int, bool]:
    """How many the training was asked to use, and whether that is known; 0 where nothing is.

    Of batches that do not tell how many they are, the ledger has the first alone. Images of a data set that serves each
    one ``repeats`` times count as it says; what is given more often than that is one image.
    """
    shape, arguments = training.x.shape, training.arguments
    rows = shape[0] if shape else 0
    whole = training.x.kind == "array"
    if whole and rows:
        rows = max(1, math.floor(rows * (1 - _figure(arguments, "validation_split"))))
        rows = min(rows, training.x.distinct * repeats) if training.x.distinct else rows
    batch, steps = int(_figure(arguments, "batch_size")), int(_figure(arguments, "steps_per_epoch"))
    if arguments.get("loop"):
        drawn = math.ceil(_figure(arguments, "steps") / max(training.share, 1e-6)) * batch
        return (drawn, True) if drawn and drawn <= rows else (max(rows, drawn), False)
    if whole and steps:
        return min(rows, (batch or _USUAL_BATCH) * steps * max(1, training.epochs_run)), True
    return (rows, True) if whole else (rows * max(1, steps), False)


def _figure(arguments: Mapping[str, object], name: str) -> float:
    value = arguments.get(name)
    usable = isinstance(value, int | float) and math.isfinite(value) and value > 0
    return float(value) if usable and isinstance(value, int | float) else 0.0


def _has_one_class(training: Training) -> bool:
    """Labels of a classifier that are all the same."""
    several = len(training.outputs) == 1 and len(training.outputs[0]) == 2 and (training.outputs[0][-1] or 0) > 1
    known = training.y_classes == 1 and training.x.kind == "array"
    return several and known and "crossentropy" in training.loss.lower()


def _stands_still(training: Training) -> bool:
    """Frozen throughout, or with steps too small to be taken."""
    weighty = [layer for layer in training.layers if layer.parameters > 0]
    if weighty and all(layer.config.get("trainable") is False for layer in weighty):
        return True
    rate = idle.rate(training.optimizer)
    steered = bool(training.arguments.get("callbacks"))  # which may raise the rate
    return rate is not None and abs(rate) < STILL and not steered

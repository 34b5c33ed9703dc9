"""Settings of a training that may have no effect: what callbacks watch, how long they wait, and weights of classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..things import Thing
from . import models

WEIGHTY = 1e-3
"""By which a class must weigh more or less than 1 to change anything."""
_WAITING = ("EarlyStopping", "ReduceLROnPlateau")


def patience(callbacks: Thing) -> dict[str, int]:
    """Class of a callback of Keras' own -> epochs before which it does nothing; the least of several.

    One that puts the best weights back does so at the end of any training, and a class of one's own may do anything.
    """
    found: dict[str, list[int | None]] = {}
    for callback in _waiting(callbacks):
        found.setdefault(type(callback).__name__, []).append(_waits(callback))
    return {
        name: min(count for count in counts if count is not None)
        for name, counts in found.items()
        if None not in counts
    }


def blind(callbacks: Thing, figures: Iterable[str]) -> dict[str, str]:
    """Class of a callback of Keras' own -> the figure that it watches, where the training never had that.

    It does nothing then, whatever else it was told. Of several, one that sees is enough.
    """
    known = set(models.normalise(dict.fromkeys(figures), {})) | set(figures)
    found: dict[str, list[str | None]] = {}
    for callback in _waiting(callbacks):
        watched = str(getattr(callback, "monitor", ""))
        today = next(iter(models.normalise({watched: None}, {})))  # ``val_acc`` is served as ``val_accuracy``
        unseen = _is_keras(callback) and watched not in known and today not in known
        found.setdefault(type(callback).__name__, []).append(watched[:60] if unseen else None)
    return {name: str(each[0]) for name, each in found.items() if None not in each}


def floor(callbacks: Thing) -> dict[str, float]:
    """Class of a callback of Keras' own -> the learning rate below which it does not go; the least of several."""
    found: dict[str, list[float | None]] = {}
    for callback in _waiting(callbacks):
        if type(callback).__name__ == "ReduceLROnPlateau":
            least: Any = getattr(callback, "min_lr", None)
            known = _is_keras(callback) and isinstance(least, (int, float))
            found.setdefault(type(callback).__name__, []).append(float(least) if known else None)
    return {name: min(rate for rate in rates if rate is not None) for name, rates in found.items() if None not in rates}


def _waiting(callbacks: Thing) -> list[Any]:
    each: list[Any] = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    return [callback for callback in each if type(callback).__name__ in _WAITING]


def _is_keras(callback: Thing) -> bool:
    return type(callback).__module__.split(".")[0] == "keras"


def _waits(callback: Thing) -> int | None:
    count: Any = getattr(callback, "patience", None)
    start: Any = getattr(callback, "start_from_epoch", 0)
    own = not _is_keras(callback) or getattr(callback, "restore_best_weights", False)
    return None if own or not isinstance(count, int) or not isinstance(start, int) else count + start


def weighs(class_weight: Thing) -> bool:
    """Whether classes count differently from what they would count anyway: not where each weighs 1."""
    if not class_weight:
        return False
    if not isinstance(class_weight, Mapping):
        return True
    try:
        return any(abs(float(weight) - 1) > WEIGHTY for weight in class_weight.values())
    except (TypeError, ValueError):
        return True

"""Settings of a training that may have no effect: how long callbacks wait, and weights of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..things import Thing

WEIGHTY = 1e-3
"""By which a class must weigh more or less than 1 to change anything."""
_WAITING = ("EarlyStopping", "ReduceLROnPlateau")


def patience(callbacks: Thing) -> dict[str, int]:
    """Class of a callback of Keras' own -> epochs before which it does nothing; the least of several.

    One that puts the best weights back does so at the end of any training, and a class of one's own may do anything.
    """
    found: dict[str, list[int | None]] = {}
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        if type(callback).__name__ in _WAITING:
            found.setdefault(type(callback).__name__, []).append(_waits(callback))
    return {
        name: min(count for count in counts if count is not None)
        for name, counts in found.items()
        if None not in counts
    }


def _waits(callback: Thing) -> int | None:
    count: Any = getattr(callback, "patience", None)
    start: Any = getattr(callback, "start_from_epoch", 0)
    own = type(callback).__module__.split(".")[0] != "keras" or getattr(callback, "restore_best_weights", False)
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

"""What ``fit`` was told, as far as it is plain, and what its callbacks are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import steering

_PLAIN = (
    "epochs",
    "batch_size",
    "validation_split",
    "shuffle",
    "initial_epoch",
    "steps_per_epoch",
    "validation_steps",
    "validation_freq",
)


def arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given``: its arguments by name."""
    plain = {name: given[name] for name in _PLAIN if isinstance(given.get(name), (bool, int, float))}
    if given.get("validation_data") is not None:
        plain["validation"] = "data"
    elif given.get("validation_split"):
        plain["validation"] = "split"
    callbacks = given.get("callbacks")
    if isinstance(callbacks, (list, tuple)):
        plain["callbacks"] = [type(callback).__name__[:100] for callback in callbacks][:20]
    elif callbacks is not None:
        plain["callbacks"] = [type(callbacks).__name__[:100]]
    if waits := steering.patience(callbacks):
        plain["patience"] = waits
    if lowest := steering.floor(callbacks):
        plain["floor"] = lowest
    if steering.weighs(given.get("class_weight")):
        plain["class_weight"] = True
    return plain

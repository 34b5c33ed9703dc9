"""What ``fit`` was told, as far as it is plain, and what its callbacks are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..things import Thing
from . import prints, roots, steering

MARKED = 0.01
"""Weights of rows that lie closer together are as good as one."""

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
    if _rows_weigh(given):
        plain["sample_weight"] = True
    return plain


def _rows_weigh(given: Mapping[str, Any]) -> bool:
    """Whether some rows count for more than others: of a pipeline, as far as an array of weights is behind it."""
    weights, data = given.get("sample_weight"), given.get("x")
    if weights is None and prints.is_dataset(data) and len(_parts(data)) == 3:
        held = (list(getattr(one, "_tensors", ())) for one in roots.upstream(data))
        weights = next((tensors[2] for tensors in held if len(tensors) == 3), None)
    array = prints.as_array(weights)
    if array is None or not array.size or array.dtype.kind not in "biuf":
        return False
    low, high = float(array.min()), float(array.max())
    return high - low > MARKED * max(abs(low), abs(high))


def _parts(data: Thing) -> tuple[Any, ...]:
    given = getattr(data, "element_spec", None)
    return given if isinstance(given, tuple) else ()

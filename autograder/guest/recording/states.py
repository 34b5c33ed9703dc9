"""The state of a model after a training, taken and put back: variables, figures, and what callbacks have come to.

Figures are written as hexadecimal floats, so that none of their bits is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import parcel  # type: ignore[attr-defined, unused-ignore]  # the host's own, sent along
from ..things import Thing

STATE = ("wait", "stopped_epoch", "best_epoch", "cooldown_counter")
"""Of callbacks: whole numbers."""


@dataclass
class Outcome:
    """What has become of a training, besides the model itself."""

    figures: list[dict[str, Any]] = field(default_factory=list)
    """Of each epoch, in order."""
    epochs: list[int] = field(default_factory=list)
    steps: int | None = None
    weights: list[str] = field(default_factory=list)
    """The digests after each epoch, as the ledger has them."""
    seconds: float = 0.0


def optimizer_variables(model: Thing) -> list[Any]:
    return list(model.optimizer.variables)


def _all(model: Thing) -> list[Any]:
    return [*model.variables, *optimizer_variables(model), *model.metrics_variables]


def taken(model: Thing, callbacks: Sequence[Any], outcome: Outcome) -> bytes:
    """A parcel; raises ValueError where something of it is of no known kind."""
    arrays = [np.asarray(variable) for variable in _all(model)]
    kept = []
    for callback in callbacks:
        state = _state(callback)
        best: Thing = getattr(callback, "best_weights", None)
        state["weights"] = None if best is None else [len(arrays), len(arrays) + len(best)]
        arrays += [] if best is None else [np.asarray(one) for one in best]
        kept.append(state)
    values = {
        "variables": [len(model.variables), len(optimizer_variables(model)), len(model.metrics_variables)],
        "figures": [[[name, _hex(value)] for name, value in epoch.items()] for epoch in outcome.figures],
        "epochs": outcome.epochs,
        "steps": outcome.steps,
        "weights": outcome.weights,
        "stopped": bool(model.stop_training),
        "callbacks": kept,
        "seconds": outcome.seconds,
    }
    packed: bytes = parcel.packed(values, arrays)
    return packed


def put_back(model: Thing, callbacks: Sequence[Any], content: bytes) -> Outcome:
    """Make the model what the training left; raises ValueError, before anything is changed, where it does not fit."""
    values, arrays = parcel.unpacked(content)
    variables = _all(model)
    if values["variables"] != [len(model.variables), len(optimizer_variables(model)), len(model.metrics_variables)]:
        raise ValueError("another number of variables")
    for variable, array in zip(variables, arrays, strict=False):
        if tuple(variable.shape) != array.shape or np.asarray(variable).dtype != array.dtype:
            raise ValueError("another kind of variable")
    if len(values["callbacks"]) != len(callbacks):
        raise ValueError("other callbacks")
    outcome = Outcome(
        figures=[{name: float.fromhex(value) for name, value in epoch} for epoch in values["figures"]],
        epochs=values["epochs"],
        steps=values["steps"],
        weights=values["weights"],
        seconds=float(values["seconds"]),
    )
    former = [np.asarray(variable) for variable in variables]
    try:
        _assign(variables, arrays)
        for callback, state in zip(callbacks, values["callbacks"], strict=True):
            _restore(callback, state, arrays)
    except Exception:
        _assign(variables, former)
        raise
    model.stop_training = bool(values["stopped"])
    return outcome


def _assign(variables: Sequence[Any], arrays: Sequence[Any]) -> None:
    for variable, array in zip(variables, arrays, strict=False):
        variable.assign(array)


def _state(callback: Thing) -> dict[str, Any]:
    held = vars(callback)
    state: dict[str, Any] = {name: int(held[name]) for name in STATE if name in held}
    if "best" in held:
        state["best"] = None if held["best"] is None else _hex(held["best"])
    if "monitor_op" in held:
        state["direction"] = getattr(held["monitor_op"], "__name__", None)
        state["min_delta"] = _hex(held["min_delta"])
    return state


def _hex(value: Thing) -> str:
    if type(value) not in (float, int):
        raise ValueError(f"a figure of the kind {type(value).__name__}")
    return float(value).hex()


def _restore(callback: Thing, state: Mapping[str, Any], arrays: Sequence[Any]) -> None:
    from keras.src import ops

    held: dict[str, Any] = callback.__dict__
    held.update({name: state[name] for name in STATE if name in state})
    if "best" in state:
        held["best"] = None if state["best"] is None else float.fromhex(state["best"])
    if "direction" in state:
        held["monitor_op"] = {"less": ops.less, "greater": ops.greater}.get(state["direction"])
        delta = float.fromhex(state["min_delta"])
        held["min_delta"] = int(delta) if isinstance(held["min_delta"], int) and delta.is_integer() else delta
    if state["weights"] is not None:
        first, last = state["weights"]
        held["best_weights"] = [array.copy() for array in arrays[first:last]]
    elif "best_weights" in held:
        held["best_weights"] = None

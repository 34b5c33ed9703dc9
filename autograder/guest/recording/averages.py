"""Moving averages of a model whose training is cut: they go as far in a cut epoch as they would in a whole one.

A batch normalisation with momentum 0.99 needs some hundred steps before its averages are those of the data; until then
a model that has learned well answers badly. The averages are exponential (Ioffe and Szegedy, 2015, section 3.1): where
a share s of the steps is taken, a momentum to the power 1/s moves them as far in s * n steps as n steps would have.
"""

from __future__ import annotations

from ..things import Thing

KINDS = frozenset({"BatchNormalization", "SyncBatchNormalization"})
Momenta = list[tuple[Thing, float]]


def hasten(model: Thing, times: float) -> Momenta:
    """From now on each step counts as ``times`` steps; the layers, and the momentum that they had."""
    found = [(layer, layer.momentum) for layer in _layers(model)] if times > 1 else []
    for layer, momentum in found:
        layer.momentum = momentum**times
    return found


def restore(found: Momenta | None) -> None:
    """The layers are again what the notebook made."""
    for layer, momentum in found or ():
        layer.momentum = momentum


def _layers(model: Thing) -> list[Thing]:
    walk = getattr(model, "_flatten_layers", None)
    named = [layer for layer in (walk() if callable(walk) else ()) if type(layer).__name__ in KINDS]
    return [layer for layer in named if isinstance(layer.momentum, float) and 0 < layer.momentum < 1]

"""Layers that hand on what they are given: frozen ones whose weights say so, and ones of the notebook's own.

Each is asked by itself, for numbers that no image is made of, with and without training. What cannot be asked, or has
changed while the model was trained, is taken to have an effect. Nor does a layer act that was never called, or one of
chance that drew nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..things import Thing
from . import models, prints, streams

FROZEN, OWN = 1e-3, 1e-4
"""Of the largest number given, by which what comes out may differ: a batch normalisation that never learned divides by
the root of 1.001."""
ROWS, SIZE = 4, 8
"""Of each kind of number; and of a side whose size is left open."""
ELEMENTS = 2_000_000
TRIALS = 32
"""A layer of one's own may do something now and then."""
SECONDS = 2.0
"""In which all layers of a model are asked; what is not done by then is taken to have an effect."""
_PLAIN = (bool, int, float, str, type(None))
_BUILT = frozenset("built _called _lock _path _parent_path _self_update_uid _build_shapes_dict".split())
"""What changes in a layer when it is first used."""

_OF_CHANCE = ("Dropout", "Dropout1D", "Dropout2D", "Dropout3D", "Noise")

Standing = Mapping[int, str]
"""Identity of each layer of the notebook's own -> what it holds; of one of chance, where its stream is."""


def standing(model: Thing) -> Standing:
    """As a training begins; nothing of a model so large that it would be felt."""
    if models.parameters(model) > models.WEIGHED:
        return {}
    known = {id(layer): _held(layer) for layer in models.flat(model) if _is_own(layer)}
    return known | {id(layer): _drawn(layer) for layer in models.flat(model) if _is_of_chance(layer)}


def mark(model: Thing, layers: Sequence[dict[str, Any]], before: Standing) -> None:
    """Note of each layer's record whether it is idle; ``before``: what they held when the training began."""
    until = time.monotonic() + SECONDS
    for layer, entry in zip(models.flat(model), layers, strict=False):
        if _is_unused(layer, before) or (_is_asked(layer, before) and _hands_on(layer, until)):
            entry["idle"] = True


def _is_unused(layer: Thing, before: Standing) -> bool:
    """Made with the model and left out of what it computes, or, being one of chance, told that it is no training.

    Where a model is a graph of layers, Keras tells them itself.
    """
    if _is_of_chance(layer):
        return id(layer) in before and before[id(layer)] == _drawn(layer)
    return getattr(layer, "_called", True) is False and not layer.built


def _is_of_chance(layer: Thing) -> bool:
    """Dropout and noise of Keras' own, which count what they draw."""
    named = type(layer).__name__.endswith(_OF_CHANCE) and not _is_own(layer)
    return named and hasattr(getattr(layer, "seed_generator", None), "state")


def _drawn(layer: Thing) -> str:
    return str(np.asarray(layer.seed_generator.state).tolist())


def _is_own(layer: Thing) -> bool:
    return type(layer).__module__.split(".")[0] not in ("keras", "tf_keras") or type(layer).__name__ == "Lambda"


def _is_asked(layer: Thing, before: Standing) -> bool:
    if _is_own(layer):
        return id(layer) in before and before[id(layer)] == _held(layer)
    return bool(layer.weights) and not layer.trainable_weights


def _held(layer: Thing) -> str:
    attributes: dict[str, Any] = vars(layer)  # type: ignore[assignment]
    plain = {name: value for name, value in attributes.items() if isinstance(value, _PLAIN) and name not in _BUILT}
    hashed = hashlib.sha256(repr(sorted(plain.items())).encode())
    for weight in _lasting(layer):
        hashed.update(np.ascontiguousarray(np.asarray(weight)).tobytes())
    return hashed.hexdigest()


def _lasting(layer: Thing) -> list[Any]:
    """Its variables, but for those that count what was drawn."""
    return [one for one in layer.variables if np.issubdtype(np.asarray(one).dtype, np.floating)]


def _hands_on(layer: Thing, until: float) -> bool:
    try:
        given, answered = layer.input, layer.output
        sizes = [SIZE if size is None else int(size) for size in given.shape[1:]]
        if tuple(given.shape) != tuple(answered.shape) or not 0 < ROWS * math.prod(sizes) <= ELEMENTS:
            return False
        with streams.untouched(), _unchanged(layer), contextlib.redirect_stdout(io.StringIO()):
            return all(_same(layer, numbers, until) for numbers in _numbers((ROWS, *sizes), str(given.dtype)))
    except Exception:  # several inputs, a layer that was never connected, code of the notebook's own that fails
        return False


def _numbers(shape: tuple[int, ...], kind: str) -> Iterator[prints.Array]:
    """Of either sign, shares, bytes, and large ones."""
    generator = np.random.default_rng(7)
    for numbers in (
        generator.normal(size=shape),
        generator.uniform(size=shape),
        generator.uniform(0, 255, shape),
        generator.normal(0, 100, shape),
    ):
        yield numbers.astype("float32" if kind == "bfloat16" else kind)


def _same(layer: Thing, numbers: prints.Array, until: float) -> bool:
    own = _is_own(layer)
    for trial in range(1 + (TRIALS if own else 1)):
        answered = np.asarray(layer(numbers, training=trial > 0), np.float64)
        apart = np.abs(answered - numbers).max(initial=0)
        if not apart <= (OWN if own else FROZEN) * np.abs(numbers).max() or time.monotonic() > until:
            return False
    return not own or (not layer.losses and _passes_back(layer, numbers))


def _passes_back(layer: Thing, numbers: prints.Array) -> bool:
    """Whether gradients, too, are handed on: a layer may block or reverse nothing else."""
    tensorflow: Thing = sys.modules.get("tensorflow")
    if tensorflow is None or numbers.dtype.kind != "f":
        return tensorflow is not None
    weights = np.random.default_rng(8).normal(size=numbers.shape).astype(numbers.dtype)
    given = tensorflow.constant(numbers)
    with tensorflow.GradientTape() as tape:
        tape.watch(given)
        total = tensorflow.reduce_sum(layer(given, training=True) * weights)
    gradient = tape.gradient(total, given)
    return gradient is not None and bool(np.allclose(np.asarray(gradient), weights, rtol=OWN, atol=OWN))


@contextlib.contextmanager
def _unchanged(layer: Thing) -> Iterator[None]:
    """Asking leaves nothing behind in a layer."""
    attributes: dict[str, Any] = vars(layer)  # type: ignore[assignment]
    plain = {name: value for name, value in attributes.items() if isinstance(value, _PLAIN)}
    kept = [(one, np.array(one)) for one in layer.variables]
    try:
        yield
    finally:
        for variable, value in kept:
            if not np.array_equal(np.asarray(variable), value):
                variable.assign(value)
        attributes.update({name: value for name, value in plain.items() if attributes.get(name) != value})

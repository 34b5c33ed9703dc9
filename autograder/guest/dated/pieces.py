"""Small functions and classes as they were called before: labels, pictures, callbacks, models of Keras 1, torch."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from functools import partial, wraps
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .spelling import Keywords, Rules, by_notebook, method, respell, safely, signed, translated

_LABELS: Rules = {"y": "x", "nb_classes": "num_classes"}
_BOARD: Rules = dict.fromkeys(("write_grads", "batch_size", "embeddings_layer_names", "embeddings_data"), None)
_MODEL: Rules = {"input": "inputs", "output": "outputs"}
_MERGES: Mapping[str, str] = {
    "sum": "add",
    "mul": "multiply",
    "ave": "average",
    "max": "maximum",
    "concat": "concatenate",
    "dot": "dot",
}


def actions(session: Thing) -> Actions:
    return {
        "keras.src.utils.numerical_utils": partial(_labels, session),
        "keras.src.utils.image_utils": partial(_images, session),
        "keras.src.callbacks.reduce_lr_on_plateau": partial(_plateau, session),
        "keras.src.callbacks.tensorboard": partial(_board, session),
        "keras.src.models.model": partial(_model, session),
        "keras.src.legacy.preprocessing.image": partial(_iterators, session),
        "torch.serialization": partial(_torch, session),
        "keras.src.models.functional": partial(_functional, session),
    }


def _labels(session: Thing, module: ModuleType) -> None:
    original = module.to_categorical

    @wraps(original)
    def to_categorical(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        keywords = safely(session, translated, session, "to_categorical", _LABELS, keywords, otherwise=keywords)
        kind = keywords.pop("dtype", arguments[2] if len(arguments) > 2 else None)
        found = original(*arguments[:2], **keywords)
        if kind is None:
            return found
        session.adapt("spelling", "to_categorical(dtype=...)", "to_categorical(...).astype(...)")
        return found.astype(kind) if hasattr(found, "astype") else found

    module.to_categorical = signed(to_categorical, original)  # type: ignore[attr-defined]


def _grey(value: Thing, keywords: Keywords) -> str:
    keywords["color_mode"] = "grayscale" if value else "rgb"
    return f"color_mode={keywords['color_mode']!r}"


def _images(session: Thing, module: ModuleType) -> None:
    respell(session, module, "load_img", {"grayscale": _grey}, shown="load_img")


def _plateau(session: Thing, module: ModuleType) -> None:
    respell(session, module.ReduceLROnPlateau, "__init__", {"epsilon": "min_delta"}, shown="ReduceLROnPlateau")


def _board(session: Thing, module: ModuleType) -> None:
    respell(session, module.TensorBoard, "__init__", _BOARD, shown="TensorBoard")


def _iterators(session: Thing, module: ModuleType) -> None:
    method(session, module.Iterator, "generator.next", "next(generator)", lambda generator: next(generator))


def _torch(session: Thing, module: ModuleType) -> None:
    """``torch.load`` of a whole model, which has to be asked for since 2.6."""
    original = module.load

    @wraps(original)
    def load(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        try:
            return original(*arguments, **keywords)
        except pickle.UnpicklingError:
            if "weights_only" in keywords or not by_notebook():
                raise
        if arguments and hasattr(arguments[0], "seek"):
            arguments[0].seek(0)
        session.adapt("spelling", "torch.load(...)", "torch.load(..., weights_only=False)")
        return original(*arguments, weights_only=False, **keywords)

    module.load = signed(load, original)  # type: ignore[attr-defined]


# --- models ----------------------------------------------------------------------------------------------------------


def _model(session: Thing, module: ModuleType) -> None:
    """``Model(input=..., output=...)``: what kind of model it is, Keras tells from these names."""
    owner = module.Model
    owner.__new__ = staticmethod(_made(session, owner.__new__))
    respell(session, owner, "__init__", _MODEL, shown="Model")


def _functional(session: Thing, module: ModuleType) -> None:
    owner = module.Functional
    if "__new__" in vars(owner):
        owner.__new__ = staticmethod(_made(session, owner.__new__))
    respell(session, owner, "__init__", _MODEL, shown="Model")


def _made(session: Thing, original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def new(kind: type, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        both = keywords.keys() >= _MODEL.keys()
        given = translated(session, "Model", _MODEL, keywords) if both else keywords
        return original(kind, *arguments, **given)

    return signed(new, original)  # type: ignore[no-any-return]


# --- merge -----------------------------------------------------------------------------------------------------------


class Merging(ModuleType):
    """``keras.layers.merge``: a module with Keras 2, a function with Keras 1."""

    def __call__(self, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        return merged(*arguments, **keywords)


def merged(inputs: Thing, mode: str = "sum", concat_axis: int = -1, dot_axes: Thing = -1, **named: Thing) -> Thing:
    """What ``merge([a, b], mode='concat')`` made."""
    from keras import layers

    more = {"concat": {"axis": concat_axis}, "dot": {"axes": dot_axes}}.get(mode, {})
    name = {"name": named["name"]} if named.get("name") else {}
    return getattr(layers, _MERGES[mode])(inputs, **more, **name)

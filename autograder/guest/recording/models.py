"""What a Keras model is, as plain values, and its bytes; duck-typed, so that Keras is never imported from here."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..things import Thing
from . import schedules
from .prints import finite

_UNSAID = ("name", "dtype", "trainable", "batch_shape", "build_config", "module", "registered_name", "seed")
_ACCURACY = re.compile(r"(sparse_)?(top_1_)?(categorical_|binary_)?acc(uracy)?(_\d+)?")
WEIGHED = 20_000_000
"""Parameters up to which the weights before a training are digested and kept: a tenth of a second."""
_GRAPHS = ("functional", "sequential")
_COMPILED = ("optimizer", "_compile_loss", "_compile_metrics", "_loss_tracker")


def layers(model: Thing) -> list[dict[str, Any]]:
    """``Layer`` records in order, models within models opened, input layers left out."""
    return [_layer(layer) for layer in flat(model)]


def flat(model: Thing) -> Iterator[Any]:
    """Its layers in order, models within models opened."""
    for layer in model.layers:
        if hasattr(layer, "layers") and hasattr(layer, "fit"):
            yield from flat(layer)
        elif type(layer).__name__ != "InputLayer":
            yield layer


def _layer(layer: Thing) -> dict[str, Any]:
    return {
        "kind": type(layer).__name__[:100],
        "config": _or({}, lambda: _config(layer.get_config())),
        "output_shape": _or([], lambda: _sizes(layer.output.shape)),
        "parameters": _or(0, lambda: int(layer.count_params())),
    }


def _or(default: Thing, read: Callable[[], Any]) -> Thing:
    """A fact that a layer may be unable to give: not built, no single output, a student's own ``get_config``."""
    try:
        return read()
    except Exception:
        return default


def _config(config: Mapping[str, Any]) -> dict[str, Any]:
    plain = {str(key)[:60]: _plain(value) for key, value in config.items() if key not in _UNSAID}
    if config.get("trainable") is False:
        plain["trainable"] = False
    return {key: value for key, value in list(plain.items())[:40] if value is not None}


def _plain(value: Thing) -> Thing:
    """A scalar, a short list, or for an object its class name and figures: ``L2(l2=0.01)``; of words its activation."""
    if isinstance(value, Mapping):
        inner = value.get("config")
        figures = _config(inner) if isinstance(inner, Mapping) else {}
        said = [key for key, value in figures.items() if key == "activation" or not isinstance(value, (list, str))]
        told = ", ".join(f"{key}={figures[key]}" for key in said)
        name = str(value.get("class_name", ""))[:100]
        return f"{name}({told})"[:400] if told and name else name or None
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value] if len(value) <= 8 else None
    if isinstance(value, str):
        return value[:200]
    return _number(value)


def _number(value: Thing) -> Thing:
    """Booleans and whole numbers as they are; floats without the noise of float32 (0.0010000000474974513)."""
    if isinstance(value, (bool, int, type(None))):
        return value
    number = finite(value)
    return None if number is None else float(f"{number:.7g}")


def outputs(model: Thing) -> list[list[int | None]]:
    """Shape of each output; empty where the model cannot say, as one that is a class of its own."""
    return [_sizes(tensor.shape) for tensor in _or([], lambda: list(model.outputs))]


def _sizes(shape: Thing) -> list[int | None]:
    return [None if size is None else int(size) for size in shape]


def variables(model: Thing) -> set[int]:
    """Identities of its weights: models that share layers share them."""
    return {id(weight) for weight in _or([], lambda: list(model.weights))}


def weighed(model: Thing) -> list[Any]:
    """Its weights, save the largest of a model that is too large: a part of it may go on without these.

    So may parts of a model that only trains others, and is never built itself.
    """
    kept, numbers = set[int](), 0
    everything: list[Any] = list(getattr(model, "weights", ()))
    for one in sorted(everything, key=lambda one: math.prod(one.shape)):
        numbers += math.prod(one.shape)
        if numbers <= WEIGHED:
            kept.add(id(one))
    return [one for one in everything if id(one) in kept]


def trained_variables(model: Thing) -> set[int]:
    """Identities of the weights that a training changes."""
    return {id(weight) for weight in _or([], lambda: list(model.trainable_variables))}


def row(model: Thing) -> int:
    """Figures in one of its images; 0 where that is not known, or where it is given several things."""
    shape: Any = getattr(model, "input_shape", None)
    sizes = shape[1:] if isinstance(shape, tuple) else (None,)
    return math.prod(sizes) if sizes and all(isinstance(size, int) for size in sizes) else 0


def parameters(model: Thing) -> int:
    return int(_or(0, model.count_params))


def optimizer(model: Thing) -> dict[str, Any]:
    """Name and scalars of its configuration; a schedule of the learning rate by its class name and figures."""
    return optimizer_facts(getattr(model, "optimizer", None))


def optimizer_facts(found: Thing) -> dict[str, Any]:
    """The same of an optimiser that no model was compiled with."""
    if found is None:
        return {}
    found = getattr(found, "inner_optimizer", found)
    config = _or({}, lambda: _config(found.get_config()))
    rates = _or([], lambda: schedules.extremes(found))
    return {"name": type(found).__name__.lower(), **config} | ({"rates": rates} if rates else {})


def loss(model: Thing) -> str:
    """``categorical_crossentropy``, however it was given."""
    given = getattr(model, "loss", None)
    if isinstance(given, str):
        return snake(given)
    if isinstance(given, (list, tuple, dict)):
        return "several" if given else ""
    return snake(getattr(given, "__name__", type(given).__name__)) if given is not None else ""


def snake(name: str) -> str:
    """``CategoricalCrossentropy`` -> ``categorical_crossentropy``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)[:100].lower()


def metric_names(model: Thing) -> dict[str, str]:
    """Name of each metric that is an accuracy, whatever the student called it -> ``accuracy``."""
    compiled = getattr(model, "_compile_metrics", None)
    names = {}
    for metric in _or([], lambda: list(compiled.metrics) if compiled is not None else []):
        kind = type(metric).__name__
        function = getattr(getattr(metric, "_fn", None), "__name__", "")
        if (kind.endswith("Accuracy") and "TopK" not in kind) or _ACCURACY.fullmatch(function):
            names[str(metric.name)] = "accuracy"
    return names


def normalise(figures: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Rename accuracies (``acc``, ``val_acc``, ``sparse_categorical_accuracy``, own) and ``lr``; the first one wins."""
    renamed: dict[str, Any] = {}
    for key, value in figures.items():
        prefix, bare = ("val_", key[4:]) if key.startswith("val_") else ("", key)
        name = names.get(bare) or ("accuracy" if _ACCURACY.fullmatch(bare) else bare)
        name = "learning_rate" if name == "lr" else name
        renamed.setdefault(prefix + name, value) if name != bare else renamed.update({key: value})
    return {key[:100]: value for key, value in list(renamed.items())[:40]}


def weights(model: Thing) -> str:
    """SHA-256 over architecture and weights; empty while there are none."""
    if not getattr(model, "built", False):
        return ""
    found = model.weights
    if not found:
        return ""
    hashed = hashlib.sha256(repr([(type(layer).__name__, _activation(layer)) for layer in flat(model)]).encode())
    ends = [len(_or([], lambda: list(model.inputs))), len(outputs(model))]
    if max(ends) > 1:  # it answers otherwise than a part of it that has all its weights
        hashed.update(repr(ends).encode())
    for weight in found:
        array = np.asarray(weight)
        hashed.update(f"{array.shape} {array.dtype}".encode())
        hashed.update(np.ascontiguousarray(array).view(np.uint8).data if array.ndim else array.tobytes())
    return hashed.hexdigest()


def numbers(model: Thing) -> str:
    """SHA-256 over the weights alone, in whatever order: what the saved file must hold, as ``probe.py`` reads it.

    Empty for a model that is saved as a graph of its layers: of its own ones some may be in no graph.
    """
    if type(model).__module__.split(".")[0] != "keras":
        return ""
    arrays = [np.ascontiguousarray(np.asarray(weight)) for weight in _saved(model)]
    parts = sorted(hashlib.sha256(f"{one.shape} {one.dtype} ".encode() + one.tobytes()).digest() for one in arrays)
    return hashlib.sha256(b"".join(parts)).hexdigest() if parts else ""


def _saved(model: Thing) -> Iterator[Thing]:
    """Its weights as the file gives them back: an adapter of low rank (LoRA) is added to its kernel, and is 0 again."""
    adapted = [layer for layer in model._flatten_layers() if getattr(layer, "lora_enabled", False) is True]
    apart = {id(weight) for layer in adapted for weight in layer.weights}
    yield from (weight for weight in model.weights if id(weight) not in apart)
    for layer in adapted:
        own: dict[str, Any] = {}
        layer.save_own_variables(own)
        yield from own.values()
        yield from (np.zeros_like(one) for one in layer.weights if str(one.name).startswith("lora_"))


def _activation(layer: Thing) -> str:
    return str(getattr(getattr(layer, "activation", None), "__name__", ""))


def foreign(model: Thing) -> list[str]:
    """Classes that only the student's process knows, so that the model cannot be loaded anywhere else."""
    parts = [*([] if is_graph(model) else [model]), *flat(model)]
    names = {type(part).__name__ for part in parts if type(part).__module__.split(".")[0] not in ("keras", "tf_keras")}
    names |= {"Lambda" for part in parts if type(part).__name__ == "Lambda"}
    return sorted(names)


def is_graph(model: Thing) -> bool:
    """Whether all it computes is a graph of layers, whatever its class adds: a training step of one's own, say."""
    graphs = [getattr(sys.modules.get(f"keras.src.models.{name}"), name.title(), None) for name in _GRAPHS]
    own = [graph for graph in graphs if graph is not None and isinstance(model, graph)]
    return any(type(model).call is graph.call and type(model).__call__ is graph.__call__ for graph in own)


def steps_itself(model: Thing) -> bool:
    """Whether a step of its training is not Keras' own, by its class or by what was laid over it."""
    names = ("train_step", "make_train_function", "compute_loss", "compute_gradients")
    if any(name in vars(model) for name in names):
        return True
    own = (getattr(type(model), name, None) for name in names)
    return any(not str(getattr(one, "__module__", "keras")).startswith(("keras.", "tf_keras.")) for one in own if one)


def strangers(path: Path) -> list[str]:
    """Functions and classes of a saved model that a process without the student's code does not know."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    return sorted(
        {
            str(node.get("config") if node["class_name"] == "function" else node["class_name"])[:80]
            for node in _nodes(config)
            if _strange(node)
        }
    )


def _nodes(value: Thing) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _nodes(part)


def _strange(node: Mapping[str, Any]) -> bool:
    kind, module, registered = node["class_name"], node.get("module"), node.get("registered_name")
    if kind in ("Lambda", "__lambda__"):
        return True
    if kind == "function":
        return module not in ("keras.activations", "keras.src.activations.activations")
    known = module is None or str(module).split(".")[0] in ("keras", "builtins")
    return not known or registered not in (None, kind)


def save(model: Thing, path: Path) -> None:
    """Write a ``.keras`` archive without optimiser, loss and metrics: they triple its size, and nobody needs them."""
    from keras.src.saving import saving_lib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if type(model).__module__.split(".")[0] != "keras" and is_graph(model):
            from keras.src.models.model import Model

            inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
            model = Model(inputs, model.outputs[0] if len(model.outputs) == 1 else model.outputs, name=model.name)
        with _uncompiled(model):
            saving_lib.save_model(model, path)


@contextmanager
def _uncompiled(model: Thing) -> Iterator[None]:
    """Hide what ``compile`` left, also in models that are parts of it: the members of an ensemble were compiled.

    Past Keras' attribute tracking, which would note the change.
    """
    kept = [(vars(one), _compiled(vars(one))) for one in {id(one): one for one in _parts(model)}.values()]
    for attributes, known in kept:
        attributes.update({name: None for name in known} | ({"compiled": False} if "compiled" in known else {}))
    try:
        yield
    finally:
        for attributes, known in kept:
            attributes.update(known)


def _compiled(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: attributes[name] for name in (*_COMPILED, "compiled") if name in attributes}


def _parts(model: Thing) -> Iterator[Any]:
    """It, and all models and layers in it."""
    yield model
    yield from _or([], lambda: list(model._flatten_layers(include_self=False)))

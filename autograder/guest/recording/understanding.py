"""Whether a training is made of nothing but what is known, and if so all that its outcome depends on.

What is not understood is trained for real: a callback, a layer, a loss or a step of one's own, data that flow, Keras
with something changed in it. Nothing here changes the model, but that one which Keras would build within ``fit`` is
built now.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from .. import familiar, parcel  # type: ignore[attr-defined, unused-ignore]  # the host's own, sent along
from ..things import Thing
from . import prints
from .states import optimizer_variables

MOST_BYTES = 480 << 20
"""Of all data of a training."""
DEFAULTS: Mapping[str, Any] = {
    "batch_size": None,
    "epochs": 1,
    "validation_split": 0.0,
    "shuffle": True,
    "class_weight": None,
    "initial_epoch": 0,
    "steps_per_epoch": None,
    "validation_steps": None,
    "validation_batch_size": None,
    "validation_freq": 1,
}
_BESIDES = frozenset({"x", "y", "validation_data", "sample_weight", "callbacks", "verbose"})
_VARIABLES = ("TF_", "OMP_", "XLA_", "MKL_", "OPENBLAS_", "KERAS_MAX", "CUDA_VISIBLE")
_PLACES = ("input_layers", "output_layers", "keras_history")
_QUIET = frozenset({"TF_CPP_MIN_LOG_LEVEL"})


class Foreign(Exception):
    """The training has something to it that is not known; the reason is one of ``familiar.REASONS``."""


@dataclass(frozen=True, slots=True)
class Understood:
    """A training as it goes into ``fit``."""

    model: Mapping[str, Any]
    """Keras' serialised form, compile settings included; names that Keras gave itself are numbers here."""
    variables: list[Any]
    optimizer: list[Any]
    data: Mapping[str, Any]
    """Name of ``familiar.ARRAYS`` -> array, as it was given."""
    arguments: Mapping[str, Any]
    callbacks: Sequence[Mapping[str, Any]]
    setting: Mapping[str, Any]


def understood(model: Thing, given: Mapping[str, Any], is_student: Callable[[str], bool]) -> Understood:
    """Raises Foreign."""
    _must_be_keras(model, is_student)
    data, arguments = _data(given), _arguments(given)
    callbacks = [_callback(one, is_student) for one in given.get("callbacks") or ()]
    build(model, data["x"])
    if any(map(_has_more_to_it, model._flatten_layers())):
        raise Foreign("changed Keras")
    written = _written(model)
    if name := familiar.stranger(written):
        raise Foreign("compile" if name in ("compile", "loss") else "own layer")
    return Understood(
        model=written,
        variables=list(model.variables),
        optimizer=optimizer_variables(model),
        data=data,
        arguments=arguments,
        callbacks=callbacks,
        setting=setting(),
    )


def head(training: Understood, seed: int, cut: Mapping[str, Any]) -> dict[str, Any]:
    """All that the outcome depends on as plain values: weights and data by their digests."""
    return {
        "form": 1,
        "model": training.model,
        "variables": [[*parcel.print_of(np.asarray(one)), bool(one.trainable)] for one in training.variables],
        "optimizer": [parcel.print_of(np.asarray(one)) for one in training.optimizer],
        "data": {name: parcel.print_of(as_taken(array)) for name, array in training.data.items()},
        "arguments": dict(training.arguments),
        "callbacks": list(training.callbacks),
        "seed": seed,
        "cut": dict(cut),
        "setting": dict(training.setting),
    }


def build(model: Thing, x: Thing) -> None:
    """What ``fit`` would do at its first batch."""
    if not all(layer.built for layer in model._flatten_layers()):
        model.build((None, *x.shape[1:]))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def setting() -> dict[str, Any]:
    """What in TensorFlow and Keras has a part in every training; raises Foreign where it is not as it was."""
    import tensorflow as tf
    from keras.src.backend import config

    policy = sys.modules["keras"].config.dtype_policy().name  # type: ignore[attr-defined, unused-ignore]
    usual = (config.floatx(), config.epsilon(), config.image_data_format(), policy)
    changed = (
        tf.config.functions_run_eagerly(),
        tf.config.optimizer.get_jit(),
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
        tf.distribute.has_strategy(),
        _is_determined(),
    )
    if usual != ("float32", 1e-07, "channels_last", "float32") or any(changed):
        raise Foreign("settings")
    known = {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES) and name not in _QUIET}
    caps = [getattr(config, name, lambda: None)() for name in ("max_epochs", "max_steps_per_epoch")]
    return {"variables": known, "caps": caps}


def _is_determined() -> bool:
    from tensorflow.python.framework import config

    return bool(config.is_op_determinism_enabled())


# --- the model -----------------------------------------------------------------------------------------------------


def _must_be_keras(model: Thing, is_student: Callable[[str], bool]) -> None:
    from keras.src.backend import backend

    if backend() != "tensorflow":
        raise Foreign("another backend")
    if type(model).__name__ not in familiar.MODELS or not _is_own(type(model)):
        raise Foreign("own model")
    if not model.compiled or getattr(model, "_compile_config", None) is None or model._initial_epoch:
        raise Foreign("compile")
    if len(getattr(model, "inputs", None) or [1]) != 1 or len(getattr(model, "outputs", None) or [1]) != 1:
        raise Foreign("several inputs")
    layers = list(model._flatten_layers())
    if any(not _is_own(type(layer)) for layer in layers):
        raise Foreign("own layer")
    if any(type(layer).__name__ not in familiar.LAYERS | familiar.INNER | familiar.MODELS for layer in layers):
        raise Foreign("Lambda" if any(type(layer).__name__ == "Lambda" for layer in layers) else "own layer")
    _compiled(model)
    if _are_changed([*layers, model.optimizer, *_objects(model)], is_student):
        raise Foreign("changed Keras")


def _objects(model: Thing) -> Iterator[Any]:
    settings = model._compile_config.config
    for name in ("loss", "metrics", "weighted_metrics"):
        given = settings.get(name)
        yield from (one for one in (given if isinstance(given, list) else [given]) if hasattr(one, "get_config"))


def _compiled(model: Thing) -> None:
    settings = model._compile_config.config
    if type(model.optimizer).__name__ not in familiar.OPTIMIZERS or not _is_own(type(model.optimizer)):
        raise Foreign("own optimizer")
    if not _is_known(settings.get("loss"), familiar.LOSSES):
        raise Foreign("own loss")
    for name in ("metrics", "weighted_metrics"):
        given = settings.get(name)
        if not all(_is_known(one, familiar.METRICS) for one in (given if isinstance(given, list) else [given])):
            raise Foreign("own metric")


def _is_known(given: Thing, kinds: frozenset[str]) -> bool:
    if given is None or isinstance(given, str):
        return given is None or given in familiar.NAMES
    if isinstance(given, FunctionType):
        return given.__name__ in familiar.NAMES and _is_own(given)
    return type(given).__name__ in kinds and _is_own(type(given))


def _is_own(thing: Thing) -> bool:
    """Whether Keras' own module has it under its name."""
    module = str(thing.__module__)
    return module.startswith("keras.src.") and getattr(sys.modules.get(module), thing.__name__, None) is thing


def _are_changed(parts: Sequence[Thing], is_student: Callable[[str], bool]) -> bool:
    """Whether a function of theirs is one of the notebook's: put into an object, or into a class of Keras'."""
    kinds = {kind for part in parts for kind in type(part).__mro__ if kind.__module__.startswith("keras.")}
    functions = (_function(value) for place in map(vars, (*parts, *kinds)) for value in list(place.values()))
    return any(function is not None and _is_theirs(function, is_student) for function in functions)


def _has_more_to_it(layer: Thing) -> bool:
    """Whether a variable of it has what its layer's configuration does not name: a regularizer that was put there, or a
    constraint."""
    named = list(vars(layer).values())
    for variable in [*layer._trainable_variables, *layer._non_trainable_variables]:
        given = (variable.regularizer, variable.constraint)
        if any(one is not None and all(one is not known for known in named) for one in given):
            return True
        if getattr(variable, "overwrite_with_gradient", False):
            return True
    return False


def _function(value: Thing) -> FunctionType | None:
    for name in ("__func__", "fget"):
        value = (
            getattr(value, name, value)
            if isinstance(value, (staticmethod, classmethod, property, MethodType))
            else value
        )
    return value if isinstance(value, FunctionType) else None


def _is_theirs(function: FunctionType, is_student: Callable[[str], bool]) -> bool:
    name = function.__code__.co_filename
    return name == "<string>" or is_student(name)


def _written(model: Thing) -> dict[str, Any]:
    from keras.src.saving import serialization_lib

    written: dict[str, Any] = serialization_lib.serialize_keras_object(model)
    written["compile_config"] = compiled = _plain_functions(written.get("compile_config") or {})
    if compiled.get("optimizer"):
        compiled["optimizer"]["config"]["name"] = "optimizer"
    numbered = _numbered(written)
    if not isinstance(numbered, dict):
        raise Foreign("own model")
    return numbered


def _plain_functions(node: Thing) -> Thing:
    """Losses and metrics that are functions of Keras' own, by their names."""
    if isinstance(node, dict):
        if node.get("class_name") == "function" and node.get("config") in familiar.NAMES:
            return node["config"]
        return {name: _plain_functions(value) for name, value in node.items()}
    return [_plain_functions(one) for one in node] if isinstance(node, (list, tuple)) else node


def _numbered(written: Thing) -> Thing:
    """The same with the names of layers and models counted anew: these tell how many a kernel has made before."""
    return {**_renamed(written, {}), "compile_config": written.get("compile_config")}


def _renamed(node: Thing, names: dict[str, str]) -> Thing:
    """Names stand where layers and models have them, and where graphs refer to those."""
    if isinstance(node, (list, tuple)):
        return [_renamed(one, names) for one in node]
    if not isinstance(node, dict):
        return node
    made = {name: _renamed(value, names) for name, value in node.items() if name != "compile_config"}
    made |= {name: _place(node[name], names) for name in _PLACES if name in made}
    if node.get("class_name") in familiar.LAYERS | familiar.MODELS and isinstance(made.get("config"), dict):
        made["config"]["name"] = _called(node["config"].get("name"), names)
        if "name" in made:
            made["name"] = _called(node["name"], names)
    return made


def _called(name: Thing, names: dict[str, str]) -> Thing:
    return names.setdefault(name, f"n{len(names)}") if isinstance(name, str) else name


def _place(value: Thing, names: dict[str, str]) -> Thing:
    """``[name, node, tensor]``, or a list of such."""
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
        return [_called(value[0], names), *value[1:]]
    return [_place(one, names) for one in value] if isinstance(value, (list, tuple)) else value


# --- data and arguments --------------------------------------------------------------------------------------------


def _data(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {"x": given.get("x"), "y": given.get("y"), "sample_weight": given.get("sample_weight")}
    validation = given.get("validation_data")
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            raise Foreign(_flowing(validation))
        names = ("validation_x", "validation_y", "validation_weight")
        found |= dict(zip(names, validation, strict=False))
    arrays = {name: _array(value) for name, value in found.items() if value is not None}
    if "x" not in arrays or "y" not in arrays:
        raise Foreign("data of another kind")
    if sum(array.size * min(array.itemsize, 4) for array in arrays.values()) > MOST_BYTES:
        raise Foreign("too large")
    return arrays


def as_taken(array: Thing) -> Thing:
    """As Keras takes it: what is no float32 but a float becomes one."""
    return array.astype(np.float32) if array.dtype.kind == "f" and array.dtype != np.float32 else array


def _array(value: Thing) -> Any:  # noqa: ANN401
    if type(value).__name__ == "EagerTensor" and type(value).__module__.startswith("tensorflow."):
        value = value.numpy()
    if type(value) is not np.ndarray:
        raise Foreign(_flowing(value))
    if value.ndim < 1 or value.dtype.kind not in "fiub":
        raise Foreign("data of another kind")
    return value


def _flowing(value: Thing) -> str:
    if prints.is_dataset(value):
        return "tf.data"
    if isinstance(value, (list, tuple, dict)):
        return "several inputs"
    return "generator" if prints.is_sequence(value) or hasattr(value, "__next__") else "data of another kind"


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.keys() - familiar.ARGUMENTS - _BESIDES:
        raise Foreign("arguments")
    return {name: _plain(given.get(name, default)) for name, default in DEFAULTS.items()}


def _plain(value: Thing) -> Thing:
    if isinstance(value, dict):
        return {str(int(key)): float(weight) for key, weight in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float):
        return value
    raise Foreign("arguments")


def _callback(callback: Thing, is_student: Callable[[str], bool]) -> dict[str, Any]:
    kind = type(callback)
    if not _is_own(kind):
        raise Foreign("own callback")
    if kind.__name__ not in familiar.CALLBACKS:
        raise Foreign("callback")
    if _are_changed([callback], is_student):
        raise Foreign("changed Keras")
    settings = {name: _setting(getattr(callback, name)) for name in sorted(familiar.SETTINGS[kind.__name__])}
    operation = getattr(callback, "monitor_op", None)
    return {"kind": kind.__name__, "settings": settings, "direction": getattr(operation, "__name__", None)}


def _setting(value: Thing) -> Thing:
    return value if isinstance(value, str) else _plain(value)

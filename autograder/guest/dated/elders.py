"""Where things of Keras were before: modules that moved, names that changed, functions that are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from . import backend, pieces
from .spelling import Name, answer, by_notebook, called

ROOTS = ("keras", "keras._tf_keras.keras", "tensorflow.keras")
"""Three trees of modules, each with module objects of its own."""

ALIASES = (
    "tensorflow.contrib.keras",
    "tensorflow.contrib.keras.api.keras",
    "tensorflow.contrib.keras.python.keras",
    "keras.api.keras",
    "keras.api._v1.keras",
    "keras.api._v2.keras",
)
"""Where the whole of Keras could be found as well."""

_LAYERS = (
    "core convolutional pooling normalization advanced_activations embeddings recurrent noise merge wrappers local "
    "convolutional_recurrent cudnn_recurrent normalization_v2 recurrent_v2 dense_attention experimental attention "
    "reshaping regularization rnn merging activation preprocessing containers experimental.preprocessing "
    "core.dense core.dropout core.activation core.flatten core.embedding core.lambda_layer "
    "normalization.batch_normalization "
    "normalization.layer_normalization convolutional.conv2d pooling.max_pooling2d reshaping.flatten "
    "regularization.dropout preprocessing.image_preprocessing preprocessing.text_vectorization"
)
_OPTIMIZERS = (
    "adam_v2 adam adamax adamax_v2 nadam nadam_v2 adagrad adagrad_v2 adadelta adadelta_v2 rmsprop rmsprop_v2 sgd ftrl "
    "gradient_descent gradient_descent_v2 gradient_descent_legacy experimental experimental.adam optimizer_v2 "
    "optimizer_v2.adam optimizer_v2.rmsprop optimizer_v2.gradient_descent optimizer_v1 legacy.adam legacy.sgd "
    "legacy.rmsprop optimizer_experimental learning_rate_schedule schedules.learning_rate_schedule"
)
_UTILS = (
    "np_utils vis_utils generic_utils training_utils data_utils layer_utils io_utils visualize_util conv_utils "
    "all_utils losses_utils tf_utils image_utils image_dataset multi_gpu_utils test_utils metrics_utils"
)
_ENGINE = (
    "topology training base_layer input_layer sequential functional network saving input_spec keras_tensor "
    "training_utils data_adapter training_v1 compile_utils container"
)


def _under(package: str, names: str, *homes: str) -> dict[str, tuple[str, ...]]:
    return {f"{package}.{name}": homes for name in names.split()}


MOVED: Mapping[str, tuple[str, ...]] = {
    **_under("layers", _LAYERS, "layers"),
    **_under("optimizers", _OPTIMIZERS, "optimizers", "optimizers.schedules"),
    **_under("utils", _UTILS, "utils"),
    "engine": ("layers", "models", "utils", ""),
    **_under("engine", _ENGINE, "layers", "models", "utils", ""),
    "objectives": ("losses",),
    "optimizer_v1": ("optimizers",),
    "optimizer_v2": ("optimizers",),
    **_under("optimizer_v2", "adam rmsprop gradient_descent adagrad adadelta adamax nadam", "optimizers"),
    "optimizer_v2.learning_rate_schedule": ("optimizers.schedules",),
    "initializers.initializers_v2": ("initializers",),
    "preprocessing.image_dataset": ("utils", "preprocessing"),
    "preprocessing.timeseries": ("utils", "preprocessing"),
    "callbacks.callbacks": ("callbacks",),
    "callbacks.tensorboard_v1": ("callbacks",),
    "callbacks_v1": ("callbacks",),
    "backend.tensorflow_backend": ("backend",),
    "backend.common": ("backend",),
    "backend.load_backend": ("backend",),
    "saving.save": ("models",),
    "saving.saving_api": ("models",),
    "saving.hdf5_format": ("models",),
    "saving.model_config": ("models",),
    "layers.experimental.preprocessing.preprocessing": ("layers",),
    "applications.imagenet_utils.imagenet_utils": ("applications.imagenet_utils",),
    "legacy.interfaces": ("layers",),
}
"""Module below Keras that is gone -> modules that have its contents today."""

PUBLIC = (
    "activations applications applications.densenet applications.efficientnet applications.imagenet_utils "
    "applications.inception_v3 applications.mobilenet applications.mobilenet_v2 applications.resnet50 "
    "applications.vgg16 applications.vgg19 applications.xception backend callbacks constraints datasets "
    "datasets.cifar10 datasets.cifar100 datasets.fashion_mnist datasets.imdb datasets.mnist "
    "datasets.boston_housing datasets.reuters initializers layers losses metrics models optimizers "
    "optimizers.schedules preprocessing preprocessing.image preprocessing.sequence regularizers utils"
).split()
"""Modules of today's Keras that an alias has to have."""

_NAMES: Mapping[str, Mapping[str, str]] = {
    "layers": {
        "CuDNNLSTM": "LSTM",
        "CuDNNGRU": "GRU",
        "AtrousConvolution2D": "Conv2D",
        "Deconvolution2D": "Conv2DTranspose",
        "BatchNormalizationV2": "BatchNormalization",
        "LSTMV2": "LSTM",
        "InputSpec": "InputSpec",
    },
    "constraints": {"unitnorm": "UnitNorm"},
    "regularizers": {"WeightRegularizer": "L1L2", "ActivityRegularizer": "L1L2", "activity_l2": "l2"},
    "losses": {
        "kullback_leibler_divergence": "kl_divergence",
        "cosine_proximity": "cosine_similarity",
        "logcosh": "log_cosh",
        "mse": "mean_squared_error",
        "mae": "mean_absolute_error",
        "MSE": "mean_squared_error",
        "MAE": "mean_absolute_error",
        "KLD": "kl_divergence",
    },
    "metrics": {"mse": "mean_squared_error", "mae": "mean_absolute_error", "MSE": "mean_squared_error"},
    "initializers": {
        "uniform": "RandomUniform",
        "normal": "RandomNormal",
        "VarianceScalingV2": "VarianceScaling",
    },
    "optimizers": {"sgd": "SGD"},
    "models": {"model_from_yaml": "model_from_json"},
}
"""Module -> name of then -> name of today."""

FOLDED = ("layers", "constraints", "regularizers", "optimizers", "initializers", "losses", "metrics", "callbacks")
"""Modules in which ``maxnorm``, ``adam`` or ``l1l2`` differ from today's name by capitals and underscores alone."""

LEGACY = ("Adam", "SGD", "RMSprop", "Adagrad", "Ftrl", "Optimizer")


def actions(session: Thing) -> Actions:
    found: dict[str, Any] = {}
    for root in ROOTS:
        found[root] = partial(_root, session, root)
        for part in PUBLIC:
            found[f"{root}.{part}"] = partial(_module, session, root, part)
        found[f"{root}.optimizers.legacy"] = partial(_legacy, session, root)
    return found


def stand_ins(session: Thing) -> Actions:
    found: dict[str, Any] = {}
    for root in ROOTS:
        for part, homes in MOVED.items():
            found[f"{root}.{part}"] = partial(_forward, session, root, part, homes)
    text = "preprocessing.text"
    found[f"keras.{text}"] = partial(_forward, session, "keras._tf_keras.keras", text, (text,))
    for alias in ALIASES:
        for part in ("", *PUBLIC, *MOVED):
            homes = MOVED.get(part, (part,))
            found[f"{alias}.{part}".rstrip(".")] = partial(_forward, session, "tensorflow.keras", part, homes)
        for parent in _parents(alias):
            found.setdefault(parent, lambda module: None)
    return found


def _parents(alias: str) -> Sequence[str]:
    """``keras.api``, ``keras.api._v2`` for ``keras.api._v2.keras``; what exists is found before any stand-in."""
    parts = alias.split(".")
    return [".".join(parts[:length]) for length in range(2, len(parts))]


# --- modules that moved ----------------------------------------------------------------------------------------------


def _forward(session: Thing, root: str, part: str, homes: Sequence[str], module: ModuleType) -> None:
    """Fill a module that is gone: it answers with what its homes have, when asked."""
    if not by_notebook():
        raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__)
    places = [f"{root}.{home}".rstrip(".") for home in homes]

    def __getattr__(name: str) -> Thing:
        if not name.startswith("__"):
            if f"{part}.{name}" in MOVED:
                return import_module(f"{module.__name__}.{name}")
            for place in places:
                if (found := _has(place, name)) is not None:
                    session.adapt("spelling", called(module.__name__), called(places[0]))
                    return getattr(found, name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    vars(module)["__getattr__"] = __getattr__
    if part == "layers.merge":
        module.__class__ = pieces.Merging
    first = import_module(places[0])
    vars(module)["__all__"] = [name for name in vars(first).get("__all__", vars(first)) if not name.startswith("_")]


def _has(place: str, name: str) -> ModuleType | None:
    """The module of that name, if it has a ``name``, a module below it included."""
    home = import_module(place)
    if not hasattr(home, name):
        try:
            import_module(f"{place}.{name}")
        except ImportError:
            return None
    return home


# --- names that changed ----------------------------------------------------------------------------------------------


def _root(session: Thing, root: str, module: ModuleType) -> None:
    """``keras.engine`` or ``keras.objectives`` as an attribute."""
    answer(session, module, root, partial(_submodule, root, module, ""))


def _submodule(root: str, module: ModuleType, part: str, name: str) -> Name | None:
    gone = f"{part}.{name}".lstrip(".")
    if gone not in MOVED:
        return None
    shown = f"{root}.{MOVED[gone][0]}".rstrip(".")
    return Name(shown, lambda: import_module(f"{root}.{gone}"))


def _module(session: Thing, root: str, part: str, module: ModuleType) -> None:
    names = (*_NAMES.get(part, ()), *(("merge",) if part == "layers" else ()))
    answer(session, module, f"{root}.{part}", partial(_known, session, root, part, module), named=names)


def _known(session: Thing, root: str, part: str, module: ModuleType, name: str) -> Name | None:
    """What an old name of ``keras.<part>`` stands for."""
    shown = f"{root}.{part}"
    today = _NAMES.get(part, {}).get(name) or _folded(part, module, name)
    if today and today in vars(module):
        return Name(f"{shown}.{today}", lambda: vars(module)[today])
    if (moved := _submodule(root, module, part, name)) is not None:
        return moved
    if part == "utils" and name in ("probas_to_classes", "categorical_probas_to_classes"):
        return Name("scores.argmax(axis=-1)", lambda: _classes)
    if part == "utils" and name in ("multi_gpu_model",):
        return Name("model", lambda: lambda model, *_arguments, **_keywords: model)
    if part == "backend" and (made := backend.made(name)) is not None:
        return made
    if part in ("backend", "layers", "preprocessing.image", "preprocessing.sequence", "preprocessing"):
        other = _other(root, part)
        if hasattr(other, name):
            return Name(f"tensorflow.keras.{part}.{name}", lambda: getattr(other, name))
    return None


def _folded(part: str, module: ModuleType, name: str) -> str:
    if part not in FOLDED:
        return ""
    bare = name.replace("_", "").lower()
    alike = [known for known in vars(module) if known.replace("_", "").lower() == bare and not known.startswith("_")]
    return max(alike, key=lambda known: isinstance(vars(module)[known], type), default="")


def _other(root: str, part: str) -> ModuleType:
    """The same module of the other tree: what standalone Keras dropped, ``tf.keras`` may still have, or the reverse."""
    return import_module(f"{'keras._tf_keras.keras' if root == 'keras' else 'keras'}.{part}")


def _classes(scores: Thing) -> Thing:
    return scores.argmax(axis=-1) if scores.shape[-1] > 1 else (scores > 0.5).astype("int32")


def _legacy(session: Thing, root: str, module: ModuleType) -> None:
    """``optimizers.legacy.Adam`` trains as ``optimizers.Adam`` does."""
    for name in LEGACY:
        vars(module).pop(name, None)

    def known(name: str) -> Name | None:
        home = import_module("keras.optimizers")
        known = name if name in (*LEGACY, "Adadelta", "Adamax", "Nadam") else ""
        return Name(f"{root}.optimizers.{name}", lambda: getattr(home, name)) if known else None

    answer(session, module, f"{root}.optimizers.legacy", known, named=LEGACY)

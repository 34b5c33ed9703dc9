"""Layers with the arguments of Keras 1 and 2."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .spelling import Keywords, Rule, accepted, attribute, method, safely, signed, translated

FORMATS = {"th": "channels_first", "tf": "channels_last", "default": None}


def _ordering(value: Thing, keywords: Keywords) -> str:
    keywords["data_format"] = FORMATS.get(value, value)
    return f"data_format={keywords['data_format']!r}"


def _rows(value: Thing, keywords: Keywords) -> str:
    columns = keywords.pop("nb_col", None) or keywords.get("kernel_size", (value, value))[1]
    keywords["kernel_size"] = (value, columns)
    return "kernel_size=(..., ...)"


def _columns(value: Thing, keywords: Keywords) -> str:
    rows = keywords.get("kernel_size", (value, value))[0]
    keywords["kernel_size"] = (rows, value)
    return "kernel_size=(..., ...)"


def _binary(value: Thing, keywords: Keywords) -> str:
    keywords["output_mode"] = "multi_hot" if value == "binary" else value
    return f"output_mode={keywords['output_mode']!r}"


RULES: dict[str, tuple[str, Rule]] = {
    "output_dim": ("units", "units"),
    "nb_filter": ("filters", "filters"),
    "nb_row": ("kernel_size", _rows),
    "nb_col": ("kernel_size", _columns),
    "filter_length": ("kernel_size", "kernel_size"),
    "init": ("kernel_initializer", "kernel_initializer"),
    "inner_init": ("recurrent_initializer", "recurrent_initializer"),
    "inner_activation": ("recurrent_activation", "recurrent_activation"),
    "dropout_W": ("dropout", "dropout"),
    "dropout_U": ("recurrent_dropout", "recurrent_dropout"),
    "W_regularizer": ("kernel_regularizer", "kernel_regularizer"),
    "U_regularizer": ("recurrent_regularizer", "recurrent_regularizer"),
    "b_regularizer": ("bias_regularizer", "bias_regularizer"),
    "W_constraint": ("kernel_constraint", "kernel_constraint"),
    "b_constraint": ("bias_constraint", "bias_constraint"),
    "weights_regularizer": ("kernel_regularizer", "kernel_regularizer"),
    "bias": ("use_bias", "use_bias"),
    "border_mode": ("padding", "padding"),
    "subsample": ("strides", "strides"),
    "subsample_length": ("strides", "strides"),
    "stride": ("strides", "strides"),
    "pool_length": ("pool_size", "pool_size"),
    "atrous_rate": ("dilation_rate", "dilation_rate"),
    "dim_ordering": ("data_format", _ordering),
    "p": ("rate", "rate"),
    "sigma": ("stddev", "stddev"),
    "gamma_init": ("gamma_initializer", "gamma_initializer"),
    "beta_init": ("beta_initializer", "beta_initializer"),
    "alpha": ("negative_slope", "negative_slope"),
    "fused": ("moving_mean_initializer", None),
    "mode": ("moving_mean_initializer", None),
    "renorm": ("moving_mean_initializer", None),
    "virtual_batch_size": ("moving_mean_initializer", None),
    "consume_less": ("recurrent_initializer", None),
    "time_major": ("recurrent_initializer", None),
    "input_length": ("", None),
    "input_dtype": ("", None),
    "max_tokens": ("num_tokens", "num_tokens"),
}
"""Old argument -> an argument that the classes have for which it is meant (all where empty), and what becomes of it."""

KERAS_1 = {"border_mode", "init", "dim_ordering", "subsample", "W_regularizer", "W_constraint", "bias"}
"""Arguments by which a call is known to be written for Keras 1."""

FIXED = "autograder_batch_shape"


def actions(session: Thing) -> Actions:
    return {
        "keras.src.layers.layer": partial(_base, session),
        "keras.src.layers": partial(_all, session),
        "keras.src.models.sequential": partial(_sequential, session),
        "keras.layers": partial(_convolution, session),
    }


def _all(session: Thing, module: ModuleType) -> None:
    """Every class of Keras' that has an ``__init__`` of its own."""
    for found in {value for value in vars(module).values() if isinstance(value, type)}:
        if issubclass(found, module.Layer) and found is not module.Layer and "__init__" in vars(found):
            takes = accepted(vars(found)["__init__"])
            rules = {
                old: rule for old, (mark, rule) in RULES.items() if old not in takes and (mark in takes or not mark)
            }
            _replace(found, initialised(session, vars(found)["__init__"], found.__name__, rules))


def initialised(session: Thing, original: Callable[..., Any], name: str, rules: dict[str, Rule]) -> Callable[..., Any]:
    """A layer's ``__init__`` that also takes old arguments."""
    if name == "Embedding":
        rules = {**rules, "init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer"}
    if name == "CategoryEncoding":
        rules = {**rules, "output_mode": _binary}

    @wraps(original)
    def call(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        if not rules.keys().isdisjoint(keywords):
            if name.startswith("Conv2D") and len(arguments) == 3 and KERAS_1 & keywords.keys():
                arguments = safely(session, squared, session, name, arguments, otherwise=arguments)
            keywords = safely(session, translated, session, name, rules, keywords, otherwise=keywords)
        if name.startswith("AveragePooling") and not arguments and "pool_size" not in keywords:
            safely(session, session.adapt, "spelling", f"{name}()", f"{name}(2)", otherwise=None)
            keywords["pool_size"] = 2  # as Keras 2 had it
        original(self, *arguments, **keywords)

    return signed(call, original)  # type: ignore[no-any-return]


def _replace(owner: Thing, begin: Callable[..., Any]) -> None:
    owner.__init__ = begin


def squared(session: Thing, name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """``Convolution2D(32, 3, 3)`` as Keras 1 read it: rows and columns of the kernel, where Keras 2 reads strides."""
    filters, rows, columns = arguments
    if not (isinstance(rows, int) and isinstance(columns, int)):
        return arguments
    session.adapt("spelling", f"{name}({filters}, {rows}, {columns})", f"{name}({filters}, ({rows}, {columns}))")
    return (filters, (rows, columns))


# --- what every layer takes ------------------------------------------------------------------------------------------


def _base(session: Thing, module: ModuleType) -> None:
    owner = module.Layer
    owner.__init__ = _taking_shapes(session, owner.__init__)
    attribute(session, owner, "layer.input_shape", "layer.input.shape", lambda layer: _shape(layer.input))
    attribute(session, owner, "layer.output_shape", "layer.output.shape", lambda layer: _shape(layer.output))
    method(
        session,
        owner,
        "layer.get_input_at",
        "layer.input",
        lambda layer, node=0: layer._inbound_nodes[node].input_tensors[0],
    )
    method(
        session,
        owner,
        "layer.get_output_at",
        "layer.output",
        lambda layer, node=0: layer._inbound_nodes[node].outputs[0],
    )
    method(session, owner, "layer.reset_states", "layer.reset_state()", lambda layer: layer.reset_state())


def _shape(tensors: Thing) -> Thing:
    return [tuple(part.shape) for part in tensors] if isinstance(tensors, (list, tuple)) else tuple(tensors.shape)


def _taking_shapes(session: Thing, original: Callable[..., Any]) -> Callable[..., Any]:
    """``Layer.__init__`` that also takes ``input_shape`` and its kin, and ``weights``."""

    @wraps(original)
    def call(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        weights = keywords.pop("weights", None)
        shape, fixed = safely(session, _first_shape, session, type(self).__name__, keywords, otherwise=(None, None))
        if isinstance(keywords.get("trainable"), int):
            keywords["trainable"] = bool(keywords["trainable"])
        original(self, *arguments, **keywords)
        if shape is not None:
            self._input_shape_arg = shape
        if fixed is not None:
            self.__dict__[FIXED] = fixed
        if weights is not None:
            session.adapt("spelling", f"{type(self).__name__}(weights=...)", "layer.set_weights(...)")
            _fill_when_built(self, weights)

    return signed(call, original)  # type: ignore[no-any-return]


def _first_shape(session: Thing, name: str, keywords: Keywords) -> tuple[Thing, Thing]:
    """The shape that a first layer is told, out of the keywords; and with its batch size, where that is given."""
    told = [key for key in ("batch_input_shape", "input_dim", "input_shape") if keywords.get(key) is not None]
    if not told:
        return None, None
    batch = keywords.pop("batch_input_shape", None)
    width, shape = keywords.pop("input_dim", None), keywords.pop("input_shape", None)
    today = "keras.Input(batch_shape=...)" if batch is not None else "keras.Input(shape=...)"
    session.adapt("spelling", f"{name}({told[0]}=...)", today)
    if batch is not None:
        return tuple(batch[1:]), tuple(batch) if batch[0] is not None else None
    return ((width,) if width is not None else shape), None


def _fill_when_built(layer: Thing, weights: Thing) -> None:
    build = layer.build

    @wraps(build)
    def built(*arguments: Thing, **keywords: Thing) -> None:
        build(*arguments, **keywords)
        layer.set_weights(weights)

    layer.build = built


def _sequential(session: Thing, module: ModuleType) -> None:
    """A first layer with a fixed batch size makes an input with it, which stateful layers need."""
    original = module.Sequential.add

    @wraps(original)
    def add(self: Thing, layer: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        if not self._layers and FIXED in getattr(layer, "__dict__", ()):
            original(self, module.InputLayer(batch_shape=vars(layer)[FIXED]))
        original(self, layer, *arguments, **keywords)

    module.Sequential.add = signed(add, original)


# --- Convolution2D ---------------------------------------------------------------------------------------------------


def _convolution(session: Thing, module: ModuleType) -> None:
    """Who writes ``Convolution2D(32, 3, 3)`` writes Keras 1; in ``tf.keras`` the third has always been the stride."""
    real = module.Conv2D

    @wraps(real, updated=())
    def Convolution2D(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        session.adapt("spelling", "Convolution2D(...)", "Conv2D(...)")
        if len(arguments) == 3:
            arguments = squared(session, "Convolution2D", arguments)
        return real(*arguments, **keywords)

    module.Convolution2D = Convolution2D  # type: ignore[attr-defined]

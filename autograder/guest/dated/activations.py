"""``activation=tf.nn.relu``: functions of TensorFlow, which no saved model can name, as Keras' of the same values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from types import ModuleType

from ..imports import Actions
from ..things import Thing
from .spelling import signed

_SAME: Mapping[str, str] = {
    "relu": "relu",
    "relu6": "relu6",
    "softmax": "softmax",
    "softmax_v2": "softmax",
    "log_softmax_v2": "log_softmax",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "elu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "swish": "silu",
    "softplus": "softplus",
    "softsign": "softsign",
    "leaky_relu": "leaky_relu",
}
"""Name of TensorFlow's function -> Keras' one."""


def actions(session: Thing) -> Actions:
    return {"keras.src.activations": _keras}


def _keras(module: ModuleType) -> None:
    original = module.get

    @wraps(original)
    def get(identifier: Thing) -> Thing:
        __tracebackhide__ = True
        if str(getattr(identifier, "__module__", "")).startswith("tensorflow.python"):
            identifier = _SAME.get(getattr(identifier, "__name__", ""), identifier)
        return original(identifier)

    module.get = signed(get, original)  # type: ignore[attr-defined]

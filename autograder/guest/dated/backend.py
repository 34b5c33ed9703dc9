"""Functions of ``keras.backend`` that are gone: of TensorFlow 1's sessions and phases, and what they leave to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .spelling import Name, signed


def actions(session: Thing) -> Actions:
    return {"keras.src.legacy.backend": _settable}


def _settable(module: ModuleType) -> None:
    """``K.set_value(optimizer.lr, 0.1)``: Keras 3 cannot set its own variables that way."""
    original = module.set_value

    @wraps(original)
    def set_value(x: Thing, value: Thing) -> None:
        __tracebackhide__ = True
        if isinstance(x.dtype, str):
            x.assign(value)
        else:
            original(x, value)

    module.set_value = signed(set_value, original)  # type: ignore[attr-defined]


def _nothing(*_arguments: Thing, **_keywords: Thing) -> None:
    """Sessions and phases are no longer the notebook's business."""


def _formats(ordering: str) -> None:
    import keras

    keras.config.set_image_data_format({"th": "channels_first", "tf": "channels_last"}.get(ordering, ordering))


def _ordering() -> str:
    import keras

    return {"channels_first": "th"}.get(keras.config.image_data_format(), "tf")


def _session() -> Thing:
    import tensorflow

    return tensorflow.compat.v1.Session()


def _value(tensor: Thing) -> Thing:
    import keras

    return keras.ops.convert_to_numpy(tensor)


def _dtype(tensor: Thing) -> str:
    import keras

    return str(keras.backend.standardize_dtype(tensor.dtype))


def _is_tensor(tensor: Thing) -> bool:
    import keras

    return bool(keras.ops.is_tensor(tensor))


def _shown(tensor: Thing, message: str = "") -> Thing:
    import tensorflow

    tensorflow.print(message, tensor)
    return tensor


def _function(inputs: Thing, outputs: Thing, *_arguments: Thing, **_keywords: Thing) -> Callable[[Thing], Thing]:
    """``K.function([model.input, K.learning_phase()], [layer.output])``; the phase, if given, is the second value."""
    import keras

    several = isinstance(outputs, (list, tuple))
    given = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    tensors = [part for part in given if isinstance(part, keras.KerasTensor)]
    model = keras.Model(list(tensors), list(outputs) if several else [outputs])

    def call(values: Thing) -> Thing:
        listed = list(values) if isinstance(values, (list, tuple)) else [values]
        training = bool(listed[len(tensors)]) if len(listed) > len(tensors) else False
        feed = [keras.ops.convert_to_tensor(value) for value in listed[: len(tensors)]]
        found = model(feed, training=training)
        arrays = [_value(part) for part in (found if isinstance(found, (list, tuple)) else [found])]
        return arrays if several else arrays[0]

    return call


def _in_phase(number: int) -> Callable[..., Thing]:
    def choose(train: Thing, test: Thing, training: Thing = None) -> Thing:
        chosen = train if bool(training) == (number == 0) else test
        return chosen() if callable(chosen) else chosen

    return choose


def _gpus() -> list[str]:
    import tensorflow

    return [device.name for device in tensorflow.config.list_physical_devices("GPU")]


_MADE: Mapping[str, tuple[str, Any]] = {
    "set_image_dim_ordering": ("keras.config.set_image_data_format(...)", _formats),
    "image_dim_ordering": ("keras.config.image_data_format()", _ordering),
    "set_learning_phase": ("model(..., training=...)", _nothing),
    "learning_phase": ("model(..., training=...)", lambda: 0),
    "get_session": ("", _session),
    "set_session": ("", _nothing),
    "manual_variable_initialization": ("", _nothing),
    "eval": ("keras.ops.convert_to_numpy(...)", _value),
    "dtype": ("tensor.dtype", _dtype),
    "is_tensor": ("keras.ops.is_tensor(...)", _is_tensor),
    "print_tensor": ("tf.print(...)", _shown),
    "function": ("keras.Model(inputs, outputs)", _function),
    "in_train_phase": ("call(..., training=...)", _in_phase(0)),
    "_get_available_gpus": ("tf.config.list_physical_devices('GPU')", _gpus),
    "in_test_phase": ("call(..., training=...)", _in_phase(1)),
}
"""Name -> how it is written today, and what does its work."""


def made(name: str) -> Name | None:
    if name not in _MADE:
        return None
    today, value = _MADE[name]
    return Name(today, lambda: value)

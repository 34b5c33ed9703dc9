"""TensorFlow under the names of its first version: sessions, placeholders, and functions that moved."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from types import ModuleType

from ..imports import Actions
from ..things import Thing
from .spelling import Name, answer, by_notebook, method, respell

GRAPHS = ("placeholder", "placeholder_with_default", "sparse_placeholder")
"""What has no meaning while TensorFlow computes at once: the first use turns that off, as it was."""

_MOVED: Mapping[str, str] = {
    "log": "math.log",
    "lgamma": "math.lgamma",
    "random_normal": "random.normal",
    "random_uniform": "random.uniform",
    "truncated_normal": "random.truncated_normal",
    "random_shuffle": "random.shuffle",
    "matrix_inverse": "linalg.inv",
    "diag": "linalg.tensor_diag",
    "ceil": "math.ceil",
    "is_nan": "math.is_nan",
    "is_finite": "math.is_finite",
    "confusion_matrix": "math.confusion_matrix",
    "set_random_seed": "random.set_seed",
    "multinomial": "random.categorical",
    "decode_raw": "io.decode_raw",
    "read_file": "io.read_file",
    "write_file": "io.write_file",
    "parse_single_example": "io.parse_single_example",
    "FixedLenFeature": "io.FixedLenFeature",
    "matching_files": "io.matching_files",
    "cumsum": "math.cumsum",
    "unsorted_segment_sum": "math.unsorted_segment_sum",
    "segment_sum": "math.segment_sum",
    "mod": "math.mod",
    "pow": "math.pow",
    "rsqrt": "math.rsqrt",
    "erf": "math.erf",
    "squared_difference": "math.squared_difference",
}
"""Name of the first version -> where that is today."""

_IMAGES: Mapping[str, str] = {"resize_images": "resize", "resize_image_with_pad": "resize_with_pad",
                              "resize_image_with_crop_or_pad": "resize_with_crop_or_pad"}  # fmt: skip


def actions(session: Thing) -> Actions:
    return {
        "tensorflow": partial(_tensorflow, session),
        "tensorflow._api.v2.train": partial(_forwarding, session, "tf.train", "train"),
        "tensorflow._api.v2.nn": partial(_forwarding, session, "tf.nn", "nn"),
        "tensorflow._api.v2.random": partial(_forwarding, session, "tf.random", "random"),
        "tensorflow._api.v2.math": partial(_forwarding, session, "tf.math", "math"),
        "tensorflow._api.v2.io": partial(_forwarding, session, "tf.io", "io"),
        "tensorflow._api.v2.test": partial(_forwarding, session, "tf.test", "test"),
        "tensorflow.python.data.ops.dataset_ops": partial(_datasets, session),
        "tensorflow._api.v2.image": partial(_images, session),
        "tensorflow._api.v2.summary": partial(_forwarding, session, "tf.summary", "summary"),
        "tensorflow._api.v2.saved_model": partial(_forwarding, session, "tf.saved_model", "saved_model"),
    }


def stand_ins(session: Thing) -> Actions:
    return {"tensorflow.contrib": partial(_contrib, session)}


def _first() -> Thing:
    return import_module("tensorflow").compat.v1


def _tensorflow(session: Thing, module: ModuleType) -> None:
    answer(session, module, "tf", partial(_name, module))
    for name in ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"):
        respell(session, module, name, {"keep_dims": "keepdims", "reduction_indices": "axis"}, shown=f"tf.{name}")
    respell(session, module, "argmax", {"dimension": "axis"}, shown="tf.argmax")


def _name(module: ModuleType, name: str) -> Name | None:
    if name == "contrib":
        return Name("", lambda: import_module("tensorflow.contrib"))
    if name in GRAPHS:
        return Name(f"tf.compat.v1.{name}", partial(_graph, name))
    if name in _MOVED:
        return Name(f"tf.{_MOVED[name]}", partial(_path, module, _MOVED[name]))
    first = _first()
    if name in ("keras", "estimator") or not hasattr(first, name):
        return None
    return Name(f"tf.compat.v1.{name}", lambda: getattr(first, name))


def _path(module: Thing, path: str) -> Thing:
    for part in path.split("."):
        module = getattr(module, part)
    return module


def _graph(name: str) -> Thing:
    """A placeholder of the first version; from here on TensorFlow builds graphs and computes in sessions."""
    import tensorflow

    if tensorflow.executing_eagerly():
        tensorflow.compat.v1.disable_eager_execution()
    return getattr(_first(), name)


def _forwarding(session: Thing, shown: str, part: str, module: ModuleType) -> None:
    """A part of TensorFlow answers for what its first version had there."""

    def known(name: str) -> Name | None:
        first = getattr(_first(), part, None)
        return Name(f"tf.compat.v1.{part}.{name}", lambda: getattr(first, name)) if hasattr(first, name) else None

    answer(session, module, shown, known)


def _images(session: Thing, module: ModuleType) -> None:
    def known(name: str) -> Name | None:
        today = _IMAGES.get(name)
        if today:
            return Name(f"tf.image.{today}", lambda: getattr(module, today))
        first = _first().image
        return Name(f"tf.compat.v1.image.{name}", lambda: getattr(first, name)) if hasattr(first, name) else None

    answer(session, module, "tf.image", known)


def _datasets(session: Thing, module: ModuleType) -> None:
    def one_shot(dataset: Thing) -> Thing:
        return _first().data.make_one_shot_iterator(dataset)

    method(session, module.DatasetV2, "dataset.make_one_shot_iterator", "iter(dataset)", one_shot)


def _contrib(session: Thing, module: ModuleType) -> None:
    """Of ``tf.contrib`` only Keras is left; its modules are stand-ins too."""
    if not by_notebook():
        raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__)

    def known(name: str) -> Name | None:
        return Name("tf.keras", lambda: import_module("tensorflow.keras")) if name == "keras" else None

    answer(session, module, "tf.contrib", known)

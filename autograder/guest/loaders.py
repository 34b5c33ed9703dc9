"""Keras' data set loaders answer with the data of this run: official sizes and dtypes, fresh copies, no download."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

from .imports import Actions
from .things import Thing

if TYPE_CHECKING:  # a notebook that loads no data does not pay for numpy
    import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[Any]"
Arrays: TypeAlias = "Mapping[str, Array]"
Pairs: TypeAlias = "tuple[tuple[Array, Array], tuple[Array, Array]]"

PACKAGE = "keras.src.datasets"

ANSWERS: Mapping[tuple[int, ...], tuple[str, ...]] = {
    (28, 28): ("mnist", "fashion_mnist"),
    (32, 32, 3): ("cifar10", "cifar100"),
}
"""Shape of an image -> the loaders that serve such images. A new loader is a line here."""

CLASSES: Mapping[str, int] = {"cifar100": 100, "cifar10": 10}
"""Loaders that answer only for so many classes."""

COLUMN_LABELS = ("cifar10", "cifar100")
"""Loaders whose labels have shape (n, 1)."""

OTHERS = ("imdb", "reuters", "boston_housing", "california_housing")


def modules() -> tuple[str, ...]:
    """Keras modules that hold a ``load_data``."""
    names = [*(name for group in ANSWERS.values() for name in group), *OTHERS]
    return tuple(f"{PACKAGE}.{name}" for name in names)


def actions(session: Thing) -> Actions:
    """Replace each ``load_data`` as its module is imported."""
    return dict.fromkeys(modules(), lambda module: install(module, session.data, session.job["data"]))


def install(module: ModuleType, data: Path, served: str) -> None:
    """Replace the module's ``load_data``; ``served`` is the name of the data set, for people."""
    name = module.__name__.rpartition(".")[2]
    module.load_data = replacement(name, module.load_data, data, served)  # type: ignore[attr-defined]


def replacement(name: str, original: Callable[..., Any], data: Path, served: str) -> Callable[..., Pairs]:
    """A ``load_data`` that takes and ignores the original's arguments."""

    @functools.wraps(original)
    def load_data(*_arguments: Thing, **_keywords: Thing) -> Pairs:
        __tracebackhide__ = True
        import numpy as np

        with np.load(data, allow_pickle=False) as arrays:
            return pairs(name, arrays, served)

    return load_data


def pairs(name: str, arrays: Arrays, served: str) -> Pairs:
    """``(x_train, y_train), (x_test, y_test)``; raises FileNotFoundError when this run has no such data."""
    (x_train, x_test), (y_train, y_test) = ([arrays[f"{axis}_{part}"] for part in ("train", "test")] for axis in "xy")
    shape = x_train.shape[1:]
    classes = int(y_train.max()) + 1
    if name not in ANSWERS.get(shape, ()) or CLASSES.get(name, classes) != classes:
        size = "x".join(map(str, shape))
        others = ", ".join(f"{other}.load_data()" for other in ANSWERS.get(shape, ())) or "none of Keras' loaders"
        raise FileNotFoundError(
            f"{name} is not available here: there is no network, and this run serves {served} "
            f"({size}, {classes} classes) through {others}"
        )
    if name in COLUMN_LABELS:
        y_train, y_test = y_train.reshape(-1, 1), y_test.reshape(-1, 1)
    return (x_train, y_train), (x_test, y_test)

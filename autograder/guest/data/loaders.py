"""Keras' data set loaders answer with the data of this run: official sizes and dtypes, fresh copies, no download.

``load_data`` and ``get_file`` are replaced where Keras defines them, so that every way of import meets the replacement.
A new loader of Keras' is a family in ``sets.FAMILIES``.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from ..imports import Actions
from ..network import NoNetwork
from ..things import Thing
from . import shelf
from .classes import COARSE_OF_FINE
from .sets import Array, served

Pairs: TypeAlias = "tuple[tuple[Array, Array], tuple[Array, Array]]"

PACKAGE = "keras.src.datasets"
IMAGES = ("mnist", "fashion_mnist", "cifar10", "cifar100")
OTHERS = ("imdb", "reuters", "boston_housing", "california_housing")
FILES = "keras.src.utils.file_utils"

COLUMN_LABELS = ("cifar10", "cifar100")
"""Loaders whose labels have shape (n, 1)."""


def modules() -> tuple[str, ...]:
    """Keras modules that hold a ``load_data``."""
    return tuple(f"{PACKAGE}.{name}" for name in (*IMAGES, *OTHERS))


def actions(session: Thing) -> Actions:
    """Replace each loader as its module is imported."""
    found = dict.fromkeys(modules(), lambda module: install(module, session))
    return {**found, FILES: lambda module: install_files(module, session)}


def install(module: ModuleType, session: Thing) -> None:
    """Replace the module's ``load_data`` by one that takes the original's arguments."""
    name = module.__name__.rpartition(".")[2]
    original: Callable[..., Pairs] = module.load_data

    @functools.wraps(original)
    def load_data(*arguments: Thing, **keywords: Thing) -> Pairs:
        __tracebackhide__ = True
        coarse = name == "cifar100" and "coarse" in (*arguments, *keywords.values())
        return pairs(name, session, coarse=coarse)

    module.load_data = load_data  # type: ignore[attr-defined]


def pairs(name: str, session: Thing, *, coarse: bool = False) -> Pairs:
    """``(x_train, y_train), (x_test, y_test)``; raises FileNotFoundError when this run has no such data."""
    arrays = served(session, name, f"{name}.load_data()", own=True)
    labels = [arrays["y_train"], arrays["y_test"]]
    if coarse:
        import numpy as np

        labels = [np.array(COARSE_OF_FINE, given.dtype)[given] for given in labels]
    if name in COLUMN_LABELS:
        labels = [given.reshape(-1, 1) for given in labels]
    return (arrays["x_train"], labels[0]), (arrays["x_test"], labels[1])


def install_files(module: ModuleType, session: Thing) -> None:
    """``get_file`` finds the files of our data sets on the shelf, and nothing else that is not here."""
    original: Callable[..., str] = module.get_file

    @functools.wraps(original)
    def get_file(fname: Thing = None, origin: Thing = None, *arguments: Thing, **keywords: Thing) -> str:
        __tracebackhide__ = True
        asked = str(origin or fname or "")
        unpacked = bool(keywords.get("extract") or keywords.get("untar") or arguments[:1] == (True,))
        made = shelf.fetched(session, asked, str(fname or ""), unpacked=unpacked)
        if made is not None:
            return str(made)
        if asked.startswith("file:") or _cached(str(fname or os.path.basename(asked)), keywords):  # noqa: PTH119
            return original(fname, origin, *arguments, **keywords)
        raise NoNetwork(f"there is no network here, and {fname or asked} is not at hand ({asked})")

    module.get_file = get_file  # type: ignore[attr-defined]


def _cached(name: str, keywords: Thing) -> bool:
    home = keywords.get("cache_dir") or os.environ.get("KERAS_HOME", "~/.keras")
    return (Path(str(home)).expanduser() / str(keywords.get("cache_subdir") or "datasets") / name).exists()

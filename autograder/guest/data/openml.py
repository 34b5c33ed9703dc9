"""scikit-learn's downloads of image data sets: ``fetch_openml`` by name or number, and the older ``fetch_mldata``."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..network import NoNetwork
from ..things import Thing
from .sets import FAMILIES, Arrays, family, served

NUMBERS = {554: "mnist_784", 40996: "Fashion-MNIST", 40927: "CIFAR_10", 41081: "CIFAR_100", 41982: "Kuzushiji-MNIST"}
"""Of the sets on openml.org."""


def actions(session: Thing) -> Actions:
    return {
        "sklearn.datasets._openml": lambda module: install(module, session),
        "sklearn.datasets": lambda module: install_older(module, session),
    }


def install(module: ModuleType, session: Thing) -> None:
    original = module.fetch_openml

    @functools.wraps(original)
    def fetch_openml(name: Thing = None, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        number = keywords.get("data_id")
        asked = str(name or NUMBERS.get(int(number or 0), number))
        call = f"fetch_openml({asked!r})"
        if family(asked) not in FAMILIES:
            raise NoNetwork(f"there is no network here, and {call} is not at hand")
        return bunch(served(session, asked, call), asked, keywords)

    module.fetch_openml = fetch_openml  # type: ignore[attr-defined]


def install_older(module: ModuleType, session: Thing) -> None:
    def fetch_mldata(dataname: str, *_: Thing, **__: Thing) -> Thing:
        import numpy as np

        made = bunch(served(session, dataname, f"fetch_mldata({dataname!r})"), dataname, {"as_frame": False})
        made.data, made.target = made.data.astype(np.uint8), made.target.astype(np.float64)
        return made

    module.fetch_mldata = fetch_mldata  # type: ignore[attr-defined]


def bunch(arrays: Arrays, name: str, options: Thing) -> Thing:
    """Training rows first, then test rows; classes are text, as openml.org has them."""
    import numpy as np
    from sklearn.utils import Bunch

    flat = [arrays[f"x_{part}"] for part in ("train", "test")]
    if flat[0].ndim == 4:  # red, then green, then blue
        flat = [images.transpose(0, 3, 1, 2) for images in flat]
    size = flat[0][0].size
    number = np.float64 if options.get("parser") == "liac-arff" else np.int64
    data = np.concatenate([images.reshape(len(images), size) for images in flat]).astype(number)
    target = np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(str).astype(object)
    columns = [f"pixel{n + 1}" if size == 784 else f"a{n}" for n in range(size)]
    found: dict[str, Any] = {"data": data, "target": target, "frame": None, "categories": {}}
    if options.get("as_frame", "auto"):
        found |= _frames(data, target, columns)
    if options.get("return_X_y"):
        return found["data"], found["target"]
    return Bunch(
        **found,
        feature_names=columns,
        target_names=["class"],
        DESCR=f"{name}, as served in this run",
        details={"name": name},
        url="",
    )


def _frames(data: Thing, target: Thing, columns: list[str]) -> dict[str, Any]:
    """No copy of the images is made: they take 440 MB as int64."""
    from pandas import Categorical, DataFrame, Series

    table = DataFrame(data, columns=columns, copy=False)
    classes = Series(Categorical(target, categories=sorted(set(target), key=int)), name="class")
    joined = table.copy(deep=False)
    joined["class"] = classes
    return {"data": table, "target": classes, "frame": joined}

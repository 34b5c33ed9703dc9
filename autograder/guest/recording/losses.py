"""The settings of a loss that are plain numbers, such as ``label_smoothing``, ``gamma`` and ``alpha``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..things import Thing
from .prints import finite

MOST = 8
_UNIMPORTANT = ("axis", "ignore_class")
"""Which numbers of an output are meant, not what is made of them."""

Settings = dict[str, float]


class Told(NamedTuple):
    """What is noted of a loss."""

    name: str = ""
    settings: Mapping[str, float] = MappingProxyType({})


def of_model(model: Thing) -> Settings:
    """Of what it was compiled with, where that is one loss."""
    return settings(getattr(model, "loss", None))


def settings(loss: Thing) -> Settings:
    """Of a loss as an object, by its configuration, or of a function that some arguments were bound to."""
    if isinstance(loss, functools.partial):
        return _numbers(loss.keywords)
    if loss is None or isinstance(loss, (str, list, tuple, dict)):
        return {}
    config: Any = getattr(loss, "get_config", dict)()
    return _numbers({**_mapping(getattr(loss, "_fn_kwargs", {})), **_mapping(config)})


def _mapping(value: Thing) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _numbers(told: Mapping[str, Any]) -> Settings:
    found: Settings = {}
    for key, value in told.items():
        number = None if isinstance(value, (bool, str)) or key in _UNIMPORTANT else finite(value)
        if number is not None and isinstance(key, str) and len(found) < MOST:
            found[key[:60]] = float(f"{number:.7g}")
    return found

"""Notebooks written since 2016 run as they are; what was spelled otherwise then is recorded.

After the hooks on trainings, so that these see a call in today's spelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from ..imports import Action, Actions, gathered
from ..things import Thing

SHIMS = (
    "rates",
    "layers",
    "training",
    "figures",
    "pieces",
    "archives",
    "elders",
    "backend",
    "activations",
    "wrappers",
    "addons",
    "graphs",
    "numeric",
    "charts",
    "estimators",
    "cells",
)
"""Modules beside this one that translate; each like a module of ``HOOKS``."""


def _parts() -> list[Any]:
    return [import_module(f".{name}", __package__) for name in SHIMS]


def actions(session: Thing) -> Actions:
    groups = gathered([part.actions(session) for part in _parts() if hasattr(part, "actions")])

    return {name: partial(_each, following) for name, following in groups.items()}


def _each(following: Sequence[Action], module: ModuleType) -> None:
    for action in following:
        action(module)


def stand_ins(session: Thing) -> Actions:
    found: dict[str, Any] = {}
    for part in _parts():
        if hasattr(part, "stand_ins"):
            found |= part.stand_ins(session)
    return found


def begin(session: Thing, shell: Thing) -> None:
    for part in _parts():
        if hasattr(part, "begin"):
            part.begin(session, shell)

"""Notebooks written since 2016 run as they are; what was spelled otherwise then is recorded.

The last of the hooks: a call is translated before anything else sees it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .imports import Actions, gathered
from .things import Thing

SHIMS = (
    "network",
    "rates",
    "layers",
    "training",
    "figures",
    "archives",
    "elders",
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

    def following(name: str) -> Any:
        def follow(module: Any) -> None:
            for action in groups[name]:
                action(module)

        return follow

    return {name: following(name) for name in groups}


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

"""What happens when the notebook imports something: hooks on what exists, and stand-ins for what is missing."""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from .collector import LARGE, paused
from .things import Thing

Action = Callable[[ModuleType], None]
LOST = "lost: "
"""So begin the notes of the ledger on what it lacks through no fault of the notebook's."""
Actions = Mapping[str, Action]
"""Name of a module -> what is done with it."""
_KERAS = "src/backend/common/keras_tensor.py"
"""By this file in a package one knows that it is Keras."""


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls actions with a module right after its code has run, before anybody else has seen it; then arrivals."""

    def __init__(
        self,
        actions: Mapping[str, Sequence[Action]],
        arrivals: Mapping[str, Sequence[Action]],
        note: Callable[[str], None],
    ) -> None:
        self.actions = actions
        self.arrivals = arrivals
        self.note = note
        """Is told what failed."""
        self.early = False
        """Whether what is imported now is put aside: it arrives when the notebook asks for it."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        known = _copied(name)
        actions = [*self.actions.get(known, ()), *(() if self.early else self.arrivals.get(known, ()))]
        if not actions and name not in LARGE:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                _follow(spec.loader, actions, self.note, paused if name in LARGE else nullcontext)
                return spec
        return None


def _copied(name: str) -> str:
    """What a module is a copy of: a notebook may import a Keras of its own, by another name."""
    root, _, part = name.partition(".src.")
    places = getattr(sys.modules.get(root), "__path__", ()) if part and root != "keras" else ()
    return f"keras.src.{part}" if any((Path(place) / _KERAS).is_file() for place in places) else name


def _follow(loader: Thing, actions: Sequence[Action], note: Callable[[str], None], around: Callable[[], Thing]) -> None:
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        with around():
            run(module)
        for action in actions:
            safely(action, module, note)

    loader.exec_module = exec_module


def safely(action: Action, module: ModuleType, note: Callable[[str], None]) -> None:
    """An import of the student's never fails with an action of ours."""
    try:
        action(module)
    except Exception as error:
        note(f"{LOST}{module.__name__}: {type(error).__name__}: {error}")


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last finder: answers for modules that are not installed, with what ``builders`` put into an empty one.

    Every stand-in is a package, so that a part of it can be imported. A dunder name is never made up: IPython's
    traceback formatter asks modules for some and fails on false ones.
    """

    def __init__(self, builders: Actions) -> None:
        self.builders = builders

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self.builders or _only_asked():
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self.builders[module.__name__](module)


def _only_asked() -> bool:
    """Whether ``importlib.util.find_spec`` wants to know if a module is installed: no stand-in is."""
    caller = sys._getframe(3)
    return caller.f_code.co_name == "find_spec" and caller.f_globals.get("__name__") == "importlib.util"


def gathered(groups: Sequence[Actions]) -> dict[str, list[Action]]:
    """Actions of several groups by module, in the order of the groups."""
    found: dict[str, list[Action]] = {}
    for group in groups:
        for name, action in group.items():
            found.setdefault(name, []).append(action)
    return found

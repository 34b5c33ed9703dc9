"""Callbacks of the notebook's own that can only look on: their code reaches neither the model nor anything outside.

Nothing of them is called. What is not understood may do anything.
"""

from __future__ import annotations

import builtins
import dis
import time
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from ..things import Thing

_HARMLESS = frozenset(
    "print len range round float int str bool list dict tuple set sorted sum min max abs any all zip enumerate format "
    "isinstance super repr".split()
)
"""Builtins that change nothing but what they are given."""
_KERAS = frozenset({"_model", "params", "validation_data"})
"""What Keras puts into a callback."""
_REACHING = frozenset({"model", "_model", "validation_data", "set_model"})
_DEPTH = 4
_OURS = f"{__name__.rpartition('.recording')[0]}."


def onlookers(callbacks: Thing) -> list[str]:
    """Classes of callbacks, none of which has a say in its training."""
    each = _each(callbacks)
    own = [callback for callback in each if not _is_keras(type(callback))]
    acting = {type(callback).__name__ for callback in own if not _only_looks(callback)}
    acting |= {type(callback).__name__ for callback in each if _is_keras(type(callback))}
    return sorted({type(callback).__name__[:100] for callback in own} - acting)


def movers(callbacks: Thing) -> list[str]:
    """Classes of the notebook's own callbacks, which may have moved the weights."""
    own = [one for one in _each(callbacks) if not _is_keras(type(one)) and not _only_looks(one)]
    return sorted({type(one).__name__[:100] for one in own})


def _each(callbacks: Thing) -> list[Any]:
    each: list[Any] = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    return [one for one in each if one is not None]


def _is_keras(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "keras"


def _only_looks(callback: Thing) -> bool:
    """A callback of Keras' own that it extends may act by itself."""
    kinds = type(callback).__mro__
    if any(_is_keras(kind) and kind.__name__ != "Callback" for kind in kinds):
        return False
    held: dict[str, Any] = vars(callback)  # type: ignore[assignment]
    own = [value for kind in kinds if not (_is_keras(kind) or kind is object) for value in _members(kind)]
    return all(_is_plain(value) for name, value in held.items() if name not in _KERAS) and all(
        _is_plain(value) or (isinstance(value, FunctionType) and _reaches_nothing(value)) for value in own
    )


def _members(kind: type) -> Iterator[Any]:
    return (value for name, value in vars(kind).items() if name not in ("__dict__", "__weakref__"))


def _is_plain(value: Thing, depth: int = 0) -> bool:
    """Numbers, texts, and what is made of them: no handle on anything that takes part in a training."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return True
    ours = isinstance(value, dict) and type(value).__module__.startswith(_OURS)  # figures under the names of then
    known = ours or type(value) in (list, tuple, dict, set)
    if depth > _DEPTH or not known:
        return False
    parts: list[Any] = [*value.values(), *value] if isinstance(value, dict) else list(value)
    return all(_is_plain(part, depth + 1) for part in parts[:10_000])


def _reaches_nothing(function: FunctionType) -> bool:
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    known, closed = function.__globals__, zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    enclosed = [cell.cell_contents for name, cell in closed if name != "__class__"]
    return all(map(_is_plain, [*defaults, *enclosed])) and all(
        _is_harmless(code, known) for code in _codes(function.__code__)
    )


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _is_harmless(code: CodeType, known: dict[str, Any]) -> bool:
    """What it names from outside is plain, and it asks for nothing by which the model is reached."""
    for step in dis.get_instructions(code):
        name = str(step.argval)
        if step.opname.startswith(("IMPORT", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_CLASSDEREF", "LOAD_FROM_DICT")):
            return False
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and not _is_harmless_name(name, known):
            return False
        if "ATTR" in step.opname or "METHOD" in step.opname:
            if name in _REACHING or (name.startswith("__") and name != "__init__"):
                return False
    return True


def _is_harmless_name(name: str, known: dict[str, Any]) -> bool:
    if name in known:  # a list may be what something else goes by
        return known[name] is time or isinstance(known[name], (bool, int, float, str, type(None)))
    return name in _HARMLESS and hasattr(builtins, name)

"""By what code of the notebook's own a training takes its steps, and with which plain settings: as a digest.

Steps of one digest do the same. What those of two digests have in common is not known: names may differ, or what is
done to images, labels and gradients. Nothing is called.
"""

from __future__ import annotations

import dis
import functools
import hashlib
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

from ..things import Thing

STEPS = ("train_step", "make_train_function", "compute_loss", "compute_gradients")
"""What a model may have of its own in the place of Keras'."""
_MOST, _LONG = 300, 200
IsStudent = Callable[[str], bool]


def of_model(model: Thing, is_student: IsStudent) -> str:
    """Of a model that has a step of its own."""
    reading = _Reading(is_student)
    for name in STEPS:
        reading.value(name, getattr(model, name, None))
    return reading.digest()


def of_frames(running: Sequence[FrameType], is_student: IsStudent) -> str:
    """Of a loop, by the functions that are running; of one that is in none, by its cell."""
    reading = _Reading(is_student)
    called = [frame for frame in running if not frame.f_code.co_name.startswith("<")]
    for frame in called or running[-1:]:
        code = frame.f_code
        known = ChainMap(frame.f_locals, frame.f_globals)
        reading.code(code, known)
        given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        for name in code.co_varnames:
            value = frame.f_locals.get(name)
            if name in given or _function(value) is not None:
                reading.value(name, value)
    return reading.digest()


class _Reading:
    """Of one step."""

    def __init__(self, is_student: IsStudent) -> None:
        self._is_student = is_student
        self._parts: list[str] = []
        self._seen: dict[int, Any] = {}
        """What was read, by identity, and kept so that no other thing comes to have it."""

    def digest(self) -> str:
        """Empty where nothing was read."""
        told = "\n".join(self._parts)
        return hashlib.sha256(told.encode(errors="replace")).hexdigest()[:16] if told else ""

    def value(self, name: str, value: Thing, depth: int = 0) -> None:
        """A plain setting as it is, a function by its code, anything else by its class."""
        if isinstance(value, functools.partial):
            for key, one in value.keywords.items():
                self.value(key, one, depth + 1)
            value = value.func
        function = _function(value)
        if function is not None and self._is_student(function.__code__.co_filename):
            self._function(function, getattr(value, "__self__", None))
        elif function is None:
            self._tell(f"{name}={_told(value, depth)}")
        else:
            self._tell(f"{name}: {function.__module__}.{function.__qualname__}")

    def _tell(self, part: str) -> None:
        if len(self._parts) < _MOST:
            self._parts.append(part[:4000])

    def _function(self, function: FunctionType, owner: Thing) -> None:
        if id(function) in self._seen:
            return
        self._seen[id(function)] = function
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.value("", default)
        enclosed = {name: _content(cell) for name, cell in _cells(function)}
        self.code(function.__code__, ChainMap(enclosed, function.__globals__), owner)

    def code(self, code: CodeType, known: Mapping[str, Any], owner: Thing = None) -> None:
        """What it does, and what it names from outside of itself or asks its owner for."""
        plain = [one for one in code.co_consts if _is_plain(one) and len(str(one)) < _LONG]
        self._tell(f"{code.co_code.hex()} {code.co_names} {plain}")
        for name, value in _named(code, known, owner):
            if len(self._parts) < _MOST:
                self.value(name, value)
        for constant in code.co_consts:
            if isinstance(constant, CodeType) and len(self._parts) < _MOST:
                self.code(constant, known, owner)


def _named(code: CodeType, known: Mapping[str, Any], owner: Thing) -> Iterator[tuple[str, Any]]:
    told = set[tuple[bool, str]]()
    for step in dis.get_instructions(code):
        asked = "ATTR" in step.opname or "METHOD" in step.opname
        name = str(step.argval)
        if (asked, name) in told or not (asked or step.opname.startswith(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"))):
            continue
        told.add((asked, name))
        if not asked and name in known:
            yield name, known[name]
        elif asked and owner is not None:
            if name in (held := getattr(owner, "__dict__", {})):
                yield name, held[name]
            elif isinstance(method := getattr(type(owner), name, None), FunctionType):
                yield name, MethodType(method, owner)


def _function(value: Thing) -> FunctionType | None:
    """Also of one that TensorFlow has compiled or will compile."""
    value = value.__func__ if isinstance(value, MethodType) else value
    if isinstance(value, FunctionType):
        return value
    kind = type(value)
    compiled = getattr(value, "python_function", None) if kind.__module__.startswith("tensorflow.") else None
    return _function(compiled) if compiled is not None else None


def _cells(function: FunctionType) -> Iterator[tuple[str, Any]]:
    return zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)


def _content(cell: Thing) -> Thing:
    try:
        return cell.cell_contents  # type: ignore[attr-defined, no-any-return, unused-ignore]
    except ValueError:  # not filled yet
        return None


def _is_plain(value: Thing) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _told(value: Thing, depth: int = 0) -> str:
    if _is_plain(value):
        return repr(value)[:_LONG]
    if type(value) in (list, tuple) and depth < 2 and len(value) <= 20:
        return f"[{', '.join(_told(one, depth + 1) for one in value)}]"
    return type(value).__name__

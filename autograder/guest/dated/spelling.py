"""What all shims have in common: who asks, how arguments are renamed, and names that answer only when asked for.

A shim translates a call in place and leaves the class or function that it calls what it is: what a notebook makes is
saved, counted and compared as if it had been written in today's spelling.
"""

from __future__ import annotations

import dis
import inspect
import sys
import sysconfig
from collections.abc import Callable, Mapping
from functools import wraps
from types import FrameType, ModuleType
from typing import Any, TypeAlias

from ..stack import OURS
from ..things import Thing

Keywords: TypeAlias = "dict[str, Any]"
Rule: TypeAlias = "str | Callable[[Any, Keywords], str] | None"
"""What becomes of an old argument: its new name; None when it has no effect any more; or a function that puts what is
needed into the keywords and returns how it is written today."""
Rules: TypeAlias = "Mapping[str, Rule]"

_LIBRARIES = tuple({*(sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib")), "<frozen "})
_BETWEEN = ("lazy_loader.py", "module_wrapper.py", "deprecation.py", "importlib/__init__.py")
"""Of TensorFlow and Python: they hand a question on."""


def asker() -> FrameType | None:
    """The frame that asks: the first below ourselves, the import machinery and what only hands a question on."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((OURS, "<frozen ")) and not name.endswith(_BETWEEN):
            return frame
        frame = frame.f_back
    return None


def by_notebook() -> bool:
    """Whether it is the notebook that asks; libraries look for names that they do without."""
    frame = asker()
    return frame is not None and not frame.f_code.co_filename.startswith(_LIBRARIES)


def starred() -> bool:
    """Whether it is ``from module import *`` that asks, which asks for everything and uses little of it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "_handle_fromlist" and frame.f_locals.get("recursive"):
            return True
        if not code.co_filename.startswith((OURS, "<frozen ")):
            operation, argument = code.co_code[frame.f_lasti : frame.f_lasti + 2] or (0, 0)
            name = dis.opname[operation]
            return name == "IMPORT_STAR" or (name == "CALL_INTRINSIC_1" and argument == 2)
        frame = frame.f_back
    return False


def safely(session: Thing, work: Callable[..., Thing], *arguments: Thing, otherwise: Thing = None) -> Thing:
    """What ``work`` returns; a failure of ours is noted, and the notebook goes on as if there were no shim."""
    try:
        return work(*arguments)
    except Exception as error:
        session.recorder.note(f"{work.__name__.strip('_')}: {type(error).__name__}: {error}")
        return otherwise


# --- arguments -----------------------------------------------------------------------------------------------------


def translated(session: Thing, shown: str, rules: Rules, keywords: Keywords) -> Keywords:
    """``keywords`` in today's spelling; each change is recorded as ``shown(old=...)``."""
    new = {name: value for name, value in keywords.items() if name not in rules}
    for old in [name for name in keywords if name in rules]:
        rule = rules[old]
        if callable(rule):
            today = rule(keywords[old], new)
        elif rule is None:
            today = ""
        else:
            new.setdefault(rule, keywords[old])
            today = f"{rule}=..."
        session.adapt("spelling", f"{shown}({old}=...)", f"{shown}({today})")
    return new


def respelled(session: Thing, original: Thing, shown: str, rules: Rules) -> Thing:
    """``original``, which also takes the keywords of ``rules``; its signature, name and identity marks stay."""

    @wraps(original)
    def call(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if not rules.keys().isdisjoint(keywords):
            keywords = safely(session, translated, session, shown, rules, keywords, otherwise=keywords)
        return original(*arguments, **keywords)

    return signed(call, original)


def signed(call: Thing, original: Thing) -> Thing:
    """``call`` with the signature of ``original``, also for those who do not follow wrappers, as Keras does."""
    call.__signature__ = inspect.signature(original)
    return call


def respell(session: Thing, owner: Thing, name: str, rules: Rules, shown: str) -> None:
    """Replace a function of a module or class by one that also takes the keywords of ``rules``."""
    setattr(owner, name, respelled(session, getattr(owner, name), shown, rules))


def accepted(function: Thing) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


# --- names ---------------------------------------------------------------------------------------------------------

Maker: TypeAlias = "Callable[[], Any]"


class Name:
    """A name that a module no longer has: what stands for it, and how it is written today."""

    __slots__ = ("make", "today")

    def __init__(self, today: str, make: Maker) -> None:
        self.make = make
        self.today = today


_PRIVATE = "keras._tf_keras.keras"


def called(path: str) -> str:
    """A name as a notebook has it: ``tf.keras`` is another module inside."""
    return "tf.keras" + path.removeprefix(_PRIVATE) if path.startswith(_PRIVATE) else path


Lookup: TypeAlias = "Callable[[str], Name | None]"


def answer(session: Thing, module: ModuleType, shown: str, lookup: Lookup, named: tuple[str, ...] = ()) -> None:
    """Let a module answer the notebook for old names; ``named`` also come with ``import *``.

    Only for names that ``lookup`` knows: a module that answers dunder names breaks IPython's tracebacks.
    """
    former = vars(module).get("__getattr__")

    def __getattr__(name: str) -> Thing:
        found = None
        if not name.startswith("__") and by_notebook():
            found = safely(session, lookup, name)
        if found is not None:
            value = found.make()
            if not starred():
                session.adapt("spelling", called(f"{shown}.{name}"), called(found.today))
            return value
        if former is not None:
            return former(name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    vars(module)["__getattr__"] = __getattr__
    if named and "__all__" not in vars(module):
        public = [name for name in vars(module) if not name.startswith("_")]
        vars(module)["__all__"] = [*public, *(name for name in named if name not in public)]


class Late:
    """An attribute that a class no longer has. Only the notebook sees it: libraries ask what an object can do, and an
    attribute of an object's own by that name comes first."""

    def __init__(self, name: str, read: Callable[[Any], Any]) -> None:
        self.name = name
        self.read = read

    def __get__(self, instance: Thing, owner: type | None = None) -> Thing:
        if instance is None:
            return self
        if not by_notebook():
            raise AttributeError(f"{type(instance).__name__!r} object has no attribute {self.name!r}")
        return self.read(instance)


def attribute(session: Thing, owner: type, shown: str, today: str, read: Callable[[Any], Any]) -> None:
    """Give a class back the attribute of ``shown``, as in ``layer.output_shape``, for the notebook to read."""

    def reading(instance: Thing) -> Thing:
        value = read(instance)
        session.adapt("spelling", shown, today)
        return value

    name = shown.rpartition(".")[2]
    setattr(owner, name, Late(name, reading))


def method(session: Thing, owner: type, shown: str, today: str, call: Callable[..., Any]) -> None:
    """Give a class back the method of ``shown``, as in ``model.fit_generator``."""

    def bound(instance: Thing) -> Thing:
        def called(*arguments: Thing, **keywords: Thing) -> Thing:
            __tracebackhide__ = True
            session.adapt("spelling", f"{shown}(...)", today)
            return call(instance, *arguments, **keywords)

        called.__name__ = called.__qualname__ = name
        return called

    name = shown.rpartition(".")[2]
    if name not in vars(owner):
        setattr(owner, name, Late(name, bound))

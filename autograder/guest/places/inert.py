"""What stands in for modules that are not installed: contents that do nothing, and an honest answer to who asks."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, FunctionType, ModuleType

from .. import stack
from ..imports import Action
from ..things import Thing

Noted = Callable[[str], None]
"""Told the name of what was called."""

_ERRORS = frozenset(["ImportError", "ModuleNotFoundError", "Exception", "BaseException"])


class Inert:
    """Takes every call and answers every public name with another of its kind.

    Names that begin with an underscore are never made up: IPython and pickle ask for some and would believe the answer.
    """

    def __init__(self, name: str, noted: Noted) -> None:
        self._name = name
        self._noted = noted

    def __getattr__(self, name: str) -> Inert:
        if name.startswith("_"):
            raise AttributeError(name)
        return Inert(f"{self._name}.{name}", self._noted)

    def __call__(self, *arguments: Thing, **keywords: Thing) -> Thing:
        self._noted(self._name)
        decorates = len(arguments) == 1 and not keywords and isinstance(arguments[0], FunctionType)
        return arguments[0] if decorates else self

    def __enter__(self) -> Inert:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getitem__(self, key: object) -> Inert:
        return self

    def __setitem__(self, key: object, value: object) -> None:
        return None

    def __iter__(self) -> Iterator[Inert]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __float__(self) -> float:
        return 0.0

    def __format__(self, form: str) -> str:
        return format(0.0, form) if form else str(self)

    def __repr__(self) -> str:
        return f"<{self._name}: not installed here, does nothing>"


def holding(names: Sequence[str], noted: Noted) -> Action:
    """A builder that fills a module with inert contents of these names."""

    def fill(module: ModuleType) -> None:
        for name in names:
            setattr(module, name, Inert(f"{module.__name__}.{name}", noted))

    return fill


def honest(builders: Mapping[str, Action]) -> dict[str, Action]:
    """The same builders, for who cannot do without: who is prepared for the module's absence is told the truth.

    ``try: import google.colab`` / ``except ImportError:`` asks where it runs, and goes another way here. A library that
    finds a module of that name would expect it to work.
    """
    return {name: _honest(build) for name, build in builders.items()}


def _honest(build: Action) -> Action:
    def fill(module: ModuleType) -> None:
        if not _depends(sys._getframe(1)):
            raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__)
        build(module)

    return fill


def _depends(frame: FrameType | None) -> bool:
    """Whether who imports is the student's own code, and has no other way than this module."""
    while frame is not None and _passed_on(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None or not stack.student_code(Path.cwd())(frame.f_code.co_filename):
        return False
    source = "".join(linecache.getlines(frame.f_code.co_filename))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return True
    return not any(_catches(node, frame.f_lineno) for node in ast.walk(tree) if isinstance(node, ast.Try))


def _passed_on(file: str) -> bool:
    return file.startswith("<frozen importlib") or file.startswith(stack.OURS) or "/importlib/" in file


def _catches(node: ast.Try, line: int) -> bool:
    """Whether an import on this line of the body would be caught."""
    inside = node.body[0].lineno <= line <= (node.body[-1].end_lineno or node.body[-1].lineno)
    return inside and any(_is_for_imports(handler.type) for handler in node.handlers)


def _is_for_imports(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(map(_is_for_imports, kind.elts))
    return kind is None or (isinstance(kind, ast.Name) and kind.id in _ERRORS)

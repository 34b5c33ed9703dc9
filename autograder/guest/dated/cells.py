"""What is translated in the cells themselves, since no name or function can be given another meaning instead.

``int(labels[i])`` of an array with one element, which NumPy 2.4 refuses, and ``tensorflow.python.keras``, an old copy
of Keras inside TensorFlow that nothing here could watch. Where nothing of the kind is met, a cell runs as it stands.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Any

from ..things import Thing
from .spelling import safely

SCALAR = "_autograder_scalar"
FORMATTED = "_autograder_formatted"
_PRIVATE = "tensorflow.python.keras"
_PUBLIC = "tensorflow.keras"


def begin(session: Thing, shell: Thing) -> None:
    """From now on every cell passes through here between being read and being run."""
    setattr(builtins, SCALAR, lambda value: scalar(value, session.adapt))
    setattr(builtins, FORMATTED, lambda text, value: formatted(text, value, session.adapt))
    shell.ast_transformers.append(_Guarded(session))


class _Guarded:
    def __init__(self, session: Thing) -> None:
        self.session = session

    def visit(self, tree: ast.AST) -> ast.AST:
        translated: ast.AST = safely(self.session, Translation(self.session.adapt).visit, tree, otherwise=tree)
        return ast.fix_missing_locations(translated)


class Translation(ast.NodeTransformer):
    def __init__(self, adapt: Callable[[str, str, str], None]) -> None:
        self.adapt = adapt

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        known = isinstance(node.func, ast.Name) and node.func.id in ("int", "float")
        if known and len(node.args) == 1 and not node.keywords:
            argument = node.args[0]
            if not isinstance(argument, (ast.Starred, ast.Constant)):
                node.args = [_call(SCALAR, argument, argument)]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        text = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
        if isinstance(node.op, ast.Mod) and text:
            return _call(FORMATTED, node, node.left, node.right)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module == "tensorflow.python" and any(name.name == "keras" for name in node.names):
            if len(node.names) == 1:
                node.module = "tensorflow"
                self.adapt("spelling", _PRIVATE, _PUBLIC)
        elif node.module and _private(node.module):
            node.module = self._public(node.module)
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for name in node.names:
            if name.asname and _private(name.name):
                name.name = self._public(name.name)
        return node

    def _public(self, module: str) -> str:
        today = _PUBLIC + module.removeprefix(_PRIVATE)
        self.adapt("spelling", module, today)
        return today


def _private(module: str) -> bool:
    return module == _PRIVATE or module.startswith(f"{_PRIVATE}.")


def _call(name: str, place: ast.expr, *arguments: ast.expr) -> ast.Call:
    function = ast.copy_location(ast.Name(name, ast.Load()), place)
    return ast.copy_location(ast.Call(function, list(arguments), []), place)


def scalar(value: Thing, adapt: Callable[[str, str, str], None]) -> Thing:
    """The one element of an array that has one, as ``int`` and ``float`` saw it before; anything else as it is."""
    kind: Any = type(value)
    if kind.__name__ not in ("ndarray", "Series") or kind.__module__.partition(".")[0] not in ("numpy", "pandas"):
        return value
    if value.ndim == 0 or value.size != 1:
        return value
    adapt("spelling", "int(array)", "int(array.item())")
    return value.item()


def formatted(text: str, value: Thing, adapt: Callable[[str, str, str], None]) -> str:
    """``text % value``, and where only an array of one element stands in the way, with its element."""
    __tracebackhide__ = True
    try:
        return str(text % value)
    except TypeError:
        parts = value if isinstance(value, tuple) else (value,)
        plain = tuple(scalar(part, adapt) for part in parts)
        if all(old is new for old, new in zip(parts, plain, strict=True)):
            raise
        return str(text % plain)

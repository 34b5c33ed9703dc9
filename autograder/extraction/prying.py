"""Signs that a notebook looks for what this program keeps in its kernel: told to a person, and worth no point."""

from __future__ import annotations

import ast
import builtins
import hashlib
import io
import json
import os
import pathlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy

from autograder.notebook.source import code_cells, parse, python
from autograder.records import Cell, Execution, Gap, GapKind, say

PRYING = "pried: "
"""So begin, among what the witness in the kernel tells, the names of what was heard there."""
_SHOWN = 10
_LOOKING = frozenset(
    {
        *("get_objects", "get_referrers", "addaudithook", "settrace", "setprofile"),
        *("pythonapi", "f_back", "f_locals", "f_globals", "tb_frame", "cell_contents", "__closure__", "__wrapped__"),
    }
)
"""Ways to objects that no variable of a notebook's own holds."""
_EACH = frozenset({"items", "values"})
"""Of ``sys.modules``: who wants a module asks for it by its name."""
_OURS = re.compile(r"autograder_(?:session|guest)|AUTOGRADER_[A-Z]+")
"""Names of ours, where they are put together from pieces; whole ones are told of elsewhere."""
_MEMORY = ("/proc/self/mem", "/proc/self/maps")
_BASE: Mapping[str, object] = {one.__name__: one for one in (numpy, pathlib, io, os, hashlib, json, builtins, time)}
"""Libraries by which a record is made; what a notebook puts in place of one of their functions has a say in it."""
_OLD = frozenset(
    {"bool", "int", "float", "object", "str", "complex", "long", "unicode", "load", "environ", "print", "open", "sleep"}
)
"""What honest notebooks put there: names that NumPy no longer has, a ``load`` that unpickles, a ``print``."""


def prying(execution: Execution, cells: Sequence[Cell]) -> tuple[Gap, ...]:
    """Both are looked at, the cells' code and what was heard in the kernel: either can be hidden from the other."""
    found = {cell.index for cell in _prying(cells)}
    heard = {count for name, count in execution.overruled.items() if name.startswith(PRYING)}
    found |= {run.index for run in execution.cells if run.execution_count is not None and run.execution_count in heard}
    if not found and not heard:
        return ()
    reason = say(
        "Code looks into the program that runs it, at objects, frames or files that are not its own, or replaces "
        "functions by which the run is recorded (cells: {cells}): what is told of trainings and of their images may "
        "not be all.",
        cells=", ".join(str(index + 1) for index in sorted(found)[:_SHOWN]) or None,
    )
    return (Gap(kind=GapKind.CODE, reason=reason),)


def _prying(cells: Sequence[Cell]) -> Iterator[Cell]:
    called: dict[str, object] = {}
    for cell in code_cells(cells):
        tree = parse(python(cell.source))
        if tree is None:
            continue
        called |= dict(_imported(tree))
        if any(map(_looks, ast.walk(tree))) or any(_replaces(node, called) for node in ast.walk(tree)):
            yield cell


def _looks(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        modules = node.attr in _EACH and isinstance(node.value, ast.Attribute) and node.value.attr == "modules"
        return modules or node.attr in _LOOKING
    if isinstance(node, ast.ImportFrom):
        return any(one.name in _LOOKING for one in node.names)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        return any(_text(one) in _LOOKING for one in node.args)
    text = _text(node)
    put_together = isinstance(node, ast.BinOp) and _OURS.search(text) is not None
    return put_together or text.startswith(_MEMORY)


def _text(node: ast.AST) -> str:
    """Of a string, also one that is put together from several."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_text(node.left), _text(node.right)]
        return "".join(parts) if all(parts) else ""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _imported(tree: ast.Module) -> Iterator[tuple[str, object]]:
    """Name in the notebook -> module of the base that it stands for, or what stands in one of these."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                root = one.name.split(".")[0]
                if root in _BASE:
                    yield (one.asname, _part(_BASE[root], one.name)) if one.asname else (root, _BASE[root])
        elif isinstance(node, ast.ImportFrom) and (root := (node.module or "").split(".")[0]) in _BASE:
            home = _part(_BASE[root], node.module or "")
            yield from ((one.asname or one.name, getattr(home, one.name, None)) for one in node.names)


def _part(root: object, name: str) -> object:
    """``numpy.lib.format`` of ``numpy``."""
    for part in name.split(".")[1:]:
        root = getattr(root, part, None)
    return root


def _replaces(node: ast.AST, called: Mapping[str, object]) -> bool:
    """Whether something that is there gets another value; what is new is the notebook's own affair."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        owner, name = node.value, node.attr
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
        if len(node.args) != 3 or not isinstance(node.args[1], ast.Constant):
            return False
        owner, name = node.args[0], str(node.args[1].value)
    else:
        return False
    path = ast.unparse(owner).split(".")
    return name not in _OLD and path[0] in called and hasattr(_part(called[path[0]], ".".join(path)), name)

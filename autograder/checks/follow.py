"""What becomes of a result in code: which names hold it, or something made from it.

A heuristic over the text: scopes are not told apart, and nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from autograder.notebook.source import name_of

Binding = tuple[frozenset[str], ast.AST]
"""Names, and what they are bound to."""
Holds = Callable[[ast.AST, frozenset[str]], bool]

REDUCING = frozenset(
    "mean sum average len accuracy_score accuracy evaluate score count_nonzero trace max min any all".split()
)
"""What makes one number of many images: it tells no class from another."""
NOTHING: frozenset[str] = frozenset()
_ROUNDS = 20
"""Names along which something is followed at most: a notebook made to be long is not followed for ever."""


def closure(known: Sequence[Binding], wanted: Holds) -> frozenset[str]:
    """All names that are bound to what is ``wanted``, given those found before."""
    names, left = NOTHING, list(known)
    for _ in range(_ROUNDS):
        found = [binding for binding in left if wanted(binding[1], names)]
        if not found:
            break
        names = names.union(*(targets for targets, _ in found))
        left = [(targets, value) for targets, value in left if not targets <= names]
    return names


def holds(node: ast.AST, names: frozenset[str], sources: frozenset[str], reducing: frozenset[str] = REDUCING) -> bool:
    """Whether one of the names, or what a call of ``sources`` returns, is in it, outside of calls of ``reducing``."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Call) and name_of(part) in reducing:
            continue
        if isinstance(part, ast.Call) and name_of(part) in sources:
            return True
        if isinstance(part, ast.Name) and part.id in names:
            return True
        waiting.extend(ast.iter_child_nodes(part))
    return False


def bindings(nodes: Iterable[ast.AST]) -> Iterator[Binding]:
    every = [part for node in nodes for part in ast.walk(node)]
    defined = {part.name: part for part in every if isinstance(part, ast.FunctionDef)}
    for part in every:
        if isinstance(part, ast.Assign):
            yield bound(part.targets), part.value
        elif isinstance(part, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and part.value is not None:
            yield bound([part.target]), part.value
        elif isinstance(part, ast.For | ast.comprehension):
            yield bound([part.target]), part.iter
        elif isinstance(part, ast.FunctionDef):
            yield from _returned(part)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in defined:
            yield from _handed(part, defined[part.func.id])


def _returned(made: ast.FunctionDef) -> Iterator[Binding]:
    for part in ast.walk(made):
        if isinstance(part, ast.Return) and part.value is not None:
            yield frozenset([made.name]), part.value


def _handed(call: ast.Call, made: ast.FunctionDef) -> Iterator[Binding]:
    for argument, value in zip(made.args.args, call.args, strict=False):
        yield frozenset([argument.arg]), value
    for keyword in call.keywords:
        if keyword.arg:
            yield frozenset([keyword.arg]), keyword.value


def bound(targets: Iterable[ast.AST]) -> frozenset[str]:
    """That are bound: not those within ``table[place]``, but the table."""
    found = []
    waiting = list(targets)
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name):
            found.append(part.id)
        elif isinstance(part, ast.Subscript | ast.Starred):
            waiting.append(part.value)
        elif isinstance(part, ast.Tuple | ast.List):
            waiting.extend(part.elts)
    return frozenset(found)

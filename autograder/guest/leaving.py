"""Cells by which people end a notebook on purpose, lest what is left below should run as well."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from typing import Any

_LEAVES = frozenset({"exit", "quit", "sys.exit"})
_ENDINGS = frozenset({"SystemExit", "KeyboardInterrupt"})
_NO_ERROR = frozenset({"", "0", "None", "False"})


def leaves(source: str) -> bool:
    """Whether a cell does nothing but end the run: ``raise SystemExit("done")``, ``sys.exit()``, ``quit()``.

    Any other error is one, whatever its author meant by it: what is below would have to run.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    steps = [step for step in body if not isinstance(step, (ast.Import, ast.ImportFrom)) and not _is_text(step)]
    return len(steps) == 1 and _ends(steps[0])


def left_well(reply: Mapping[str, Any]) -> bool:
    """Whether a script said at its end that all went well."""
    return reply.get("ename") == "SystemExit" and str(reply.get("evalue", "")).strip() in _NO_ERROR


def _is_text(step: ast.stmt) -> bool:
    return isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant)


def _ends(step: ast.stmt) -> bool:
    if isinstance(step, ast.Raise):
        raised = step.exc.func if isinstance(step.exc, ast.Call) else step.exc
        return isinstance(raised, ast.Name) and raised.id in _ENDINGS
    return isinstance(step, ast.Expr) and isinstance(step.value, ast.Call) and ast.unparse(step.value.func) in _LEAVES

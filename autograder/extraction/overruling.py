"""Signs that a notebook changed what runs its cells: whether they ran is then its own word, and a person decides."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from autograder.extraction.prying import PRYING
from autograder.notebook.source import code_cells, name_of, parse, python
from autograder.records import ALL_IS_WELL, Cell, Execution, Gap, GapKind, say

_SHOWN = 10
FAILED = "failed: "
"""So begin, among what the witness tells, cells that failed: where their replies say so as well, that is no news."""
_RUNNING = frozenset(
    {
        *("run_cell_async", "_run_cell", "run_ast_nodes", "run_code", "should_run_async", "transform_ast"),
        *("do_execute", "execute_request", "dispatch_shell", "shell_handlers"),
        *("ExecutionResult", "error_in_exec", "error_before_exec", "last_execution_succeeded"),
    }
)
"""Parts of IPython and its kernel to which a notebook may listen, but which none has a reason to replace."""
_ADDED = frozenset({"ast_transformers"})
"""What need not be replaced: something is put into it."""


def overruling(execution: Execution, cells: Sequence[Cell]) -> tuple[Gap, ...]:
    """A gap where the kernel's own witness saw it, or the cells' code says so: either can be hidden from the other."""
    found = {cell.index for cell in code_cells(cells) if _overrules(cell.source)}
    told = {run.execution_count for run in execution.cells if run.state not in ALL_IS_WELL}
    seen = {
        count
        for name, count in execution.overruled.items()
        if not name.startswith(PRYING) and not (name.startswith(FAILED) and count in told)
    }
    found |= {run.index for run in execution.cells if run.execution_count is not None and run.execution_count in seen}
    if not found and not seen:
        return ()
    shown = [str(index + 1) for index in sorted(found)[:_SHOWN]]
    reason = say(
        "Code changes how cells are run or how their errors are reported (cells: {cells}). Whether all cells ran is "
        "for a teacher to decide.",
        cells=", ".join(shown) or None,
    )
    return (Gap(kind=GapKind.CELLS, reason=reason),)


def _overrules(source: str) -> bool:
    tree = parse(python(source))
    if tree is None:
        return False
    return not _ADDED.isdisjoint(_attributes(tree)) or not _RUNNING.isdisjoint(_replaced(tree))


def _attributes(tree: ast.Module) -> Iterator[str]:
    return (node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def _replaced(tree: ast.Module) -> Iterator[str]:
    """Names of attributes that are set or taken away, and of classes that are built upon."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and not _is_own(node):
            yield node.attr
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield node.value.attr if isinstance(node.value, ast.Attribute) else ""
        elif isinstance(node, ast.ClassDef):
            yield from (base.attr if isinstance(base, ast.Attribute) else ast.unparse(base) for base in node.bases)
        elif isinstance(node, ast.Call) and name_of(node) in ("setattr", "delattr", "object"):
            parts = (part.value for part in node.args if isinstance(part, ast.Constant))
            yield from (part for part in parts if isinstance(part, str))


def _is_own(node: ast.Attribute) -> bool:
    """Of a class of the notebook's own, whatever it calls its parts."""
    return isinstance(node.value, ast.Name) and node.value.id == "self"

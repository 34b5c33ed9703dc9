"""Code of a notebook as syntax trees, with IPython's own commands set aside."""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder import repairs
from autograder.notebook import magics
from autograder.records import Cell, CellKind

MAX_DEPTH = 120
"""Levels of nesting; real code has about twenty."""
MAX_NUMBER = 1 << 4096
"""Python writes no whole number of more than 4300 digits, and whoever shows a tree writes its numbers."""
MAX_TOKENS = 40_000
"""Of a notebook's code; cells beyond are not looked into. Long notebooks have 3,000, and every check walks through
all that there is: half a million took a minute."""
_REMEMBERED = 4_000
"""Characters of a cell whose tree is kept: checks ask for the same ones."""
_TOKEN = re.compile(r"\w+|[^\w\s]")

_CELL_MAGIC = re.compile(r"\s*+%%")
_OTHER_LANGUAGE = re.compile(
    r"\s*%%(?:bash|sh|shell|script|writefile|file|html|HTML|javascript|js|latex|svg|markdown|perl|ruby|cmd)\b"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One top-level statement of a cell."""

    cell: int
    node: ast.stmt

    @property
    def line(self) -> int:
        """0-based line of the cell, decorators included."""
        decorators: list[ast.expr] = getattr(self.node, "decorator_list", [])
        return min([self.node.lineno, *(item.lineno for item in decorators)]) - 1

    @property
    def lines(self) -> int:
        return (self.node.end_lineno or self.node.lineno) - self.line


@functools.lru_cache(maxsize=256)
def python(source: str) -> str:
    """The same lines, with IPython's commands made into ``pass``; a cell in another language becomes comments.

    What copying or age did to a cell is undone as it is where the cell runs.
    """
    lines = source.split("\n")
    if _OTHER_LANGUAGE.match(source):
        return "\n".join(f"# {line}" for line in lines)
    if repairs.is_bomb(source) or parse(source) is not None:
        return source
    if (found := _readable(source)) is not None:
        return found
    mended = repairs.repaired(source, lambda text: _readable(text) is not None, (*repairs.PASTED, _modern))
    return (mended and _readable(mended)) or magics.without(source)


def _readable(source: str) -> str | None:
    plain = magics.without(source)
    return plain if repairs.parses(plain) else None


def _modern(source: str) -> str:
    """Python 2 in a cell with magics, which its tokens cannot be read through."""
    return repairs.python_2(magics.without(source))


def parse(source: str) -> ast.Module | None:
    """The syntax tree, not to be changed; None for what Python cannot read, or only at a price: bombs of any kind."""
    return _kept(source) if len(source) <= _REMEMBERED else _tree(source)


@functools.lru_cache(maxsize=128)
def _kept(source: str) -> ast.Module | None:
    return _tree(source)


def _tree(source: str) -> ast.Module | None:
    if repairs.is_bomb(source):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None if _unwieldy(tree) else tree


def _unwieldy(tree: ast.Module) -> bool:
    """Whether a walk that calls itself could exhaust Python's stack, or a number could not be written."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        if any(isinstance(node, ast.Constant) and _is_huge(node.value) for node in level):
            return True
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return False
    return True


def _is_huge(value: object) -> bool:
    return isinstance(value, int) and value > MAX_NUMBER


def code_cells(cells: Iterable[Cell]) -> Iterator[Cell]:
    """Those that are looked into, from the top: a cell that is more than there is room for is passed over alone."""
    return (cell for cell, looked in _shared_out(cells) if looked)


def passed_over(cells: Iterable[Cell]) -> tuple[int, ...]:
    """Indices of cells with code that is not looked into."""
    return tuple(cell.index for cell, looked in _shared_out(cells) if not looked)


def unread(cells: Iterable[Cell]) -> tuple[int, ...]:
    """Indices of cells that are looked into in vain: what ``parse`` does not take on, or no Python.

    What a cell magic hands to another program is none, and nothing is amiss.
    """
    looked = (cell for cell in code_cells(cells) if not cell.beyond)
    return tuple(cell.index for cell in looked if parse(python(cell.source)) is None and not _is_foreign(cell.source))


def _is_foreign(source: str) -> bool:
    told = _CELL_MAGIC.match(source) is not None
    return told and not repairs.is_bomb(source) and not repairs.parses(magics.without(source))


def _shared_out(cells: Iterable[Cell]) -> Iterator[tuple[Cell, bool]]:
    left = MAX_TOKENS
    for cell in cells:
        if cell.kind is CellKind.CODE and cell.source.strip():
            asked = _tokens(cell.source)
            left -= asked if (looked := asked <= left) else 0
            yield cell, looked


@functools.lru_cache(maxsize=1024)
def _tokens(source: str) -> int:
    return sum(1 for _ in _TOKEN.finditer(source))


def pieces(cells: Iterable[Cell], template_cells: Sequence[str] = ()) -> tuple[Piece, ...]:
    """Top-level statements of the author's own: what stands in the starter notebook, comments aside, is not."""
    given = {ast.dump(node) for source in template_cells for node in _body(source)}
    found = (Piece(cell.index, node) for cell in code_cells(cells) for node in _body(cell.source))
    return tuple(piece for piece in found if not isinstance(piece.node, ast.Pass) and ast.dump(piece.node) not in given)


def _body(source: str) -> list[ast.stmt]:
    tree = parse(python(source))
    return tree.body if tree else []


def name_of(call: ast.Call) -> str:
    """Last part of what is called: ``fit`` of ``model.fit(...)``."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def calls(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    return (inner for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Call))


def functions(nodes: Iterable[ast.AST]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (
        inner for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def shape(node: ast.AST) -> str:
    """Text that is equal for code that differs only in names of variables and in constants.

    What is called and which arguments are named stays.
    """
    if isinstance(node, ast.Name):
        return "_"
    if isinstance(node, ast.Constant | ast.JoinedStr):
        return "'"
    kept = [name_of(node)] if isinstance(node, ast.Call) else []
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            kept.append(shape(value))
        elif isinstance(value, list):
            kept.append("[" + ",".join(shape(item) for item in value if isinstance(item, ast.AST)) + "]")
        elif field in ("attr", "arg") and isinstance(value, str):
            kept.append(value)
    return f"{type(node).__name__}({','.join(kept)})"

"""Which code can have drawn what a notebook shows, and which cannot have run.

A heuristic, on the side of the notebook: only what leaves no room for another explanation is taken for dead.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from autograder.notebook.source import calls, name_of

CURVES = re.compile(
    r"plot|bar|barh|scatter|hist|boxplot|violinplot|errorbar|fill_between|step|stem|(?:line|bar|count|scatter|box|hist)plot"
    r"|(?:cat|rel|dis)plot"
)
IMAGES = re.compile(r"imshow|matshow|heatmap|pie|pcolormesh|ConfusionMatrixDisplay|from_predictions|from_estimator")
_BEGINNING = frozenset({"figure", "subplots"})
_BRANCHES = ast.If | ast.For | ast.While | ast.Match


def live(nodes: Iterable[ast.stmt], images: int) -> list[ast.stmt]:
    """Statements of one cell that showed so many images, less ``if False``, and less branches that would have drawn a
    figure of their own where those that are drawn in any case account for all images."""
    figures = list(_figures(inner for node in nodes for inner in _unless_never(node)))
    certain = [any(not isinstance(node, _BRANCHES) and _draws(node) for node in figure) for figure in figures]
    if images > sum(certain):
        return [node for figure in figures for node in figure]
    return [
        node
        for figure, sure in zip(figures, certain, strict=True)
        for node in figure
        if sure or not (isinstance(node, _BRANCHES) and _draws(node))
    ]


def _unless_never(node: ast.stmt) -> list[ast.stmt]:
    """``if False`` and ``while 0`` leave what stands below ``else``."""
    never = isinstance(node, ast.If | ast.While) and isinstance(node.test, ast.Constant) and not node.test.value
    return node.orelse if never and isinstance(node, ast.If | ast.While) else [node]


def _figures(nodes: Iterable[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Statements that may fill one figure: up to a ``show``, or to where the next one begins."""
    figure: list[ast.stmt] = []
    for node in nodes:
        plain = not isinstance(node, _BRANCHES)
        if plain and _BEGINNING & {name_of(call) for call in calls([node])} and figure:
            yield figure
            figure = []
        figure.append(node)
        if plain and any(name_of(call) == "show" for call in calls([node])):
            yield figure
            figure = []
    yield figure


def _draws(node: ast.stmt) -> bool:
    names = (name_of(call) for call in calls([node]))
    return any(CURVES.fullmatch(name) or IMAGES.fullmatch(name) for name in names)


def reached(nodes: Sequence[ast.stmt]) -> frozenset[str]:
    """Names that are used by what stands in cells, and by the functions and classes that are used so."""
    defined = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    within = {node.name: set[str]() for node in defined}
    for node in defined:
        within[node.name] |= _names(node)
    found = {name for node in nodes if node not in defined for name in _names(node)}
    left = found & within.keys()
    while left:
        more = set().union(*(within.pop(name) for name in left))
        found |= more
        left = more & within.keys()
    return frozenset(found)


def _names(node: ast.AST) -> set[str]:
    """Also those in quotes, by which a function may be looked up."""
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            found.add(inner.id)
        elif isinstance(inner, ast.Attribute):
            found.add(inner.attr)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            found.add(inner.value)
    return found

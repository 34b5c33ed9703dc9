"""What the code draws: which axes it fills, and whether they have a title and labels."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autograder.notebook.source import Piece, calls, name_of

_CURVES = re.compile(
    r"plot|bar|barh|scatter|hist|boxplot|violinplot|errorbar|fill_between|step|stem|(?:line|bar|count|scatter|box|hist)plot"
)
_IMAGES = re.compile(r"imshow|matshow|heatmap|pie|pcolormesh|ConfusionMatrixDisplay|from_predictions|from_estimator")
_TITLES = frozenset({"title", "set_title", "suptitle", "set"})
_ACROSS = frozenset({"xlabel", "set_xlabel", "set"})
_UP = frozenset({"ylabel", "set_ylabel", "set"})
_DRAWERS = frozenset({"plt", "ax", "axs", "axes", "axis", "sns", "pyplot", "fig", "axarr", "px"})


@dataclass(frozen=True, slots=True)
class Drawing:
    """One function, or the top level of one cell, that draws."""

    cell: int
    titled: bool
    labelled: bool
    compares: bool
    """Bars, or curves drawn in a loop: several models side by side."""


def drawings(pieces: Iterable[Piece]) -> tuple[Drawing, ...]:
    """Every stretch of code that draws; calls within a function belong to it, others to their cell."""
    scopes: dict[tuple[int, str], list[ast.stmt]] = {}
    for piece in pieces:
        named = isinstance(piece.node, ast.FunctionDef | ast.ClassDef)
        scopes.setdefault((piece.cell, f"{piece.line}" if named else ""), []).append(piece.node)
    return tuple(drawn for (cell, _), nodes in scopes.items() if (drawn := _drawing(cell, nodes)))


def _drawing(cell: int, nodes: list[ast.stmt]) -> Drawing | None:
    made = list(calls(nodes))
    names = {name_of(call) for call in made if _on_axes(call)}
    curves = any(_CURVES.fullmatch(name) for name in names)
    if not curves and not any(_IMAGES.fullmatch(name_of(call)) for call in made):
        return None
    said = {keyword.arg for call in made for keyword in call.keywords}
    called = {name_of(call) for call in made}
    labelled = bool(called & _ACROSS or "xlabel" in said) and bool(called & _UP or "ylabel" in said)
    return Drawing(
        cell=cell,
        titled=bool(called & _TITLES or "title" in said),
        labelled=labelled or not curves,
        compares=bool(names & {"bar", "barh", "barplot", "boxplot"}) or any(_draws_in_loop(nodes)),
    )


def _on_axes(call: ast.Call) -> bool:
    """``plt.plot``, ``axes[0].bar``, ``sns.lineplot``, ``df.plot``, ``df.plot.bar``; not ``results.step``."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    while isinstance(owner, ast.Subscript | ast.Attribute | ast.Call):
        if isinstance(owner, ast.Attribute) and owner.attr in {"plot", *_DRAWERS}:
            return True
        owner = owner.func if isinstance(owner, ast.Call) else owner.value
    if not isinstance(owner, ast.Name):
        return False
    return owner.id in _DRAWERS or owner.id.startswith("ax") or name_of(call) in ("plot", "bar", "barh", "hist")


def _draws_in_loop(nodes: Iterable[ast.stmt]) -> Iterator[bool]:
    for node in nodes:
        for loop in ast.walk(node):
            if isinstance(loop, ast.For | ast.While):
                yield any(_CURVES.fullmatch(name_of(call)) and _on_axes(call) for call in calls([loop]))

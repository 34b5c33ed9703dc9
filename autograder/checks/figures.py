"""What the code draws: which axes it fills, and whether they have a title and labels."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder.checks.live import CURVES, IMAGES, live, reached
from autograder.notebook.source import Piece, calls, name_of, pieces
from autograder.records import CellState, Evidence

_TITLES = frozenset({"title", "set_title", "suptitle", "set", "set_titles"})
_ACROSS = frozenset({"xlabel", "set_xlabel", "supxlabel", "set_axis_labels", "set"})
_UP = frozenset({"ylabel", "set_ylabel", "supylabel", "set_axis_labels", "set"})
_DRAWERS = frozenset({"plt", "ax", "axs", "axes", "axis", "sns", "pyplot", "fig", "axarr", "px"})
_DISPLAYS = frozenset({"ConfusionMatrixDisplay", "from_predictions", "from_estimator", "plot_confusion_matrix"})
"""What labels its axes by itself."""
_BARS = frozenset({"bar", "barh", "barplot", "boxplot", "errorbar"})
_BEGINS = frozenset({"figure", "subplots", "subplot", "show", "close", "clf", "savefig"})
"""What begins another figure or part of one, or ends it."""
_NAMING = frozenset({"annotate", "text"})
"""What writes the name of a model beside its point."""
_KINDS = frozenset({"bar", "barh", "box", "boxen", "violin", "point"})
"""``kind`` of pandas' ``plot`` and of seaborn's ``catplot``."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One function, or the top level of one cell, that draws."""

    cell: int
    titled: bool
    labelled: bool
    """Bars have their own names on the one side, so that the other is enough."""
    compares: bool
    """Bars, means with their spread, or curves drawn in a loop: several models side by side."""


def drawings(found: Iterable[Piece]) -> tuple[Drawing, ...]:
    """Every stretch of code that draws; calls within a function belong to it, others to their cell."""
    scopes = _scopes(found).items()
    return tuple(drawn for (cell, _), nodes in scopes if (drawn := _drawing(cell, nodes)))


def shown(evidence: Evidence, found: Iterable[Piece]) -> tuple[Drawing, ...]:
    """Those of ``found`` that an image can be of; all, where nothing was executed.

    Of a cell that did not come to its end it is not known what it would have drawn: any later image is enough.
    """
    if not evidence.executed:
        return drawings(found)
    used = reached([piece.node for piece in pieces(evidence.cells)])
    states = {run.index: run.state for run in evidence.execution.cells}
    kept = []
    for (cell, name), nodes in _scopes(found).items():
        ended = states.get(cell) is CellState.RAN
        can = live(nodes, _images(evidence, cell)) if ended and not name else nodes
        if (drawn := _drawing(cell, can)) and _has_image(evidence, cell, nodes, used if ended else None):
            kept.append(drawn)
    return tuple(kept)


def _scopes(found: Iterable[Piece]) -> dict[tuple[int, str], list[ast.stmt]]:
    """By cell, and by line for a function or class."""
    scopes: dict[tuple[int, str], list[ast.stmt]] = {}
    for piece in found:
        named = isinstance(piece.node, ast.FunctionDef | ast.ClassDef)
        scopes.setdefault((piece.cell, f"{piece.line}" if named else ""), []).append(piece.node)
    return scopes


def _has_image(evidence: Evidence, cell: int, nodes: Sequence[ast.stmt], used: frozenset[str] | None) -> bool:
    """In its own cell; for a function that is used, and for a figure that is saved, in any later one."""
    later = any(output.image for known in evidence.cells if known.index >= cell for output in known.outputs)
    if used is None:
        return later
    if isinstance(nodes[0], ast.FunctionDef | ast.ClassDef):
        return later and nodes[0].name in used
    saved = any(name_of(call) == "savefig" for call in calls(nodes))
    return later if saved else _images(evidence, cell) > 0


def _images(evidence: Evidence, cell: int) -> int:
    return sum(output.image is not None for known in evidence.cells if known.index == cell for output in known.outputs)


def _drawing(cell: int, nodes: list[ast.stmt]) -> Drawing | None:
    made = list(calls(nodes))
    on_axes = [call for call in made if _on_axes(call) and not _shows_display(call, nodes)]
    names = {name_of(call) for call in on_axes}
    curves = any(CURVES.fullmatch(name) for name in names)
    if not curves and not any(IMAGES.fullmatch(name_of(call)) for call in made):
        return None
    said = {keyword.arg for call in made for keyword in call.keywords}
    called = {name_of(call) for call in made}
    across, up = bool(called & _ACROSS or "xlabel" in said), bool(called & _UP or "ylabel" in said)
    drawn = {name for name in names if CURVES.fullmatch(name)}
    labelled = (across and up) or (drawn == {"bar"} and up) or (drawn == {"barh"} and across)
    return Drawing(
        cell=cell,
        titled=bool(called & _TITLES or "title" in said),
        labelled=labelled or not curves or any(map(_names_axes, on_axes)),
        compares=bool(names & _BARS)
        or any(map(_draws_several, on_axes))
        or any(_draws_in_loop(nodes))
        or ("scatter" in names and bool(called & _NAMING))
        or any(map(_draws_records, on_axes))
        or _draws_side_by_side(made, on_axes),
    )


def _shows_display(call: ast.Call, nodes: Iterable[ast.AST]) -> bool:
    """``ConfusionMatrixDisplay(matrix).plot()``, also by a name that it has."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(owner, ast.Name):
        made = (part for node in nodes for part in ast.walk(node) if isinstance(part, ast.Assign))
        owner = next((one.value for one in made if _is_bound(one, owner.id)), None)
    return isinstance(owner, ast.Call) and name_of(owner) in _DISPLAYS


def _is_bound(one: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in one.targets)


def _names_axes(call: ast.Call) -> bool:
    """seaborn and pandas write the names of the columns that are drawn beside the axes."""
    given = {
        keyword.arg
        for keyword in call.keywords
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    counts = name_of(call) in ("countplot", "histplot", "displot")
    return {"x", "y"} <= given or (counts and bool({"x", "y"} & given))


def _draws_several(call: ast.Call) -> bool:
    """``plot(kind="bar")``, ``catplot(kind="box")``, and a curve for each value of ``hue``."""
    kinds = {
        keyword.value.value
        for keyword in call.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
    }
    hues = name_of(call) in ("lineplot", "relplot") and any(keyword.arg == "hue" for keyword in call.keywords)
    return hues or bool(kinds & _KINDS)


def _draws_records(call: ast.Call) -> bool:
    """``plot([r["name"] for r in results], [r["acc"] for r in results])``, ``scatter(table["width"], table["acc"])``:
    two columns of the same rows. A curve of two columns may be one of epochs."""
    if name_of(call) != "scatter" and not all(isinstance(one, ast.ListComp) for one in call.args[:2]):
        return False
    columns = [column for one in call.args[:2] if (column := _column(one)) is not None]
    return len(columns) == 2 and columns[0][0] == columns[1][0] and columns[0][1] != columns[1][1]


def _column(given: ast.expr) -> tuple[str, str] | None:
    """Of what rows, and which column of these."""
    rows = given.generators[0].iter if isinstance(given, ast.ListComp) else None
    entry = given.elt if isinstance(given, ast.ListComp) else given
    if not isinstance(entry, ast.Subscript) or not isinstance(entry.slice, ast.Constant):
        return None
    return ast.unparse(rows if rows is not None else entry.value), str(entry.slice.value)


def _draws_side_by_side(made: Sequence[ast.Call], on_axes: Sequence[ast.Call]) -> bool:
    """``plot(h1.history["loss"], label="base")`` and the same of ``h2``, before anything else is begun: one figure of
    several things, written out one by one."""
    curves = {id(call) for call in on_axes if CURVES.fullmatch(name_of(call))}
    drawn: dict[frozenset[object], set[frozenset[str]]] = {}
    for call in sorted(made, key=lambda call: (call.lineno, call.col_offset)):
        if name_of(call) in _BEGINS:
            drawn.clear()
        if id(call) in curves and any(keyword.arg == "label" for keyword in call.keywords):
            parts = [part for argument in call.args for part in ast.walk(argument)]
            asked = frozenset(part.value for part in parts if isinstance(part, ast.Constant) and _is_key(part.value))
            names = frozenset(part.id for part in parts if isinstance(part, ast.Name))
            drawn.setdefault(asked, set()).add(names)
            if asked and len(drawn[asked]) > 1:
                return True
    return False


def _is_key(value: object) -> bool:
    """Of a history: what a line style, ``o--``, is not."""
    return isinstance(value, str) and len(value) > 3


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
            if isinstance(loop, ast.For | ast.While | ast.ListComp):
                yield any(CURVES.fullmatch(name_of(call)) and _on_axes(call) for call in calls([loop]))

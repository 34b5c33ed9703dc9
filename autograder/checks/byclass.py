"""Does code put labels beside predictions, so that errors are told apart, by whatever name and with whatever library?

A heuristic: it follows what a model predicted from name to name, and does not run anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder.checks.follow import NOTHING, REDUCING, bindings, bound, closure, holds
from autograder.notebook.source import Piece, calls, name_of

_PREDICTING = frozenset(
    "predict predict_classes predict_proba predict_on_batch cross_val_predict decision_function argmax".split()
)
_GROUPING = frozenset("groupby pivot_table pivot crosstab histogram2d".split())
_COUNTING = frozenset("Counter bincount unique value_counts".split())
_PAIRING = frozenset("zip DataFrame column_stack stack".split())
_BY_CLASS = frozenset("confusion_matrix classification_report precision_recall_fscore_support".split())
_AVERAGED = frozenset("recall_score precision_score f1_score fbeta_score".split())
_PICKING = frozenset("where nonzero flatnonzero argwhere".split())


@dataclass(frozen=True, slots=True)
class Followed:
    """Names in a notebook, by what they hold; scopes are not told apart."""

    predicted: frozenset[str]
    """An answer for each image."""
    paired: frozenset[str]
    """Answers beside labels."""
    missed: frozenset[str]
    """Places of images that were answered wrongly."""
    told: frozenset[str]
    """Errors by class, or functions that work these out."""

    def looks(self, node: ast.AST) -> bool:
        """Whether a statement works out errors by class or picks out images that are missed, or goes on with these."""
        return _holds(node, self.told, NOTHING) or any(map(self._tells, ast.walk(node)))

    def uses_predictions(self, node: ast.AST) -> bool:
        return any(isinstance(part, ast.Name) and part.id in self.predicted for part in ast.walk(node)) or any(
            name_of(call) in _PREDICTING for call in calls([node])
        )

    def _tells(self, part: ast.AST) -> bool:
        if isinstance(part, ast.Call):
            return self._counts(part)
        if isinstance(part, ast.Subscript):
            return self._picks(part.slice)
        if isinstance(part, ast.For | ast.comprehension):
            return _holds(part.iter, self.missed, NOTHING)
        if isinstance(part, ast.ListComp):
            unlike = any(_differ(test, self.predicted) for loop in part.generators for test in loop.ifs)
            return unlike and _holds(part.elt, self.predicted)
        return _adds_up(part) and self._goes_by_pairs(part)

    def _counts(self, call: ast.Call) -> bool:
        name = name_of(call)
        if name in _BY_CLASS or (name in _AVERAGED and _is_not_averaged(call)):
            return True
        if name == "at":  # np.add.at(matrix, (labels, predicted), 1)
            return len(call.args) > 1 and _is_pair(call.args[1]) and _holds(call.args[1], self.predicted)
        if name in _GROUPING:
            return _holds(call, self.predicted)
        return name in _COUNTING and not _is_one_column(call) and self._is_beside(call)

    def _is_beside(self, call: ast.Call) -> bool:
        given = [*call.args[:1], *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
        return any(not isinstance(one, ast.Compare) and _pairs(one, self.predicted, self.paired) for one in given)

    def _picks(self, place: ast.AST) -> bool:
        return _differ(place, self.predicted) or _holds(place, self.missed, NOTHING)

    def _goes_by_pairs(self, part: ast.AST) -> bool:
        target = _target(part)
        return isinstance(target, ast.Subscript) and any(_holds(one, self.predicted) for one in _places(target))


def followed(found: Iterable[Piece]) -> Followed:
    nodes = [piece.node for piece in found]
    known = list(bindings(nodes))
    predicted = closure(known, _holds)
    paired = closure(known, lambda value, names: _pairs(value, predicted, names))
    missed = closure(known, lambda value, names: _is_missed(value, predicted, names))
    first = Followed(predicted, paired, missed, NOTHING)
    begun = frozenset(name for names, value in known if first.looks(value) for name in names)
    filled = frozenset(name for node in nodes for name in _filled(node, first))
    made = frozenset(one.name for one in nodes if isinstance(one, ast.FunctionDef) and _works_out(one, first))
    told = begun | filled | made
    return Followed(
        predicted, paired, missed, told | closure(known, lambda value, names: _holds(value, told | names, NOTHING))
    )


def goes_by_class(node: ast.AST) -> bool:
    """A loop that picks the rows of one class after the other: ``for c in range(10): ... p[y == c] != c``, or asks for
    it beside what is wrong: ``(p != y) & (y == c)``."""
    for inner in ast.walk(node):
        loops = [inner] if isinstance(inner, ast.For) else getattr(inner, "generators", [])
        targets = {loop.target.id for loop in loops if isinstance(loop.target, ast.Name)}
        if targets and any(_compares(pick, targets) for pick in _picks_of(inner)):
            return True
        if targets and any(_sorts(both, targets) for both in _both(inner)):
            return True
    return False


def _both(node: ast.AST) -> Iterator[Sequence[ast.AST]]:
    """``(p != y) & (y == c)``, ``np.logical_and(p != y, y == c)``."""
    for part in ast.walk(node):
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitAnd):
            yield part.left, part.right
        elif isinstance(part, ast.Call) and name_of(part) == "logical_and":
            yield part.args


def _sorts(both: Sequence[ast.AST], names: set[str]) -> bool:
    """Whether one side holds two rows of labels against each other, and the other asks for one class."""
    of_class = [one for one in both if _compares(one, names)]
    rest = [one for one in both if one not in of_class]
    return bool(of_class) and any(isinstance(part, ast.Compare) for one in rest for part in ast.walk(one))


def _works_out(made: ast.FunctionDef, known: Followed) -> bool:
    judges = known.uses_predictions(made) or any(name_of(call) == "evaluate" for call in calls([made]))
    return known.looks(made) or (judges and goes_by_class(made))


def _holds(node: ast.AST, names: frozenset[str], sources: frozenset[str] = _PREDICTING) -> bool:
    return holds(node, names, sources)


def _pairs(node: ast.AST, predicted: frozenset[str], paired: frozenset[str]) -> bool:
    """Whether answers stand beside something else in it: compared, zipped, as two columns."""
    if _holds(node, paired, NOTHING):
        return True
    beside = any(
        isinstance(part, ast.Compare)
        or _is_pair(part)
        or (isinstance(part, ast.Call) and name_of(part) in _PAIRING)
        or (isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add))
        for part in ast.walk(node)
    )
    return beside and _holds(node, predicted)


def _is_missed(node: ast.AST, predicted: frozenset[str], missed: frozenset[str]) -> bool:
    return _differ(node, predicted) or _holds(node, missed, NOTHING)


def _differ(node: ast.AST, predicted: frozenset[str]) -> bool:
    """``predicted != labels`` in it, and not counted."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Call) and name_of(part) in REDUCING:
            continue
        if isinstance(part, ast.Compare) and isinstance(part.ops[0], ast.NotEq) and _holds(part, predicted):
            return True
        waiting.extend(ast.iter_child_nodes(part))
    return False


# --- parts of code -------------------------------------------------------------------------------------------------


def _filled(node: ast.AST, known: Followed) -> Iterator[str]:
    """Names of what is counted into: ``matrix[label, answer] += 1``."""
    for part in ast.walk(node):
        if _adds_up(part) and known._goes_by_pairs(part):
            yield from bound([target] if (target := _target(part)) is not None else [])
        elif isinstance(part, ast.Call) and name_of(part) == "at" and known._counts(part):
            yield from bound(part.args[:1])


def _adds_up(part: ast.AST) -> bool:
    """``table[place] += 1``, ``table[place] = table.get(place, 0) + 1``."""
    if isinstance(part, ast.AugAssign):
        return isinstance(part.op, ast.Add)
    return isinstance(part, ast.Assign) and isinstance(part.value, ast.BinOp) and isinstance(part.value.op, ast.Add)


def _target(part: ast.AST) -> ast.AST | None:
    if isinstance(part, ast.AugAssign):
        return part.target
    return part.targets[0] if isinstance(part, ast.Assign) else None


def _places(target: ast.Subscript) -> list[ast.expr]:
    """The two places of ``table[one, other]`` and ``table[one][other]``; none of anything else."""
    if isinstance(target.slice, ast.Tuple):
        places = target.slice.elts
    elif isinstance(target.value, ast.Subscript):
        places = [target.value.slice, target.slice]
    else:
        return []
    return places if len(places) == 2 and not any(isinstance(one, ast.Slice | ast.Constant) for one in places) else []


def _picks_of(node: ast.AST) -> Iterator[ast.AST]:
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript):
            yield part.slice
        elif isinstance(part, ast.Call) and name_of(part) in _PICKING:
            yield from part.args


def _compares(pick: ast.AST, names: set[str]) -> bool:
    return any(
        isinstance(part, ast.Compare)
        and any(isinstance(side, ast.Name) and side.id in names for side in (part.left, *part.comparators))
        for part in ast.walk(pick)
    )


def _is_pair(part: ast.AST) -> bool:
    return isinstance(part, ast.Tuple) and isinstance(part.ctx, ast.Load) and len(part.elts) == 2


def _is_one_column(call: ast.Call) -> bool:
    """``table["right"].value_counts()``: how many in all."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(owner, ast.Subscript) and not isinstance(owner.slice, ast.Constant):
        return False
    return isinstance(owner, ast.Attribute | ast.Subscript) and isinstance(owner.value, ast.Name)


def _is_not_averaged(call: ast.Call) -> bool:
    return any(
        keyword.arg == "average" and isinstance(keyword.value, ast.Constant) and keyword.value.value is None
        for keyword in call.keywords
    )

"""Which training each row of a table speaks of: by name, by number, by order, and last by the figure itself."""

from __future__ import annotations

import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from autograder.extraction.fidelity import TOLERANCE
from autograder.extraction.weighed import (
    distance,
    fitted,
    is_called,
    is_figure,
    of_epochs,
    put_together,
    weighed,
    with_others,
)
from autograder.notebook.accuracies import quoted
from autograder.notebook.text import fold
from autograder.records import Ledger, MeasuredModel, Table, TableRow, Training

_ENOUGH = 0.62
"""Below this a name says nothing."""
_IN_ORDER = 0.06
_SAME_FIGURE = 0.12
_EMPTY_WORDS = frozenset(
    "model modele models modeles create build make get creer construire the le la les de du des avec with of et and "
    "cnn network net reseau fn def new".split()
)
_TOGETHER = re.compile(r"ensembl|\bvot|blend|bagg|averag|moyen|mean|mittel|promedio|media\b|combin|comite|committee|\+")
"""Words of a row about several models put together; a heuristic."""
_PARTS = "conv|couche|layer|bloc|filt|dense|neuron|unit|pool|kernel|noyau|epo|schicht|capa|strat"
_BASELINE = re.compile(r"\b(?:baseline|reference|base|initial|depart|temoin|vanilla|simple|original)\b")


@dataclass(frozen=True, slots=True)
class _Candidate:
    training: int
    names: tuple[str, ...]
    figure: float | None
    """Accuracy that the notebook itself computed, else ours."""
    measured: float | None
    validated: tuple[float, ...] = ()
    """What the run recorded for validation, in the epochs that people state."""


def match_rows(table: Table, ledger: Ledger, models: Sequence[MeasuredModel]) -> Table:
    """Give each row the training it speaks of and our accuracy for it; a row that fits none stays without.

    One training backs one row. A row about a work of others, or about several models together, is one of a training
    only where both name and figure fit.
    Rows that no name decides are matched by their figures where all of these are known, else by order when there are
    as many rows as models, and else only when the claimed accuracy is the one that the notebook computed for a training
    left.
    """
    together = [model.public_accuracy for model in models if model.members and model.public_accuracy is not None]
    named = [_nearest(row, together) if _TOGETHER.search(fold(row.label)) else None for row in table.rows]
    singly = [row for row, figure in zip(table.rows, named, strict=True) if figure is None]
    matched = iter(_matched(replace(table, rows=tuple(singly)), ledger, models))
    rows = [
        next(matched) if figure is None else replace(row, measured_accuracy=figure)
        for row, figure in zip(table.rows, named, strict=True)
    ]
    rows = [
        replace(row, measured_accuracy=_nearest(row, together))
        if row.measured_accuracy is row.training is None
        else row
        for row in rows
    ]
    rows = [weighed(row, ledger, models) for row in rows]
    return replace(table, rows=tuple(with_others(rows, ledger)))


def _nearest(row: TableRow, figures: Sequence[float]) -> float | None:
    """Of ensembles, which no training left: the one whose accuracy the row states."""
    claimed = row.accuracy
    near = [figure for figure in figures if claimed is not None and abs(figure - claimed) <= TOLERANCE]
    return min(near, key=lambda figure: abs(figure - (claimed or 0.0)), default=None)


def _matched(table: Table, ledger: Ledger, models: Sequence[MeasuredModel]) -> list[TableRow]:
    candidates = _candidates(ledger, models, _tested(table, ledger))
    kinds = fitted(ledger)
    foreign = frozenset(place for place, row in enumerate(table.rows) if quoted(row.label) or put_together(row, ledger))
    others = foreign | {
        place for place, row in enumerate(table.rows) if any(is_called(fold(row.label), kind) for kind in kinds)
    }
    chosen = ({} if others else _in_step(table, candidates)) or _by_name(table, candidates, foreign)
    chosen = _ranked(table, candidates, chosen, others)
    chosen = _by_figure(table, candidates, _by_order(table, candidates, chosen, others), others)
    known = {candidate.training: candidate for candidate in candidates}
    return [
        replace(row, training=chosen[place], measured_accuracy=known[chosen[place]].measured)
        if place in chosen
        else row
        for place, row in enumerate(table.rows)
    ]


def _tested(table: Table, ledger: Ledger) -> Mapping[int, set[str]]:
    """Training -> rows as which its model was tested, word for word: who trains in many ways may test in one."""
    labels, found = {_simple(row.label) for row in table.rows}, defaultdict[int, set[str]](set)
    of = defaultdict[str, list[int]](list)
    for one in ledger.trainings:
        of[one.model].append(one.number)
    for use in ledger.evaluations:
        own = of[use.model][: bisect(of[use.model], use.after)]
        if own and use.kind == "evaluate":
            found[own[-1]] |= {name for name in use.labels.values() if _simple(name) in labels}
    return found


def _candidates(ledger: Ledger, models: Sequence[MeasuredModel], tested: Mapping[int, set[str]]) -> list[_Candidate]:
    """One for each model: its last training, since that is what a table tells; others when they were measured too."""
    measured = {model.training: model for model in models if model.training is not None}
    last = {training.model: training.number for training in ledger.trainings}
    kept = [item for item in ledger.trainings if item.number == last[item.model] or item.number in measured]
    return [
        _candidate(one, ledger.bindings, measured.get(one.number), sorted(tested.get(one.number, ())))
        for one in kept[:200]
    ]


def _candidate(
    training: Training, bindings: Mapping[str, str], model: MeasuredModel | None, tested: Sequence[str]
) -> _Candidate:
    bound = [name for name, target in bindings.items() if target == training.model]
    # "model 5" is what we call a model without a name: it says nothing.
    named = model.name if model and not re.fullmatch(r"model \d+", model.name) else ""
    said = [*training.labels.values(), *tested, training.builder, *bound, named]
    names = tuple(dict.fromkeys(name for text in said for name in _spellings(text) if name))
    measured = model.public_accuracy if model else None
    computed = model.notebook_accuracy if model else None
    figure = measured if computed is None else computed
    return _Candidate(training.number, names, figure, measured, tuple(of_epochs(training)))


def _spellings(name: str) -> tuple[str, str]:
    """``LeNet`` is ``lenet`` to some, and two words to others."""
    return _simple(name), _simple(name.lower())


def _simple(name: str) -> str:
    """A name as words: ``create_improvedModel_1`` becomes ``create improved model 1``."""
    spaced = re.sub(
        r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", " ", name[:200].replace("_", " ").replace("-", " ")
    )
    return re.sub(r"[^\w\s]", " ", fold(spaced)).strip()


def _in_step(table: Table, candidates: Sequence[_Candidate]) -> dict[int, int]:
    """All rows with all models in order, where each states just the figure of its own: then names say no more.

    Unless one is word for word the name of another model: whoever swaps two names says something false.
    """
    figures = [candidate.figure for candidate in candidates]
    if len(figures) != len(table.rows) or len(set(figures)) != len(figures):
        return {}
    pairs = list(enumerate(zip(table.rows, candidates, strict=True)))
    if not all(row.of == "" and is_figure(row.accuracy, candidate.figure) for _, (row, candidate) in pairs):
        return {}
    if any(_is_anothers(_simple(row.label), candidate, candidates) for _, (row, candidate) in pairs):
        return {}
    return {place: candidate.training for place, (_, candidate) in pairs}


def _is_anothers(said: str, own: _Candidate, candidates: Sequence[_Candidate]) -> bool:
    return said not in own.names and any(said in one.names for one in candidates)


def _by_name(table: Table, candidates: Sequence[_Candidate], foreign: frozenset[int]) -> dict[int, int]:
    """The one-to-one assignment of greatest total likeness; ``foreign`` rows may only be called like a training."""
    if not candidates or not table.rows:
        return {}
    from scipy.optimize import linear_sum_assignment  # a third of a second, for whoever has nothing to match

    likeness = [
        [0.0 if place in foreign and _differs(row, one) else _likeness(row.label, one) for one in candidates]
        for place, row in enumerate(table.rows)
    ]
    scores = [
        [value + _hint(table, candidates, place, other) for other, value in enumerate(row)]
        for place, row in enumerate(likeness)
    ]
    places, others = linear_sum_assignment(scores, maximize=True)
    pairs = zip(places.tolist(), others.tolist(), strict=True)
    return {place: candidates[other].training for place, other in pairs if likeness[place][other] >= _ENOUGH}


def _hint(table: Table, candidates: Sequence[_Candidate], place: int, other: int) -> float:
    """Breaks ties between equal names: the same figure, since tables are sorted, then the same place in the order."""
    row, candidate = table.rows[place], candidates[other]
    near = 1 - abs(place / max(len(table.rows) - 1, 1) - other / max(len(candidates) - 1, 1))
    return _IN_ORDER * near + _SAME_FIGURE * _states(row, candidate)


def _states(row: TableRow, candidate: _Candidate) -> bool:
    figures = candidate.validated if row.of == "validation" else (candidate.figure,)
    return any(is_figure(row.accuracy, figure) for figure in figures)


def _differs(row: TableRow, candidate: _Candidate) -> bool:
    """A network may be named after a paper; then the figure that is known of it tells."""
    return all(distance(row.accuracy, figure) > TOLERANCE for figure in (candidate.figure, candidate.measured))


def _likeness(label: str, candidate: _Candidate) -> float:
    pairs = ((spelling, name) for spelling in _spellings(label) for name in candidate.names)
    return max((_alike(spelling, name) for spelling, name in pairs), default=0.0)


def _alike(label: str, name: str) -> float:
    """0..1 by the words that tell models apart; where these are equal or none, different numbers part them."""
    if _BASELINE.search(label) and _BASELINE.search(name):
        return 0.95
    numbers, others = _ordinals(label), _ordinals(name)
    telling, told = _telling(label), _telling(name)
    if numbers and others and not numbers & others and (not telling or not told or telling == told):
        return 0.0
    if not telling or not told:
        return 0.9 if label == name else 0.8 if numbers and numbers == others else 0.0
    score = (0.6 * fuzz.token_set_ratio(telling, told) + 0.4 * fuzz.token_sort_ratio(telling, told)) / 100
    return min(1.0, score + (0.1 if numbers and numbers == others else 0.0))


def _ordinals(name: str) -> set[int]:
    """Numbers that may count models; 64 is a setting, and "2 conv" says of what there are two."""
    return {int(number) for number in re.findall(rf"\b\d{{1,2}}\b(?! (?:{_PARTS}))", name) if int(number) <= 20}


def _telling(name: str) -> str:
    return " ".join(word for word in name.split() if word not in _EMPTY_WORDS and not word.isdigit())


def _ranked(
    table: Table, candidates: Sequence[_Candidate], chosen: Mapping[int, int], others: frozenset[int]
) -> dict[int, int]:
    """Rows left go with the models left whose figures they state, if each does so: in a ranking, order says nothing."""
    found = dict(chosen)
    for place, row in enumerate(table.rows):
        if place in chosen or place in others:
            continue
        left = [item for item in candidates if item.training not in found.values() and _states(row, item)]
        if not left:
            return dict(chosen)
        found[place] = min(left, key=lambda item: distance(row.accuracy, item.figure)).training
    return found


def _by_order(
    table: Table, candidates: Sequence[_Candidate], chosen: Mapping[int, int], others: frozenset[int]
) -> dict[int, int]:
    """When rows and models are equally many, those left over go together in order; ``others`` are of no training."""
    found = dict(chosen)
    own = [place for place in range(len(table.rows)) if place in found or place not in others]
    if len(own) != len(candidates):
        return found
    rows = [place for place in own if place not in found]
    left = [item.training for item in candidates if item.training not in found.values()]
    return found | dict(zip(rows, left, strict=True))


def _by_figure(
    table: Table, candidates: Sequence[_Candidate], chosen: Mapping[int, int], others: frozenset[int]
) -> dict[int, int]:
    """What nothing else decides goes to the training left whose figure is claimed; the nearest, then the first."""
    found = dict(chosen)
    for place, row in enumerate(table.rows):
        left = [item for item in candidates if item.training not in found.values()]
        same = [item for item in left if is_figure(row.accuracy, item.figure)]
        if place not in found and same and place not in others:
            found[place] = min(same, key=lambda item: distance(row.accuracy, item.figure)).training
    return found

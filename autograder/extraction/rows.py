"""Which training each row of a table speaks of: by name, by number, by order, and last by the figure itself."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from autograder.extraction.fidelity import TOLERANCE
from autograder.notebook.accuracies import quoted
from autograder.notebook.text import fold
from autograder.records import Ledger, MeasuredModel, Partly, Table, TableRow, Training

_ENOUGH = 0.62
"""Below this a name says nothing."""
_IN_ORDER = 0.12
_SAME_FIGURE = 0.06
_EMPTY_WORDS = frozenset(
    "model modele models modeles create build make get creer construire the le la les de du des avec with of et and "
    "cnn network net reseau fn def new".split()
)
_TOGETHER = re.compile(r"ensembl|\bvot|blend|bagg|averag|moyen|mean|mittel|promedio|media\b|combin|comite|committee|\+")
"""Words of a row about several models put together; a heuristic."""
_NAMES_OF: Mapping[str, re.Pattern[str]] = {
    "SVC": re.compile(r"\bsvm|\bsvc|support vector|vecteurs? (?:de )?support|machine a vecteurs"),
    "KNeighbors": re.compile(r"\bk.?nn\b|\bk.?ppv\b|neighbou?r|voisin|nachbar|vecino"),
    "Forest": re.compile(r"forest|foret|wald\b|bosque|\brf\b"),
    "ExtraTrees": re.compile(r"extra.?trees?"),
    "DecisionTree": re.compile(r"\btree\b|\barbre|entscheidungsbaum|\barbol"),
    "LogisticRegression": re.compile(r"logist"),
    "Boost": re.compile(r"boost|\bgbm\b|\bxgb"),
    "NB": re.compile(r"bayes|\bnb\b"),
    "MLP": re.compile(r"\bmlp|scikit|sklearn|perceptron"),
    "SGD": re.compile(r"\bsgd|\blinear|lineaire"),
    "Discriminant": re.compile(r"\blda\b|\bqda\b|discriminant"),
    "Voting": re.compile(r"\bvot"),
    "Stacking": re.compile(r"\bstack"),
}
"""What people call a classifier of scikit-learn's, by a part of the name of its class; a heuristic, of folded text."""
_LEAST_FITTED = 100
"""Rows from which on a classifier was fitted for the task, and not for a picture."""
_CHANCE = 2.58
"""Standard errors: one honest figure of a hundred is further off."""
_ENSEMBLE = re.compile(r"\bensembl|\bvot(?:e|es|ing)\b|blend|bagg|\baverag|\bmoyenne d|\bmean of|comite|committee")
_BASELINE = re.compile(r"\b(?:baseline|reference|base|initial|depart|temoin|vanilla|simple|original)\b")


@dataclass(frozen=True, slots=True)
class _Candidate:
    training: int
    names: tuple[str, ...]
    figure: float | None
    """Accuracy that the notebook itself computed, else ours."""
    measured: float | None


def match_rows(table: Table, ledger: Ledger, models: Sequence[MeasuredModel]) -> Table:
    """Give each row the training it speaks of and our accuracy for it; a row that fits none stays without.

    One training backs one row. A row about a work of others is one of a training only where both name and figure fit.
    Rows that no name decides are matched by order when there are as many rows as models, and else only when the
    claimed accuracy is the one that the notebook computed for a training left.
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
    by_training = {model.training: model for model in models if model.training is not None}
    rows = [_weighed(row, ledger, by_training) for row in rows]
    return replace(table, rows=tuple(_with_others(rows, ledger)))


def _weighed(row: TableRow, ledger: Ledger, models: Mapping[int, MeasuredModel]) -> TableRow:
    """With what its figure is to be held against, where that is not our accuracy as it stands."""
    if row.training is None:
        return row
    if row.of == "validation":
        return replace(row, recorded=_validated(row, ledger))
    model = models.get(row.training)
    part = None if model is None or row.measured_accuracy is None else _tested(row, model)
    if part is None or row.measured_accuracy is None:
        return row
    chance = _by_chance(row.measured_accuracy, part)
    return replace(row, of="split" if part.split else "part", images=part.images, chance=chance)


def _validated(row: TableRow, ledger: Ledger) -> float | None:
    """What the run recorded of the model while it was trained: the figure of an epoch that people state, the end or the
    best; else of an ``evaluate`` of it. On what it was trained with nothing is validated."""
    numbers = {training.number: training for training in ledger.trainings}
    model = numbers[row.training or 0].model if row.training in numbers else ""
    own = [training for training in ledger.trainings if training.model == model]
    known = [figure for training in own for figure in _of_epochs(training)]
    learnt = {training.x.digest for training in own} - {""}
    known += [
        use.results["accuracy"]
        for use in ledger.evaluations
        if use.model == model and "accuracy" in use.results and use.x.digest not in learnt
    ]
    claimed = row.accuracy
    return None if claimed is None else min(known, key=lambda figure: abs(figure - claimed), default=None)


def _of_epochs(training: Training) -> Iterator[float]:
    if training.validation_x is not None and training.validation_x.digest == training.x.digest != "":
        return
    figures = training.history.get("val_accuracy", ())
    known = [figure for figure in figures if figure is not None]
    if known:
        yield from (known[-1], max(known))
    losses = training.history.get("val_loss", ())
    told = [(loss, figure) for loss, figure in zip(losses, figures, strict=False) if None not in (loss, figure)]
    if told:
        yield min(told, key=lambda one: one[0] or 0.0)[1] or 0.0


def _tested(row: TableRow, model: MeasuredModel) -> Partly | None:
    """The notebook's own test that gave the figure, or may have; None where it tested on the whole public test set."""
    exact = [one for one in model.partly if _is_figure(row.accuracy, one.accuracy)]
    if exact:
        return exact[-1]
    if model.notebook_accuracy is not None or model.fidelity is not None:
        return None
    asked = [one for one in model.partly if one.accuracy is None]
    return max(asked, key=lambda one: one.images, default=None)


def _by_chance(measured: float, part: Partly) -> float:
    share = min(max(measured, 1 / (part.images + 1)), 1 - 1 / (part.images + 1))
    # Of a part nothing is left to chance where it is all; a set of one's own is drawn as ours was.
    parts = 1 / part.images + (1 if part.split else -1) / max(part.public, 1)
    return _CHANCE * math.sqrt(share * (1 - share) * max(parts, 0.0))


def _answer_together(ledger: Ledger) -> bool:
    """Whether two models were asked for predictions of the same images in one cell."""
    asked: dict[tuple[int | None, str], set[str]] = {}
    for use in ledger.evaluations:
        if not use.results and use.x.digest:
            asked.setdefault((use.execution_count, use.x.digest), set()).add(use.model)
    return any(len(models) > 1 for models in asked.values())


def _with_others(rows: Sequence[TableRow], ledger: Ledger) -> Iterator[TableRow]:
    """Rows of classifiers that scikit-learn was seen to fit, one for each, and of models put together, that nothing
    here measures."""
    fitted = _fitted(ledger)
    several = _answer_together(ledger)
    for row in rows:
        label = fold(row.label)
        if row.training is not None or row.measured_accuracy is not None or quoted(row.label):
            yield row
        elif (kind := next((one for one in fitted if _is_called(label, one)), None)) is not None:
            fitted.remove(kind)
            yield replace(row, of="beside")
        elif several and _ENSEMBLE.search(label):
            yield replace(row, of="beside")
        else:
            yield row


def _fitted(ledger: Ledger) -> list[str]:
    """Kinds of the classifiers that scikit-learn fitted: what is imported alone backs nothing."""
    return [one.kind for one in ledger.estimators if one.rows >= _LEAST_FITTED]


def _is_called(label: str, kind: str) -> bool:
    words = (pattern for part, pattern in _NAMES_OF.items() if part in kind)
    return kind.casefold() in label.replace(" ", "") or any(pattern.search(label) for pattern in words)


def _nearest(row: TableRow, figures: Sequence[float]) -> float | None:
    """Of ensembles, which no training left: the one whose accuracy the row states."""
    claimed = row.accuracy
    near = [figure for figure in figures if claimed is not None and abs(figure - claimed) <= TOLERANCE]
    return min(near, key=lambda figure: abs(figure - (claimed or 0.0)), default=None)


def _matched(table: Table, ledger: Ledger, models: Sequence[MeasuredModel]) -> list[TableRow]:
    candidates = _candidates(ledger, models)
    chosen, fitted = _by_name(table, candidates), _fitted(ledger)
    others = frozenset(
        place
        for place, row in enumerate(table.rows)
        if quoted(row.label) or any(_is_called(fold(row.label), kind) for kind in fitted)
    )
    chosen = _by_figure(table, candidates, _by_order(table, candidates, chosen, others), others)
    known = {candidate.training: candidate for candidate in candidates}
    return [
        replace(row, training=chosen[place], measured_accuracy=known[chosen[place]].measured)
        if place in chosen
        else row
        for place, row in enumerate(table.rows)
    ]


def _candidates(ledger: Ledger, models: Sequence[MeasuredModel]) -> list[_Candidate]:
    """One for each model: its last training, since that is what a table tells; others when they were measured too."""
    measured = {model.training: model for model in models if model.training is not None}
    last = {training.model: training.number for training in ledger.trainings}
    kept = [item for item in ledger.trainings if item.number == last[item.model] or item.number in measured]
    return [_candidate(training, ledger.bindings, measured.get(training.number)) for training in kept[:200]]


def _candidate(training: Training, bindings: Mapping[str, str], model: MeasuredModel | None) -> _Candidate:
    bound = [name for name, target in bindings.items() if target == training.model]
    # "model 5" is what we call a model without a name: it says nothing.
    named = model.name if model and not re.fullmatch(r"model \d+", model.name) else ""
    said = [*training.labels.values(), training.builder, *bound, named]
    names = tuple(dict.fromkeys(name for text in said for name in _spellings(text) if name))
    measured = model.public_accuracy if model else None
    computed = model.notebook_accuracy if model else None
    return _Candidate(training.number, names, measured if computed is None else computed, measured)


def _spellings(name: str) -> tuple[str, str]:
    """``LeNet`` is ``lenet`` to some, and two words to others."""
    return _simple(name), _simple(name.lower())


def _simple(name: str) -> str:
    """A name as words: ``create_improvedModel_1`` becomes ``create improved model 1``."""
    spaced = re.sub(
        r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", " ", name[:200].replace("_", " ").replace("-", " ")
    )
    return re.sub(r"[^\w\s]", " ", fold(spaced)).strip()


def _by_name(table: Table, candidates: Sequence[_Candidate]) -> dict[int, int]:
    """The one-to-one assignment of greatest total likeness."""
    if not candidates:
        return {}
    from scipy.optimize import linear_sum_assignment  # a third of a second, for whoever has nothing to match

    likeness = [
        [0.0 if _is_of_others(row, candidate) else _likeness(row.label, candidate) for candidate in candidates]
        for row in table.rows
    ]
    scores = [
        [value + _hint(table, candidates, place, other) for other, value in enumerate(row)]
        for place, row in enumerate(likeness)
    ]
    places, others = linear_sum_assignment(scores, maximize=True)
    pairs = zip(places.tolist(), others.tolist(), strict=True)
    return {place: candidates[other].training for place, other in pairs if likeness[place][other] >= _ENOUGH}


def _hint(table: Table, candidates: Sequence[_Candidate], place: int, other: int) -> float:
    """Breaks ties between equal names: the same place in the order, then the same figure."""
    row, candidate = table.rows[place], candidates[other]
    near = 1 - abs(place / max(len(table.rows) - 1, 1) - other / max(len(candidates) - 1, 1))
    same = _is_figure(row.accuracy, candidate.figure)
    return _IN_ORDER * near + _SAME_FIGURE * same


def _is_of_others(row: TableRow, candidate: _Candidate) -> bool:
    """A network may be named after a paper; then the figure that is known of it tells."""
    known = (candidate.figure, candidate.measured)
    return quoted(row.label) and all(_distance(row.accuracy, figure) > TOLERANCE for figure in known)


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
    """Numbers that may count models; 64 is a setting."""
    return {int(number) for number in re.findall(r"\b\d{1,2}\b", name) if int(number) <= 20}


def _telling(name: str) -> str:
    return " ".join(word for word in name.split() if word not in _EMPTY_WORDS and not word.isdigit())


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
        same = [item for item in left if _is_figure(row.accuracy, item.figure)]
        if place not in found and same and place not in others:
            found[place] = min(same, key=lambda item: _distance(row.accuracy, item.figure)).training
    return found


def _is_figure(claimed: float | None, computed: float | None) -> bool:
    """Equal as far as a table rounds: to a tenth of a per cent."""
    return _distance(claimed, computed) <= 0.00051


def _distance(claimed: float | None, computed: float | None) -> float:
    return 1.0 if claimed is None or computed is None else abs(claimed - computed)

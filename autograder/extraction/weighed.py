"""What the figure of a row is held against, where that is not our accuracy of its model, and rows without any."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from autograder.notebook.accuracies import MIN_IMAGES, quoted
from autograder.notebook.text import fold
from autograder.records import Ledger, MeasuredModel, Partly, TableRow, Training

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

_AGAIN = re.compile(r"\btta\b|test.?time")
"""What is called so puts a model's answers for several views of an image together."""


def weighed(row: TableRow, ledger: Ledger, models: Sequence[MeasuredModel]) -> TableRow:
    """With what its figure is to be held against, where that is not our accuracy as it stands."""
    if row.training is None:
        return row
    if row.of == "validation":
        return replace(row, recorded=_validated(row, ledger))
    if (mean := _of_folds(row, ledger)) is not None:
        return replace(row, of="validation", recorded=mean)
    row = _of_several(row, ledger, models)
    model = next((one for one in reversed(models) if one.training == row.training), None)
    part = None if model is None or row.measured_accuracy is None else _tested(row, model)
    if part is None or row.measured_accuracy is None:
        return row
    chance = _by_chance(row.measured_accuracy, part)
    return replace(row, of="split" if part.split else "part", images=part.images, chance=chance)


def _of_several(row: TableRow, ledger: Ledger, models: Sequence[MeasuredModel]) -> TableRow:
    """With the nearest of what it may state: a model that its training left, at the end or on its way, or the mean of
    those that were trained with the same settings."""
    if row.accuracy is None or row.measured_accuracy is None:
        return row
    known = [(one.training, one.public_accuracy) for one in models if one.public_accuracy is not None]
    settings = {one.number: _settings(one) for one in ledger.trainings}
    last = {number: figure for number, figure in known if number in settings}
    alike = [figure for number, figure in last.items() if settings[number or 0] == settings[row.training or 0]]
    mean = [sum(alike) / len(alike)] if alike else []
    figures = [row.measured_accuracy, *(figure for number, figure in known if number == row.training), *mean]
    return replace(row, measured_accuracy=min(figures, key=lambda figure: distance(row.accuracy, figure)))


def _settings(training: Training) -> tuple[object, ...]:
    """What does not differ between seeds."""
    layers = [(one.kind, dict(one.config), one.parameters) for one in training.layers]
    told = {name: training.arguments.get(name) for name in ("epochs", "batch_size")}
    return training.builder, layers, training.loss, dict(training.optimizer), told, training.x.shape


def _validated(row: TableRow, ledger: Ledger) -> float | None:
    """What the run recorded of the model while it was trained: the figure of an epoch that people state, the end or the
    best; else of an ``evaluate`` of it. On what it was trained with nothing is validated."""
    numbers = {training.number: training for training in ledger.trainings}
    model = numbers[row.training or 0].model if row.training in numbers else ""
    own = [training for training in ledger.trainings if training.model == model]
    known = [figure for training in own for figure in of_epochs(training)]
    learnt = {training.x.digest for training in own} - {""}
    known += [mean for numbers_of, mean in folds(ledger) if row.training in numbers_of]
    known += [
        use.results["accuracy"]
        for use in ledger.evaluations
        if use.model == model and "accuracy" in use.results and use.x.digest not in learnt
    ]
    claimed = row.accuracy
    return None if claimed is None else min(known, key=lambda figure: abs(figure - claimed), default=None)


def of_epochs(training: Training) -> Iterator[float]:
    """Validation accuracies that people state of a training: of its last epoch, the best, and the one of least loss."""
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


def _of_folds(row: TableRow, ledger: Ledger) -> float | None:
    """The mean over folds that the row states: of its training's, where it is known of which one it speaks."""
    means = (mean for numbers, mean in folds(ledger) if row.training is None or row.training in numbers)
    return next((mean for mean in means if is_figure(row.accuracy, mean)), None)


def folds(ledger: Ledger) -> Iterator[tuple[frozenset[int], float]]:
    """Trainings with the same settings on different parts of the images, and means of what each found on the rest."""
    alike: dict[str, list[Training]] = {}
    for one in ledger.trainings:
        if one.x.digest and one.x.shape:
            *settings, _ = _settings(one)
            alike.setdefault(repr((settings, one.x.shape[1:])), []).append(one)
    for group in alike.values():
        if len({one.x.digest for one in group}) < max(2, len(group)):
            continue
        tests = [_apart_from(one, ledger) for one in group]
        figures = [[figure for _, figure in found[:1]] for found in tests]
        if len({digest for found in tests for digest, _ in found[:1]}) < len(group):
            figures = []
        validated = [list(of_epochs(one)) for one in group]
        for known in (figures, validated):
            for part in zip(*known, strict=False) if all(known) else ():
                yield frozenset(one.number for one in group), sum(part) / len(part)


def _apart_from(training: Training, ledger: Ledger) -> list[tuple[str, float]]:
    """Its model's tests on other data than it was trained on, and on more than a handful: which, and the accuracy."""
    return [
        (use.x.digest, use.results["accuracy"])
        for use in ledger.evaluations
        if use.model == training.model
        and "accuracy" in use.results
        and use.x.digest not in ("", training.x.digest)
        and use.x.shape[:1] >= (MIN_IMAGES,)
    ]


def _tested(row: TableRow, model: MeasuredModel) -> Partly | None:
    """The notebook's own test that gave the figure, or may have; None where it tested on the whole public test set."""
    exact = [one for one in model.partly if is_figure(row.accuracy, one.accuracy)]
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


def put_together(row: TableRow, ledger: Ledger) -> bool:
    """Whether it is called an ensemble, where there may be one."""
    return _ENSEMBLE.search(fold(row.label)) is not None and _answer_together(ledger)


def _answer_together(ledger: Ledger) -> bool:
    """Whether two models were asked for predictions of the same images in one cell."""
    asked: dict[tuple[int | None, str], set[str]] = {}
    for use in ledger.evaluations:
        if not use.results and use.x.digest:
            asked.setdefault((use.execution_count, use.x.digest), set()).add(use.model)
    return any(len(models) > 1 for models in asked.values())


def _answers_again(ledger: Ledger) -> bool:
    """Whether a model was asked for predictions of three sets of as many images in one cell."""
    asked: dict[tuple[int | None, str, int], set[str]] = {}
    for use in ledger.evaluations:
        if not use.results and use.x.digest and use.x.shape:
            asked.setdefault((use.execution_count, use.model, use.x.shape[0]), set()).add(use.x.digest)
    return any(len(images) > 2 for images in asked.values())


def with_others(rows: Sequence[TableRow], ledger: Ledger) -> Iterator[TableRow]:
    """Rows of classifiers that scikit-learn was seen to fit, one for each, and of models put together, that nothing
    here measures."""
    left, tests = fitted(ledger), _further(rows, ledger)
    several, again = _answer_together(ledger), _answers_again(ledger)
    for row in rows:
        label = fold(row.label)
        if row.training is not None or row.measured_accuracy is not None or quoted(row.label):
            yield row
        elif (kind := next((one for one in left if is_called(label, one)), None)) is not None:
            left.remove(kind)
            yield replace(row, of="beside")
        elif (several and _ENSEMBLE.search(label)) or (again and _AGAIN.search(label)):
            yield replace(row, of="beside")
        elif (mean := _of_folds(row, ledger)) is not None:
            yield replace(row, of="validation", recorded=mean)
        elif (test := next((one for one in tests if is_figure(row.accuracy, one)), None)) is not None:
            tests.remove(test)
            yield replace(row, of="tested")
        else:
            yield row


def _further(rows: Sequence[TableRow], ledger: Ledger) -> list[float]:
    """What the notebook's own tests found, without what rows of trainings state: of averages, quantised or pruned
    copies, what was trained by hand, and other moments of a training. On what any was trained with nothing is tested.
    """
    learnt = {one.x.digest for one in ledger.trainings}
    found = [
        use.results["accuracy"]
        for use in ledger.evaluations
        if "accuracy" in use.results and use.x.digest and use.x.digest not in learnt
    ]
    for row in rows:
        backed = row.training is not None or row.measured_accuracy is not None
        if backed and (own := next((one for one in found if is_figure(row.accuracy, one)), None)) is not None:
            found.remove(own)
    return found


def fitted(ledger: Ledger) -> list[str]:
    """Kinds of the classifiers that scikit-learn fitted: what is imported alone backs nothing."""
    return [one.kind for one in ledger.estimators if one.rows >= _LEAST_FITTED]


def is_called(label: str, kind: str) -> bool:
    words = (pattern for part, pattern in _NAMES_OF.items() if part in kind)
    return kind.casefold() in label.replace(" ", "") or any(pattern.search(label) for pattern in words)


def is_figure(claimed: float | None, computed: float | None) -> bool:
    """Equal as far as a table rounds: to a tenth of a per cent."""
    return distance(claimed, computed) <= 0.00051


def distance(claimed: float | None, computed: float | None) -> float:
    return 1.0 if claimed is None or computed is None else abs(claimed - computed)

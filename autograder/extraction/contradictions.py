"""Records of trainings that cannot be true, however they came about: held against files, clocks and measurements.

A notebook's code can write to what is recorded in its kernel, also in ways that its source does not show. It cannot
reach the runner's clock, the host's memory of what it was told before, nor room 2. What is said here of a run that was
recorded honestly would be a fault of ours; so each rule is one that our own recorder never breaks.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cache
from itertools import pairwise

from autograder.extraction.archive import Saved, saved_layers
from autograder.records import (
    CellState,
    Execution,
    Gap,
    GapKind,
    Json,
    Layer,
    Ledger,
    MeasuredModel,
    Message,
    Training,
    say,
)
from autograder.store import Store

MOST_LAYERS = 200
"""That our recorder writes down of one model."""
KEPT_IN_THE_KERNEL = 8
"""Models that cannot leave their kernel and answer there, when there are more of them."""
NO_WEIGHTS, FALLEN_BEHIND = "the model has no weights yet", "others are more accurate"
"""Reasons of our recorder's for keeping no model and not asking it either."""
THRIFTY_BYTES = 200 << 20
"""Of models that have left before one is left out as less accurate; our recorder begins with half as much more."""
SPARE_SECONDS, SPARE_SHARE = 1.0, 0.02
"""By which two clocks may differ."""
TOO_GOOD = 0.2
"""By which an accuracy on validation images may exceed that on the public test set, beyond what chance does to either.

Of some two hundred models of honest notebooks the worst came to 0.09."""
MOST_IMAGES = 10**9
PARAMETER_BYTES, SPARE_BYTES = 32, 64 << 20
"""What a saved model takes at most: of each parameter, and beyond that."""
NUMBERS = 5
"""Significant digits in which two settings are compared: what is recorded was rounded."""
_SHOWN = 10
_TOO_LARGE = re.compile(r"a model of ([0-9]{1,9}) MB, after")
"""What our recorder says of a model that is too large to leave, or comes too late."""
_UNCOUNTED = (CellState.NOT_RUN, CellState.LEFT_OUT)
_CHANGING = ("ReduceLROnPlateau", "LearningRateScheduler")
_QUIET = frozenset({"trainable", "name", "dtype", "seed"})


def contradictions(
    ledger: Ledger,
    execution: Execution,
    models: Sequence[MeasuredModel],
    store: Store,
    *,
    apart: Set[int] = frozenset(),
) -> tuple[Gap, ...]:
    """Gaps for what is on record and cannot be; they take nothing away by themselves.

    ``apart``: numbers of trainings for another task, of which the public test set says nothing.
    """
    found = (
        _rewritten(execution),
        _never_answered(ledger, execution),
        _never_asked(ledger, execution),
        _otherwise(execution),
        _out_of_place(ledger, execution),
        _unlike_the_file(ledger, execution, models, store),
        _other_weights(ledger, models),
        _twins(ledger.trainings, models),
        _without_a_model(ledger, execution, store),
        _too_good(ledger, [model for model in models if model.training not in apart]),
    )
    return tuple(Gap(kind=GapKind.RECORDS, reason=reason) for reason in found if reason is not None)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(set(numbers))[:_SHOWN])


# --- what the host saw ---------------------------------------------------------------------------------------------


def _rewritten(execution: Execution) -> Message | None:
    if not execution.rewritten:
        return None
    return say(
        "Records of trainings that had ended ({numbers}) were changed afterwards. What rests on these records is for "
        "a teacher to decide.",
        numbers=_listed(execution.rewritten),
    )


def _never_answered(ledger: Ledger, execution: Execution) -> Message | None:
    """The host knows which trainings it has answered for, and how long each took: once for each answer."""
    given = Counter((one.short, round(one.seconds, 3)) for one in (execution.reuse.replayed if execution.reuse else ()))
    wrong = []
    for one in ledger.trainings:
        if one.reused:
            answer = (one.request, round(one.recorded_seconds, 3))
            if given[answer] <= 0:
                wrong.append(one.number)
            given[answer] -= 1
    if not wrong:
        return None
    return say(
        "Trainings on record ({numbers}) are said to have been known already, but they were not. What rests on these "
        "records is for a teacher to decide.",
        numbers=_listed(wrong),
    )


def _never_asked(ledger: Ledger, execution: Execution) -> Message | None:
    """What the recorder asked about it asked the host, once for each training; a copy names what was asked before."""
    if execution.reuse is None or execution.reuse.asked is None:
        return None
    left = Counter(execution.reuse.asked)
    wrong = []
    for one in ledger.trainings:
        if one.request:
            if left[one.request] <= 0:
                wrong.append(one.number)
            left[one.request] -= 1
    if not wrong:
        return None
    return say(
        "Trainings on record ({numbers}) are said to have been asked about while they ran, but they were not. What "
        "rests on these records is for a teacher to decide.",
        numbers=_listed(wrong),
    )


def _otherwise(execution: Execution) -> Message | None:
    """Either what was kept is wrong, or the notebook's kernel is not what it seems."""
    audited = execution.reuse.audited if execution.reuse else ()
    apart = [one for one in audited if one.difference != 0.0]
    if not apart:
        return None
    return say(
        "Of {count:int} trainings that were known already and carried out once more, {apart:int} had another outcome. "
        "What rests on these records is for a teacher to decide.",
        count=len(audited),
        apart=len(apart),
    )


def _out_of_place(ledger: Ledger, execution: Execution) -> Message | None:
    """Of no cell that ran, longer than its cell, or not in a row."""
    wrong = [one.number for number, one in enumerate(ledger.trainings, start=1) if one.number != number]
    wrong += [*_elsewhere(ledger, execution), *_too_long(ledger, execution)]
    if not wrong:
        return None
    return say(
        "Trainings on record ({numbers}) do not fit the cells in which they are said to have run, nor their duration. "
        "What rests on these records is for a teacher to decide.",
        numbers=_listed(wrong),
    )


def _elsewhere(ledger: Ledger, execution: Execution) -> Iterator[int]:
    """Where each cell is known by its count: a kernel that died gave none, and ``%reset`` begins anew.

    Empty cells take no time, and have none either.
    """
    known = [run.execution_count for run in execution.cells if run.state not in _UNCOUNTED and run.seconds != 0]
    if None in known or not _rising(known):
        return
    placed = [one for one in ledger.trainings if one.execution_count is not None]
    yield from (one.number for one in placed if one.execution_count not in known)
    yield from (after.number for before, after in pairwise(placed) if _count(after) < _count(before))


def _rising(counts: Sequence[int | None]) -> bool:
    return all((before or 0) < (after or 0) for before, after in pairwise(counts))


def _count(training: Training) -> int:
    return training.execution_count or 0


def _too_long(ledger: Ledger, execution: Execution) -> Iterator[int]:
    """``fit`` after ``fit`` in one cell; hand-written loops, and threads, may train several models at once."""
    limits: defaultdict[int, float] = defaultdict(float)
    for run in execution.cells:  # of cells with one count, the longer
        limits[run.execution_count or 0] = max(limits[run.execution_count or 0], run.seconds or 0.0)
    spent: defaultdict[int, float] = defaultdict(float)
    for one in ledger.trainings:
        limit = limits.get(_count(one))
        if not limit or not _count(one):
            continue
        beside = bool(one.arguments.get("loop") or one.arguments.get("thread")) or not one.saved
        spent[_count(one)] += 0.0 if beside else one.seconds
        if max(spent[_count(one)], one.seconds) > limit * (1 + SPARE_SHARE) + SPARE_SECONDS:
            yield one.number


# --- what the models are -------------------------------------------------------------------------------------------


def _unlike_the_file(
    ledger: Ledger, execution: Execution, models: Sequence[MeasuredModel], store: Store
) -> Message | None:
    """Other layers, or another number of parameters, than the model that the training is said to have left."""
    counted = {model.training: model for model in models if _is_whole(model)}
    wrong = []
    saved_in = cache(lambda name: saved_layers(store.get(name)))  # many records may name one file
    for one in ledger.trainings:
        name = execution.artifacts.get(one.saved)
        saved = saved_in(name) if name is not None and len(one.layers) < MOST_LAYERS else None
        model = counted.get(one.number)
        if saved and one.layers and not _alike(one, saved):
            wrong.append(one.number)
        elif model is not None and _other_size(one, model):
            wrong.append(one.number)
    if not wrong:
        return None
    return say(
        "Models that trainings left ({numbers}) have other layers than the record says. What rests on these records "
        "is for a teacher to decide.",
        numbers=_listed(wrong),
    )


def _other_weights(ledger: Ledger, models: Sequence[MeasuredModel]) -> Message | None:
    """The file of a training holds the numbers that the training left, to the last bit."""
    known = {one.number: one for one in ledger.trainings}
    wrong = [model.training for model in models if exchanged(model, known.get(model.training or 0))]
    if not wrong:
        return None
    return say(
        "Models that trainings left ({numbers}) hold other weights than the record says. What rests on these records "
        "is for a teacher to decide.",
        numbers=_listed(number for number in wrong if number is not None),
    )


def exchanged(model: MeasuredModel, training: Training | None) -> bool:
    return (
        training is not None
        and _is_whole(model)
        and bool(model.numbers and training.numbers)
        and model.numbers != training.numbers
    )


def _is_whole(model: MeasuredModel) -> bool:
    """Measured outside, and as its training left it."""
    return model.where == "probe" and model.training is not None and model.id.endswith(f"-t{model.training}")


def _other_size(training: Training, model: MeasuredModel) -> bool:
    known = {training.parameters, sum(layer.parameters for layer in training.layers)}
    return training.parameters > 0 and model.parameters > 0 and model.parameters not in known


def _alike(training: Training, saved: Sequence[Saved]) -> bool:
    """Equal weights are saved once, by the first training that left them, whose other settings the file has."""
    if Counter(layer.kind for layer in training.layers) != Counter(kind for kind, _ in saved):
        return False
    own = training.saved == f"fit-{training.number}.keras"
    return not own or all(
        _same_settings([layer.config for layer in training.layers if layer.kind == kind], configs)
        for kind, configs in _by_kind(saved).items()
    )


def _by_kind(saved: Sequence[Saved]) -> Mapping[str, list[Mapping[str, Json]]]:
    found: defaultdict[str, list[Mapping[str, Json]]] = defaultdict(list)
    for kind, config in saved:
        found[kind].append(config)
    return found


def _same_settings(recorded: Sequence[Mapping[str, Json]], saved: Sequence[Mapping[str, Json]]) -> bool:
    """The plain ones that all of a kind have on both sides, in whichever order."""
    common = set.intersection(*(set(_plain(config)) for config in (*recorded, *saved)))
    return _figures(recorded, common) == _figures(saved, common)


def _figures(configs: Sequence[Mapping[str, Json]], names: set[str]) -> list[list[tuple[str, str]]]:
    return sorted(sorted((name, value) for name, value in _plain(one).items() if name in names) for one in configs)


def _plain(config: Mapping[str, Json]) -> dict[str, str]:
    """Numbers and words, as texts that can be compared."""
    return {
        name: value[:100] if isinstance(value, str) else _number(value)
        for name, value in config.items()
        if isinstance(value, (str, bool, int, float)) and name not in _QUIET
    }


def _number(value: float) -> str:
    try:
        return f"{value:.{NUMBERS}g}"
    except OverflowError:  # a whole number of more digits than a float can have
        return str(value)


# --- what was trained twice ----------------------------------------------------------------------------------------


def _twins(trainings: Sequence[Training], models: Sequence[MeasuredModel]) -> Message | None:
    """Two trainings that differ by what is on record, and left the same weights, or answer exactly alike.

    Honest ones are equal where all is equal, the seed included. That one that changed nothing is left out.
    """
    answers = {one.training: one.hidden_predictions for one in models if _is_whole(one) and _tells_apart(one)}
    learnt = [one for one in trainings if _has_learnt(one)]
    wrong: set[int] = set()
    for alike in (lambda one: one.weights, lambda one: answers.get(one.number)):
        groups: defaultdict[str, list[Training]] = defaultdict(list)
        for one in learnt:
            groups[alike(one) or f"alone {one.number}"].append(one)
        for group in groups.values():
            wrong |= {two.number for two in group[1:] if _differ(group[0], two)}
    if not wrong:
        return None
    return say(
        "Trainings with other settings on record ({numbers}) left the same model as an earlier one. What rests on "
        "these records is for a teacher to decide.",
        numbers=_listed(wrong),
    )


def _tells_apart(model: MeasuredModel) -> bool:
    """Models that say one class of everything, or nothing that is a number, answer alike without being so."""
    return model.problem is None and (model.hidden_accuracy or 0.0) > 0.5


def _has_learnt(training: Training) -> bool:
    """Whether it must have changed the weights: it ended, with losses that are numbers, at a rate, in some layer."""
    losses = training.history.get("loss", (0.0,))
    rate = training.optimizer.get("learning_rate", 1.0)
    holding = [layer for layer in training.layers if layer.parameters]
    frozen = bool(holding) and all(layer.config.get("trainable") is False for layer in holding)
    return training.finished and training.epochs_run > 0 and None not in losses and rate != 0 and not frozen


def _differ(one: Training, two: Training) -> bool:
    if _layers(one.layers) != _layers(two.layers):
        return bool(one.saved and two.saved) or one.parameters != two.parameters
    if one.model == two.model or not (one.saved and two.saved):
        return False  # weights that were put back, into an object that had been trained otherwise
    if two.start_weights and two.start_weights in (one.weights, two.weights):
        return False  # it began with them, and what was best was its beginning
    changing = any(name in str(each.arguments.get("callbacks")) for each in (one, two) for name in _CHANGING)
    if one.optimizer.get("name") != two.optimizer.get("name"):
        return True
    return not changing and one.optimizer.get("learning_rate") != two.optimizer.get("learning_rate")


def _layers(layers: Sequence[Layer]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(layer.kind, sorted(_plain(layer.config).items())) for layer in layers]


# --- what was not kept ---------------------------------------------------------------------------------------------


def _without_a_model(ledger: Ledger, execution: Execution, store: Store) -> Message | None:
    """A model that cannot leave its kernel is held there to be asked; those that need not be have their reasons."""
    if not ledger.bindings and not ledger.answering:
        return None  # the kernel was not read at its end
    unkept = [one for one in ledger.trainings if one.finished and one.epochs_run and one.save_error and not one.saved]
    behind = any(one.save_error.startswith(FALLEN_BEHIND) for one in unkept)
    crowded = behind and sum(len(store.get(name)) for name in set(execution.artifacts.values())) >= THRIFTY_BYTES
    asked = {*ledger.answering, *execution.fallbacks}
    wrong = [one.number for one in unkept if _is_missing(one, asked, crowded=crowded)]
    if not wrong:
        return None
    return say(
        "Of trainings on record ({numbers}) no model was kept, for reasons that do not hold. What rests on these "
        "records is for a teacher to decide.",
        numbers=_listed(wrong),
    )


def _is_missing(training: Training, asked: Set[str], *, crowded: bool) -> bool:
    """``crowded``: so much had left that less accurate models no longer did."""
    if training.save_error == NO_WEIGHTS:
        return training.parameters > 0
    if training.save_error.startswith(FALLEN_BEHIND):
        return not crowded
    if _is_no_size(training):
        return True
    return training.model not in asked and len(asked) < KEPT_IN_THE_KERNEL


def _is_no_size(training: Training) -> bool:
    """Whether its model was left out as larger than it can be, with all that an optimiser keeps of each parameter."""
    found = _TOO_LARGE.search(training.save_error)
    most = training.parameters * PARAMETER_BYTES + SPARE_BYTES
    return found is not None and training.parameters > 0 and int(found[1]) << 20 > most


# --- what it reached -----------------------------------------------------------------------------------------------


def _too_good(ledger: Ledger, models: Sequence[MeasuredModel]) -> Message | None:
    """A validation accuracy far above what the same weights reach on public images, which are not held back."""
    known = {one.number: one for one in ledger.trainings}
    for model in models:
        training = None if model.training is None else known.get(model.training)
        claimed, measured = model.validation_accuracy, model.public_accuracy
        if training is None or claimed is None or measured is None or model.problem is not None:
            continue
        if claimed - measured > TOO_GOOD + 1.5 / math.sqrt(_validated(training)) and not _saw_its_own(training):
            return say(
                "The record of training {number:int} ends with {claimed:pct} on validation images; its model is "
                "measured to reach {measured:pct} on the public test set. What rests on these records is for a teacher "
                "to decide.",
                number=training.number,
                claimed=claimed,
                measured=measured,
            )
    return None


def _validated(training: Training) -> float:
    """On how many images: at least one, and where it is not known few enough to say little; a repeated one is one."""
    if training.validation_x is not None and training.validation_x.shape:
        return float(max(1, min(training.validation_x.shape[0], MOST_IMAGES)))
    share = training.arguments.get("validation_split")
    if not training.x.shape or not isinstance(share, float) or not 0 < share < 1:
        return 100.0
    rows = min(training.x.shape[0], MOST_IMAGES) / max(1, training.stride)
    return max(1.0, min(rows, training.x.distinct or rows) * share)


def _saw_its_own(training: Training) -> bool:
    """Validated on what it was trained on."""
    seen = training.validation_x
    return seen is not None and bool(seen.digest) and seen.digest == training.x.digest

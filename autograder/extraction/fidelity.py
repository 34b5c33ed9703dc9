"""Does our measurement reproduce what the notebook found itself, while it ran here?

The notebook's own figure for some weights on the whole public test set is looked for where it is surest: in an
``evaluate``, in a score that was computed from its predictions, in the validation of the epoch whose weights were kept,
and last in what the cell that used the model printed. A figure on other images is no claim about these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from autograder.extraction.choice import validation_accuracy
from autograder.extraction.matching import Artifacts, Candidate, Preparation, Sightings, differ, used
from autograder.notebook.accuracies import MAX_CHARACTERS, MIN_IMAGES, Stated, stated
from autograder.notebook.shown import lines
from autograder.records import (
    ArrayPrint,
    Cell,
    Evaluation,
    Evidence,
    Execution,
    Fidelity,
    Ledger,
    Output,
    Score,
    Training,
)

TOLERANCE = 0.002
"""Largest difference between our accuracy on the public test set and the notebook's own that counts as agreement."""
FOLLOWING = 3
"""Cells after the one that used the model in which its figure may be printed."""
FEW = 3
"""Figures of the test set in one cell that may be of one model."""
BARE = re.compile(r"(?:np\.float\d\d\()?(0\.\d+|1\.0+)\)?")
_OF_TENTHS = 0.05
_TENTHS = re.compile(
    r"\.1[fge%]|\bround\([^\n]*\b1\s*\)|\b(?:ndigits|decimals)\s*=\s*1\b|set_printoptions|set_option|float_format"
)
"""Code that writes fewer digits than there are; a heuristic, on the safe side."""
ACCURACY = re.compile(r"^\w*acc(?:uracy)?(?:_?\w*)?$|^\w*(?:exactitude|genauigkeit)\w*$|==.*mean\(|mean\(.*==")
"""The last line of a cell whose result is an accuracy: a name of one, or the mean of where two things are equal."""
SCORES = frozenset(
    "accuracy_score accuracy binary_accuracy categorical_accuracy sparse_categorical_accuracy multiclass_accuracy "
    "binary_accuracy score".split()
)
_RESTORING = ("EarlyStopping", "ModelCheckpoint", "SwapEMAWeights")
_DIGITS = 16
"""Of a digest, as the ledger abbreviates those of each epoch."""


@dataclass(frozen=True, slots=True)
class Claim:
    value: float
    source: str
    rounding: float = 0.0
    cell: int | None = None
    others: tuple[float, ...] = ()
    """Figures that are as likely to be meant: of other epochs, when it is not known which one's weights were kept."""
    doubtful: bool = False
    """Whether it may be of a part of the test set, of another classifier, or no accuracy, so that only agreement says
    something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one notebook tells of itself."""

    ledger: Ledger
    known: Sequence[Candidate]
    artifacts: Artifacts
    execution: Execution
    cells: Sequence[Cell]
    """With the outputs of our execution."""
    sightings: Sightings
    test_rows: int
    classes: Sequence[int] = ()
    """Those of the data set that the model is about, where these are not all."""

    def cell_of(self, count: int | None) -> int | None:
        runs = (run.index for run in self.execution.cells if count is not None and run.execution_count == count)
        return next(runs, None)


def fidelity(
    one: Candidate, preparation: Preparation | None, measured: float | None, images: int, account: Account
) -> Fidelity | None:
    """None where the notebook states nothing of these weights on the public test set, or where nothing was measured.

    ``images``: of the public test set, each once: on a small one a single image weighs more than ``TOLERANCE``.
    """
    if measured is None or preparation is None:
        return None
    claim = next(_claims(one, preparation, account), None)
    return None if claim is None else held(claim, measured, images)


def exaggerated(
    one: Candidate,
    preparation: Preparation | None,
    measured: float | None,
    images: int,
    account: Account,
    *,
    beside: Sequence[float] = (),
) -> Fidelity | None:
    """A figure of these weights on the public test set that is better than what we measure, whatever else is stated.

    A true figure does not take back a false one, whether it comes before or after it, in sight of a reader or not. Of
    what was merely printed only such figures that nothing on record gives, nor another model: ``beside``, accuracies
    that we measured of these.
    """
    if measured is None or preparation is None:
        return None
    uses = _uses(account)
    own = _own(one, preparation, uses, account)
    told = [*_every_evaluation(own, account), *_scored(one, own, uses, account)]
    told += [claim for whose, claim in beyond_record(account, beside) if whose is one]
    return next(filter(None, (too_good(claim, measured, images) for claim in told)), None)


def too_good(claim: Claim, measured: float, images: int) -> Fidelity | None:
    found = held(claim, measured, images)
    return None if found is None or found.agrees or found.claimed <= measured else found


def _every_evaluation(own: Sequence[Evaluation], account: Account) -> Iterator[Claim]:
    for use in own:
        figure = use.results.get("accuracy")
        if figure is not None and 0 <= figure <= 1:
            yield Claim(figure, "evaluate", cell=account.cell_of(use.execution_count))


def beyond_record(account: Account, beside: Sequence[float] = ()) -> Iterator[tuple[Candidate, Claim]]:
    """What cells print of the test set, one figure each, with the model that alone was at work last.

    Not what is on record, nor ``beside``. A mean over flipped images is no lie: where the model was used on many others
    than the test set, a figure may be of these; a use on a handful explains none. Nor is a figure of a paper, of two
    guesses, or of the images that a model is sure of: only lines in plain words count.
    """
    known = [*beside, *_on_record(account)]
    for run in account.execution.cells:
        figure = None if run.execution_count is None else _only(_figures(run.index, account, sure=True))
        if figure is None or figure.doubtful or not figure.plain or figure.images not in (0, account.test_rows):
            continue
        if any(abs(figure.value - other) <= figure.rounding + 1e-9 for other in known):
            continue
        whose = _last_at_work(run.execution_count or 0, account)
        if whose is not None:
            yield whose, _claim(figure, run.index)


def _last_at_work(count: int, account: Account) -> Candidate | None:
    """In its latest state by then; None for several models, or none of Keras'."""
    ledger = account.ledger
    work: list[tuple[int, str, ArrayPrint | None]] = [
        (use.execution_count or 0, use.model, use.x) for use in ledger.evaluations
    ]
    work += [(training.execution_count or 0, training.model, None) for training in ledger.trainings]
    work += [(estimator.execution_count or 0, "", None) for estimator in ledger.estimators]
    last = max((moment for moment, _, _ in work if moment <= count), default=0)
    models = {model for moment, model, _ in work if moment == last}
    seen = [shown for moment, _, shown in work if moment == last and shown is not None]
    if len(models) != 1 or any(_may_be_judged(shown, account) for shown in seen):
        return None
    states = [one for one in account.known if one.model in models and one.moment <= count]
    return max(states, key=lambda one: one.moment, default=None)


def _may_be_judged(shown: ArrayPrint, account: Account) -> bool:
    """Other images than the test set, and enough of them for an accuracy."""
    seen = account.sightings.of(shown)
    whole = seen is not None and seen.covers(account.classes)
    return not whole and (not shown.shape or shown.shape[0] >= MIN_IMAGES)


def _on_record(account: Account) -> Iterator[float]:
    """Every accuracy of the run that may be of what is called a test set, of whichever model.

    Images that were held back by the notebook are a test set to it. Those that a model learns from are none, nor, where
    the notebook knows the public test set, those that ``fit`` itself holds back.
    """
    ledger = account.ledger
    learnt = {training.x.digest for training in ledger.trainings} - {""}
    yield from (
        use.results["accuracy"]
        for use in ledger.evaluations
        if "accuracy" in use.results and (use.x.digest not in learnt or _is_public(use.x, account))
    )
    yield from (score.value for score in ledger.scores)
    tested = bool(_uses(account))
    for training in ledger.trainings:
        for name, figures in training.history.items():
            if name.endswith("accuracy") and not _is_of_training(name, training, account, tested=tested):
                yield from (figure for figure in figures if figure is not None)


def _is_of_training(name: str, training: Training, account: Account, *, tested: bool) -> bool:
    """Whether a figure of each epoch is of training images for sure; what a loop of one's own measures is not known."""
    if training.arguments.get("loop") or _is_public(training.x, account):
        return False
    if not name.startswith("val_"):
        return True
    return tested and training.validation_x is None and bool(training.arguments.get("validation_split"))


def _is_public(shown: ArrayPrint, account: Account) -> bool:
    seen = account.sightings.of(shown)
    return seen is not None and seen.public > 0


def held(claim: Claim, measured: float, images: int) -> Fidelity | None:
    """The claim beside the measurement; None for a doubtful one that does not agree."""
    nearest = min((claim.value, *claim.others), key=lambda figure: abs(figure - measured))
    found = Fidelity(
        claimed=nearest,
        source=claim.source,
        measured=measured,
        tolerance=max(TOLERANCE, 1.5 / images if images else 0.0) + claim.rounding,
        cell=claim.cell,
    )
    return None if claim.doubtful and not found.agrees else found


def tally(evidences: Sequence[Evidence]) -> tuple[int, int, int]:
    """Notebooks whose final model was reproduced, those that could be compared, and those that trained one."""
    trained = [one for one in evidences if one.models]
    known = [one.fidelity for one in trained if one.fidelity is not None]
    return sum(one.agrees for one in known), len(known), len(trained)


def in_short(tallied: tuple[int, int, int]) -> str:
    """What ``tally`` counted, as one line for a terminal; empty where nobody trained a model."""
    reproduced, known, trained = tallied
    others = ((known - reproduced, "not reproduced"), (trained - known, "not comparable"))
    rest = "".join(f", {count} {what}" for count, what in others if count)
    return f"{reproduced} of {trained} notebooks reproduced within 0.2 points{rest}" if trained else ""


def figures(count: int, account: Account) -> list[Claim]:
    """Accuracies on the public test set that a cell states, then those of the cells below it up to the next model.

    A classifier of scikit-learn's is one where it was given images; what it may be given else are answers of models.
    """
    ledger = account.ledger
    later = [use.execution_count or 0 for use in ledger.evaluations]
    later += [training.execution_count or 0 for training in ledger.trainings]
    later += [one.execution_count or 0 for one in ledger.estimators if account.sightings.of(one.x) is not None]
    end = min([number for number in later if number > count] + [count + FOLLOWING + 1])
    return [claim for number in range(count, end) for claim in _told(number, account)]


def _told(count: int, account: Account) -> list[Claim]:
    """Scores that were computed, and what was printed beyond them."""
    index = account.cell_of(count)
    scored = [Claim(score.value, "score", cell=index) for score in _scores(account.ledger.scores, count, account)]
    printed = [_claim(figure, index) for figure in _figures(index, account)]
    return scored + [
        one for one in printed if all(abs(one.value - score.value) > one.rounding + 1e-9 for score in scored)
    ]


_Use: TypeAlias = tuple[Evaluation, Candidate | None]


# --- claims, surest first ------------------------------------------------------------------------------------------


def _claims(one: Candidate, preparation: Preparation, account: Account) -> Iterator[Claim]:
    uses = _uses(account)
    own = _own(one, preparation, uses, account)
    yield from _evaluated(own, preparation, account)
    yield from _scored(one, own, uses, account)
    yield from _validated(one, account)
    yield from _printed(one, own, uses, account)


def _uses(account: Account) -> list[_Use]:
    """Of the whole public test set, each with the weights that it used."""
    return [
        (use, used(use, account.known, account.artifacts))
        for use in account.ledger.evaluations
        if (seen := account.sightings.of(use.x)) is not None and seen.covers(account.classes)
    ]


def _own(one: Candidate, preparation: Preparation, uses: Sequence[_Use], account: Account) -> list[Evaluation]:
    return [use for use, whose in uses if whose is one and _as_measured(use, preparation, account)]


def _as_measured(use: Evaluation, preparation: Preparation, account: Account) -> bool:
    """Whether the images were prepared as they are for our measurement."""
    seen = account.sightings.of(use.x)
    return seen is not None and not differ(preparation.recipe.steps, seen.recipe.steps, account.sightings)


def _evaluated(own: Sequence[Evaluation], preparation: Preparation, account: Account) -> Iterator[Claim]:
    if preparation.accuracy is not None:
        told = [use for use in own if use.results.get("accuracy") == preparation.accuracy]
        cell = account.cell_of(told[-1].execution_count) if told else None
        yield Claim(preparation.accuracy, "evaluate", cell=cell)


def _scored(one: Candidate, own: Sequence[Evaluation], uses: Sequence[_Use], account: Account) -> Iterator[Claim]:
    """A score belongs to the model that was used last before it; of several in one cell, in their order."""
    for use in reversed(own):
        count = use.execution_count
        scores, beside = _scores(account.ledger.scores, count, account), _in_order(uses, count)
        others: tuple[float, ...] = ()
        answers = _answers(use, account)
        if len(scores) == len(beside) and one in beside:
            score = scores[beside.index(one)]
        elif use in answers and len(scores) == len(answers) and beside == [one]:
            score = scores[answers.index(use)]
        elif scores and beside == [one]:
            score, others = scores[-1], tuple(other.value for other in scores[:-1])
        else:
            later = _scores_after(count, uses, account) if beside == [one] else []
            if not later:
                continue
            score = later[0]
        cell, doubtful = account.cell_of(score.execution_count), _has_classical(score.execution_count, account)
        yield Claim(score.value, "score", cell=cell, others=others, doubtful=doubtful)


def _classical(account: Account) -> list[int]:
    """When classifiers of scikit-learn's were trained: from then on a figure may be of one, whose uses nobody sees."""
    return [one.execution_count or 0 for one in account.ledger.estimators if one.rows >= MIN_IMAGES]


def _has_classical(count: int | None, account: Account) -> bool:
    return any(moment <= (count or 0) for moment in _classical(account))


def _answers(use: Evaluation, account: Account) -> list[Evaluation]:
    """All predictions of that model for as many images in that cell: for the test set, and for altered ones."""
    return [
        other
        for other in account.ledger.evaluations
        if (other.execution_count, other.model) == (use.execution_count, use.model)
        and other.x.shape[:1] == use.x.shape[:1]
        and not other.results
    ]


def _scores(scores: Sequence[Score], count: int | None, account: Account) -> list[Score]:
    return [
        score
        for score in scores
        if score.execution_count == count and score.rows == account.test_rows and score.kind.lower() in SCORES
    ]


def _scores_after(count: int | None, uses: Sequence[_Use], account: Account) -> list[Score]:
    """In the cells that follow, until another use or training, of a classifier of scikit-learn's as well."""
    end = _next_event(count, uses, account)
    return [
        score
        for score in account.ledger.scores
        if (count or 0) < (score.execution_count or 0) < end
        and score.rows == account.test_rows
        and score.kind.lower() in SCORES
    ]


def _in_order(uses: Sequence[_Use], count: int | None) -> list[Candidate]:
    """The models that were used in a cell, each once."""
    found = {whose.id: whose for use, whose in uses if whose is not None and use.execution_count == count}
    return list(found.values())


def _next_event(count: int | None, uses: Sequence[_Use], account: Account) -> int:
    """Execution count of the next cell that uses or trains a model."""
    counts = [use.execution_count for use, _ in uses] + [one.execution_count for one in account.ledger.trainings]
    counts += _classical(account)
    later = [number for number in counts if number is not None and number > (count or 0)]
    return min(later, default=1 << 31)


def _validated(one: Candidate, account: Account) -> Iterator[Claim]:
    """``val_accuracy`` of the epoch whose weights were kept, where the whole public test set was validated on."""
    training = one.training
    if training is None or (seen := account.sightings.of(training.validation_x)) is None:
        return
    if not seen.covers(account.classes):
        return
    figures = training.history.get("val_accuracy", ())
    known = [figure for figure in figures if figure is not None]
    if not known or known[-1] != figures[-1]:
        return
    cell, doubtful = account.cell_of(training.execution_count), training.share < 1
    kept = _kept_epoch(training)
    if kept is not None and kept < len(figures):
        figure = figures[kept]
        if figure is not None:
            yield Claim(figure, "validation", cell=cell, doubtful=doubtful)
    elif any(name in _RESTORING for name in training.arguments.get("callbacks") or ()):
        best = validation_accuracy(training)
        others = (figures[-1] or 0.0, max(known))
        yield Claim(known[-1] if best is None else best, "validation", cell=cell, others=others, doubtful=doubtful)
    else:
        yield Claim(known[-1], "validation", cell=cell, doubtful=doubtful)


def _kept_epoch(training: Training) -> int | None:
    """The last epoch after which the weights were those that were left."""
    digests = training.epoch_weights
    places = [place for place, digest in enumerate(digests) if training.weights[:_DIGITS] == digest and digest]
    return places[-1] if places else None


# --- what was printed ----------------------------------------------------------------------------------------------


def _printed(one: Candidate, own: Sequence[Evaluation], uses: Sequence[_Use], account: Account) -> Iterator[Claim]:
    for count in dict.fromkeys(use.execution_count for use in reversed(own)):
        index = account.cell_of(count)
        beside = _in_order(uses, count)
        trained = any(training.execution_count == count for training in account.ledger.trainings)
        figures = _figures(index, account, sure=trained)
        if len(beside) > 1:
            if len(figures) == len(beside):
                yield _own_claim(figures[beside.index(one)], index, account)
            continue
        if (figure := _only(figures)) is not None:
            yield _own_claim(figure, index, account)
        elif few := _several(figures, index):
            yield few
        yield from _below(count, uses, account)


def _below(count: int | None, uses: Sequence[_Use], account: Account) -> Iterator[Claim]:
    """In the next cells, where predictions are compared with labels."""
    end = min(_next_event(count, uses, account), (count or 0) + FOLLOWING + 1)
    for later in range((count or 0) + 1, end):
        index = account.cell_of(later)
        if (figure := _only(_figures(index, account))) is not None:
            yield _own_claim(figure, index, account)


def _several(figures: Sequence[Stated], cell: int | None) -> Claim | None:
    """A few different figures of the test set for one model, as with and without an average over flipped images."""
    named = [figure for figure in figures if figure.of == "test"]
    if not 2 <= len(named) <= FEW:
        return None
    rounding = max(figure.rounding for figure in named)
    values = [figure.value for figure in named]
    return Claim(values[0], "printed", rounding=rounding, cell=cell, others=tuple(values[1:]), doubtful=True)


def _own_claim(figure: Stated, cell: int | None, account: Account) -> Claim:
    """Of a model of the notebook's: doubtful where other words stand beside it, or another classifier may be meant."""
    run = next((run for run in account.execution.cells if run.index == cell), None)
    other = not figure.plain or _has_classical(run.execution_count if run else None, account)
    claim = _claim(figure, cell)
    return replace(claim, doubtful=claim.doubtful or other)


def _claim(figure: Stated, cell: int | None) -> Claim:
    return Claim(figure.value, "printed", rounding=figure.rounding, cell=cell, doubtful=figure.doubtful)


def _figures(index: int | None, account: Account, *, sure: bool = False) -> list[Stated]:
    """Accuracies in a cell's output that may be of the test set; ``sure``: only those that say so."""
    cell = next((cell for cell in account.cells if cell.index == index), None) if index is not None else None
    outputs = () if cell is None else cell.outputs
    texts = [output.text for output in outputs if output.kind in ("result", "display") or output.stream == "stdout"]
    texts += ["\n".join(lines(output.html[:MAX_CHARACTERS])) for output in outputs if _is_page(output)]
    texts += [_named(cell.source, output.text) for output in outputs if cell and output.kind == "result"]
    told = [_in_full(figure, account.cells) for text in texts for figure in stated(text)]
    found = [figure for figure in told if not figure.doubtful] or told
    named = [figure for figure in found if figure.of == "test" or figure.images == account.test_rows]
    if named or sure:
        return named
    return [figure for figure in found if not figure.of and figure.images in (0, account.test_rows)]


def _in_full(figure: Stated, cells: Sequence[Cell]) -> Stated:
    """A bare ``1.0`` is what Python writes of a figure that is all of it, unless code rounds to tenths."""
    if figure.value != 1 or figure.rounding != _OF_TENTHS or any(_TENTHS.search(cell.source) for cell in cells):
        return figure
    return replace(figure, rounding=0.0)


def _is_page(output: Output) -> bool:
    """Shown as HTML that says more than the text beside it, which is not shown then."""
    return bool(output.html) and not stated(output.text)


def _named(source: str, text: str) -> str:
    """A bare number as the result of a cell, with the name that its last line gives it; empty for anything else."""
    number = BARE.fullmatch(text.strip())
    last = (source.strip().splitlines() or [""])[-1].strip()
    if number is None or "train" in last or not ACCURACY.search(last):
        return ""
    return f"accuracy: {number[1]}"


def _only(figures: Sequence[Stated]) -> Stated | None:
    """The most precise of figures that agree; None when there are none, or several."""
    if not figures:
        return None
    best = min(figures, key=lambda figure: figure.rounding)
    same = all(abs(figure.value - best.value) <= figure.rounding + 1e-9 for figure in figures)
    return best if same else None

"""Which of a notebook's models is its final one."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from autograder.extraction.matching import EPOCH_DIGITS, Artifacts, Candidate, Sightings, used
from autograder.notebook.headings import headings as written
from autograder.notebook.headings import kinds
from autograder.records import ArrayPrint, Cell, CellKind, Evaluation, Execution, Ledger, Message, Training, say

BEST = re.compile(
    r"(^|_)(best|meilleure?|final|finale|chosen|choisie?|selected|retenue?|gagnante?|winner|winning|champion(ne)?|proposee?"
    r"|proposed|optimale?|elu|ultime)(_|$)"
)
"""Words of a variable that say "this is the one"; a heuristic, in English and French."""
_MODEL = r"(?:modele|model|reseau|network|cnn|version)"
_ADJECTIVE = r"(?:final|meilleur|best|retenu|choisi|propose|gagnant|optimal|selected|chosen)e?"
HEADED = re.compile(rf"\b(?:{_MODEL} {_ADJECTIVE}|{_ADJECTIVE} {_MODEL})\b(?!s)")
"""A heading that announces one final model, folded; "Comparaison finale des modèles" does not."""
TEACHER = re.compile(
    r"(^|_)(teacher|professeur|enseignant|maitre|lehrer|profesor|professor|maestro|insegnante|docente|ogretmen|nauczyciel"
    r"|leraar|ucitel|uchitel)(_|$)"
)
LEARNER = re.compile(
    r"(^|_)(student|etudiant|eleve|schuler|schueler|estudiante|alumno|estudante|aluno|studente|allievo|ogrenci|uczen"
    r"|leerling|zak|uchenik)(_|$)|distil|(^|_)kd(_|$)"
)
"""Words of two variables for a small model that learnt from a large one: the small one is what the work is about."""
UNTAUGHT = re.compile(
    r"(^|_)(scratch|alone|seule?|sans|base|baseline|plain|vanilla|ohne|allein|sin|sem|senza|solo|direct|sifirdan|zera|ref)(_|$)"
)
"""Of a variable for the same small model without its teacher, for comparison."""
ANALYSIS = re.compile(
    r"robust|erreur|error|confusion|misclass|mal_?\s?class|bruit|nois|rotat|perturb|corrupt|alter|degrad|generalis"
    r"|fehler|verwechsl|rausch|ruido|erros\b|rumore|rotac|rotaz"
)
"""Words of a function or a heading for what is done with the final model only; a heuristic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    candidate: Candidate
    because: Message
    by: str = "accuracy"
    """``name``, ``list`` (one of several that have the name together), ``study`` (of errors or robustness),
    ``heading``, ``test``, ``accuracy``, or ``order`` where no figure is known."""
    among: tuple[str, ...] = ()
    """Ids of those that the order alone decided between."""


def choose(
    ledger: Ledger,
    known: Sequence[Candidate],
    artifacts: Artifacts,
    cells: Sequence[Cell],
    execution: Execution,
    image: Sequence[int] = (),
    sightings: Sightings | None = None,
) -> Choice | None:
    """By name, else by what errors and robustness are studied on, else by validation accuracy; None without models.

    ``image`` is the shape of the served images: a model of other things, such as texts or another data set, is chosen
    only if there is none of these images.
    """
    known = [one for one in known if _takes_images(one, image)] or known
    if sightings is not None:
        known = [one for one in known if not sightings.foreign(_images_of(one))] or known
    if not known:
        return None
    above = headings(cells, execution)
    return (
        _named(ledger, known, artifacts)
        or _taught(ledger, known, artifacts)
        or _analysed(ledger, known, artifacts, above)
        or _headed(ledger, known, artifacts, above)
        or _tried(ledger, known, artifacts, sightings)
        or _most_accurate(ledger, known, artifacts)
    )


def _takes_images(one: Candidate, image: Sequence[int]) -> bool:
    """By the shape of what it was given: whole images, or rows of as many numbers as there are pixels."""
    source = one.training or one.use
    row = source.x.shape[1:] if source else ()
    return len(row) != 1 or not image or row[0] % math.prod(image[:2]) == 0


def _images_of(one: Candidate) -> ArrayPrint | None:
    source = one.training or one.use
    return source.x if source else None


# --- 1. by name ----------------------------------------------------------------------------------------------------


def _named(ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts) -> Choice | None:
    found: list[tuple[int, Candidate, str]] = []
    for variable, model in ledger.bindings.items():
        if BEST.search(words(variable)):
            one = _latest_use(model, ledger, known, artifacts)
            if one is not None:
                found.append((_last_seen(model, ledger), one, variable))
    if not found:
        return None
    _, one, variable = max(found, key=lambda entry: entry[0])
    return Choice(
        candidate=one,
        because=say("The notebook calls it {variable}.", variable=variable[:80]),
        by="list" if BEST.search(words(variable.partition("[")[0])) and "[" in variable else "name",
    )


def passed_over(choice: Choice, ledger: Ledger, parts: Collection[str]) -> Message | None:
    """Where the notebook has a name for its final model and another one was taken for it, since that one takes no
    images or nothing of it could be measured; ``parts``: the models of the one that was taken."""
    if choice.by in ("name", "list"):
        return None
    at_work = {one.model for one in ledger.trainings} | {use.model for use in ledger.evaluations}
    at_work -= set(parts)
    named = [name for name, model in ledger.bindings.items() if model in at_work and BEST.search(words(name))]
    if not named:
        return None
    return say(
        "The notebook has a model that it calls {variable}; it could not be measured as one of these images, and "
        "another one was taken for the final model.",
        variable=named[-1][:80],
    )


def _taught(ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts) -> Choice | None:
    """Of a teacher and its student the student, where it gives scores of its own."""
    teachers = {model for variable, model in ledger.bindings.items() if TEACHER.search(words(variable))}
    taught = {
        model: variable
        for variable, model in ledger.bindings.items()
        if LEARNER.search(words(variable)) and not UNTAUGHT.search(words(variable))
    }
    found = [
        (_last_seen(model, ledger), one, variable)
        for model, variable in taught.items()
        if teachers - {model} and (one := _latest_use(model, ledger, known, artifacts)) is not None
    ]
    if not found and taught and teachers:
        # What trains a student is often a model of its own around it.
        apart = teachers | {model for variable, model in ledger.bindings.items() if UNTAUGHT.search(words(variable))}
        last = next((one for one in reversed(known) if one.training is not None and one.model not in apart), None)
        found = [] if last is None else [(0, last, next(iter(taught.values())))]
    if not found:
        return None
    _, one, variable = max(found, key=lambda entry: entry[0])
    because = say("It learnt from another model of the notebook: {variable}.", variable=variable[:80])
    return Choice(candidate=one, because=because, by="name")


def _latest_use(model: str, ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts) -> Candidate | None:
    """The weights with which this model was last used, else those of its last training."""
    for use in reversed(ledger.evaluations):
        if use.model == model and (one := used(use, known, artifacts)) is not None:
            return one
    return next((one for one in reversed(known) if one.model == model), None)


def _last_seen(model: str, ledger: Ledger) -> int:
    counts = [use.execution_count or 0 for use in ledger.evaluations if use.model == model]
    return max(counts + [one.execution_count or 0 for one in ledger.trainings if one.model == model], default=0)


# --- 2. by what was studied ----------------------------------------------------------------------------------------


def _analysed(
    ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts, above: Mapping[int, str]
) -> Choice | None:
    last = max((training.execution_count or 0 for training in ledger.trainings), default=0)
    counts: Counter[str] = Counter()
    for use in ledger.evaluations:
        moment, one = use.execution_count or 0, used(use, known, artifacts)
        # A heading counts only after the last training: "Augmentation: rotations" may stand above the training itself.
        headed = moment > last and ANALYSIS.search(above.get(moment, "")) is not None
        if one is not None and (headed or (moment >= last and _in_analysis(use))):
            counts[one.id] += 1
    if not counts:
        return None
    most = max(counts.values())
    tied = [one for one in known if counts[one.id] == most]
    because = say("Its errors or its robustness are what the notebook studies.")
    if len(tied) == 1:
        return Choice(candidate=tied[0], because=because, by="study")
    # Every model was studied alike, as in a loop over all of them: that chooses none.
    best = _most_accurate(ledger, tied, artifacts)
    return best if len(tied) == len(known) else Choice(candidate=best.candidate, because=because)


def _in_analysis(use: Evaluation) -> bool:
    return any(ANALYSIS.search(words(name)) for name in use.functions)


def _headed(
    ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts, above: Mapping[int, str]
) -> Choice | None:
    """What a heading calls the final model: the weights last used under it, as after ``load_model``."""
    for use in reversed(ledger.evaluations):
        headed = HEADED.search(above.get(use.execution_count or 0, ""))
        one = used(use, known, artifacts) if headed else None
        if one is not None:
            return Choice(candidate=one, because=say("A heading announces it as the final model."), by="heading")
    return None


def _tried(
    ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts, sightings: Sightings | None
) -> Choice | None:
    """The only one that is tried on the public test set, once all are trained: what had been chosen is tested then."""
    if sightings is None or len(known) == 1 or any(_is_test(one.validation_x, sightings) for one in ledger.trainings):
        return None
    tries = [
        (use, one)
        for use in ledger.evaluations
        if _is_test(use.x, sightings) and (one := used(use, known, artifacts)) is not None
    ]
    models = {(one.use and one.use.same_as) or one.model for _, one in tries}
    last = max((one.number for one in ledger.trainings), default=0)
    if len(models) != 1 or not last or any(use.after < last for use, _ in tries):
        return None
    bare = [one for _, one in tries if not (one.use and one.use.same_as)] or [one for _, one in tries]
    return Choice(
        candidate=bare[-1], because=say("It is the only one that the notebook tries on the test set."), by="test"
    )


def _is_test(shown: ArrayPrint | None, sightings: Sightings) -> bool:
    seen = sightings.of(shown)
    return seen is not None and (seen.whole or bool(seen.part))


def headings(cells: Sequence[Cell], execution: Execution) -> Mapping[int, str]:
    """Execution count -> the headings under which that cell stands in its own section, folded to plain letters."""
    counts = {run.index: run.execution_count for run in execution.cells if run.execution_count is not None}
    above: dict[int, str] = {}
    current = ""
    for cell in cells:
        if cell.kind is CellKind.MARKDOWN:
            titles = [heading.title for heading in written([cell])]
            known = {kind for title in titles for kind in kinds(title, sure=True)}
            current = folded(" ".join([*titles, *sorted(known & {"errors", "robustness"})])) if titles else current
        elif cell.index in counts:
            above[counts[cell.index]] = current
    return above


# --- 3. by accuracy ------------------------------------------------------------------------------------------------


def _most_accurate(ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts) -> Choice:
    """Ties go to the later one; weights without any figure come last; a wrapping stands behind what it wraps."""
    bare = [one for one in known if not (one.use and one.use.same_as)]
    known = bare or known
    known = [one for one in known if _width(one) > 2] or known
    parts = {part for one in known for part in _surpassed(one, ledger, known, artifacts)}
    known = [one for one in known if one.id not in parts] or known
    known = [one for one in known if not _is_passed(one, ledger, known, artifacts)] or known
    figures = [_figure(one, ledger, known, artifacts) for one in known]
    place = max(range(len(known)), key=lambda place: (figures[place] is not None, figures[place] or 0.0, place))
    figure = figures[place]
    if figure is None:
        because = say("It is the last model that was trained.")
        return Choice(candidate=known[place], because=because, by="order", among=tuple(one.id for one in known))
    because = (
        say("It is the only model.")
        if len(known) == 1
        else say("It has the best validation accuracy: {accuracy:pct2}.", accuracy=figure)
    )
    return Choice(candidate=known[place], because=because)


def _width(one: Candidate) -> int:
    """Of its outputs; 3 where that is not known."""
    source = one.training or one.use
    shape = source.outputs[0] if source and source.outputs else (None, None)
    return shape[-1] or 3 if shape else 3


def _surpassed(one: Candidate, ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts) -> frozenset[str]:
    """Models that this one is made of, two or more: it stands for them, unless one of them does better on its images.

    Accuracies of different images say nothing here: what was validated on is often easier than what is tested on.
    """
    if one.use is None or len(one.use.made_of) < 2:
        return frozenset()
    parts = [other for other in known if other.model in one.use.made_of]
    own = one.use.results.get("accuracy")
    for use in ledger.evaluations:
        figure = use.results.get("accuracy")
        alike = bool(use.x.digest) and use.x.digest == one.use.x.digest
        if alike and figure is not None and own is not None and figure > own and used(use, parts, artifacts):
            return frozenset()
    return frozenset(part.id for part in parts)


def _is_passed(one: Candidate, ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts) -> bool:
    """Whether the same model was trained further, and these weights were not used again: they are a step on the way."""
    source = one.use.after if one.use is not None else one.training.number if one.training is not None else 0
    further = [
        later
        for later in ledger.trainings
        if source and later.model == one.model and later.number > source and later.epochs_run > 0
    ]
    again = [use for use in ledger.evaluations if used(use, known, artifacts) is one]
    return bool(further) and all(_is_before(use, further[0]) for use in again)


def _is_before(use: Evaluation, training: Training) -> bool:
    if use.after:
        return use.after < training.number
    return (use.execution_count or 0) <= (training.execution_count or 0)


def _figure(one: Candidate, ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts) -> float | None:
    """Validation accuracy of the weights, else what an ``evaluate`` said, else what the notebook computed itself."""
    if one.training is not None and (figure := validation_accuracy(one.training, one.epoch)) is not None:
        return figure
    own = [use for use in ledger.evaluations if used(use, known, artifacts) is one]
    said = [figure for use in own if (figure := use.results.get("accuracy")) is not None]
    return said[-1] if said else _computed(one, own, ledger)


def _computed(one: Candidate, own: Sequence[Evaluation], ledger: Ledger) -> float | None:
    """The last accuracy from most labels, in cells that use or train this model and no other."""
    cells = {use.execution_count for use in own} | {one.moment}
    others = {use.execution_count for use in ledger.evaluations if use.model != one.model}
    others |= {training.execution_count for training in ledger.trainings if training.model != one.model}
    found = [score for score in ledger.scores if score.execution_count in cells - others and 0 <= score.value <= 1]
    most = max((score.rows for score in found), default=0)
    return next((score.value for score in reversed(found) if score.rows == most), None)


def validation_accuracy(training: Training, epoch: int | None = None) -> float | None:
    """Of the weights that were left, or those of an epoch: of the last one, where nothing else is known.

    What ``EarlyStopping`` restored is known by its weights, else taken to be those of the lowest validation loss.
    """
    accuracies = training.history.get("val_accuracy", ())
    if not accuracies:
        return None
    if epoch is None:
        epoch = _epoch_left(training, len(accuracies))
    return accuracies[epoch] if epoch < len(accuracies) else None


def _epoch_left(training: Training, epochs: int) -> int:
    left = training.weights[:EPOCH_DIGITS]
    if left and left in training.epoch_weights:
        return training.epoch_weights.index(left)
    losses = training.history.get("val_loss", ())
    if "EarlyStopping" in (training.arguments.get("callbacks") or ()) and len(losses) == epochs:
        known = [float("inf") if loss is None else loss for loss in losses]
        return known.index(min(known))
    return epochs - 1


# --- words ---------------------------------------------------------------------------------------------------------


def folded(text: str) -> str:
    """Lower case, without accents."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()


def words(name: str) -> str:
    """A Python name as folded words: ``bestModel2`` and ``results['best']`` become ``best_model_2`` and so on."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", folded(parted)).strip("_")

"""Which trainings of a notebook are modifications of the baseline, and which of them are the same one again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autograder.checks.differences import STARTING_WEIGHTS, Change, Family, differences
from autograder.checks.idle import same_course
from autograder.checks.slight import Slight, slight
from autograder.notebook.text import fold
from autograder.records import Evidence, Training

_PROTOCOL = frozenset({"epochs", "batch_size"})
_FINAL = _PROTOCOL | {"rows"}
"""What may differ where a model is trained for the last time, on all images."""
_MORE_IMAGES = 1.02
_BASELINE = re.compile(
    r"\b(?:baseline|base|reference|ref|initial|depart|temoin|vanilla|original|fourni|livre|given|provided)\b"
)
_MORE = re.compile(r"[+&]|\b(?:avec|with|et|and|plus|sans|without)\b|amelior|improv|modif")


@dataclass(frozen=True, slots=True)
class Trial:
    """One distinct modification that was trained."""

    training: Training
    changes: tuple[Change, ...]
    """Against the baseline."""
    again: tuple[Training, ...] = ()
    """Further trainings of the same modification: identical, or other values of the same setting."""

    @property
    def families(self) -> tuple[Family, ...]:
        return tuple(dict.fromkeys(change.family for change in self.changes))


@dataclass(frozen=True, slots=True)
class Retrained:
    training: Training
    of: Training
    """The earlier one of which it is the last."""


@dataclass(frozen=True, slots=True)
class Twin:
    training: Training
    of: Training
    """An earlier one of the same layers, settings and data."""


@dataclass(frozen=True, slots=True)
class Trials:
    base: Training | None
    """What the modifications are held against; None when nothing was trained."""
    remeasured: bool
    """The notebook trained the baseline itself."""
    distinct: tuple[Trial, ...]
    unfinished: tuple[Training, ...]
    slight: tuple[Slight, ...] = ()
    """Trainings that could not have taught anything, and do not count."""
    doubtful: tuple[Slight, ...] = ()
    """Those of which a person may think so; they count."""
    alike: tuple[Training, ...] = ()
    """Others that differ from the baseline in nothing that has an effect."""
    preparing: tuple[Training, ...] = ()
    """Trainings without labels, whose weights a later one begins with: they belong to that one."""
    retrained: tuple[Retrained, ...] = ()
    """Modifications that were trained again at last, on more of the images: no others."""
    unread: tuple[Twin, ...] = ()
    """Trainings in which nothing but the code of their steps differs: what that changes is not known."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """One training, be it several calls of ``fit``."""

    whole: Training
    parts: tuple[Training, ...]


IMAGES_PER_CLASS = 10


def trials(
    evidence: Evidence,
    *,
    sweeps_count_once: bool = True,
    own_baseline: bool = False,
    images_per_class: int = IMAGES_PER_CLASS,
) -> Trials:
    """Distinct modifications in the order of their training, against the notebook's own baseline where it has one.

    With ``own_baseline`` there is no given model to set out from: the baseline is the training that the author calls
    so, else the first.
    """
    finished = [training for training in evidence.ledger.trainings if training.finished and training.epochs_run >= 1]
    unfinished = tuple(training for training in evidence.ledger.trainings if training not in finished)
    preparing = tuple(preparations(finished))
    taught = [training for training in finished if training not in preparing]
    kept, slights, doubtful = _sifted(_stages(taught), evidence, images_per_class)
    if not kept:
        return Trials(None, False, (), unfinished, slights, preparing=preparing)
    stages, trained = [stage.whole for stage in kept], [part for stage in kept for part in stage.parts]
    reference = None if own_baseline else reference_training(evidence, like=stages[0])
    own = _own_baseline(reference, [*trained, *stages]) if reference else _first(stages, evidence, own_baseline)
    alone = len(stages) == 1 and reference is not None
    named = _named_baseline(stages, evidence) if own is None and not alone else None
    base = reference if alone else own or named or reference
    found: list[Trial] = []
    alike: list[Training] = []
    retrained: list[Retrained] = []
    finals = _finals(stages, base)
    for training in stages:
        changes = differences(base, training) if base is not None else ()
        of = finals.get(training.number)
        if of is not None:
            retrained.append(Retrained(training, of))
        elif changes:
            _add(found, Trial(training, changes), sweeps_count_once)
        else:
            alike.append(training)
    remeasured = own is not None or (named is not None and reference is not None and _is_rewritten(named, reference))
    return Trials(
        base=base,
        remeasured=remeasured,
        distinct=tuple(found),
        unfinished=unfinished,
        slight=slights,
        doubtful=doubtful,
        alike=tuple(alike[1:]),
        preparing=preparing,
        retrained=tuple(retrained),
        unread=tuple(_unread(stages, base, finals)),
    )


def _unread(stages: Sequence[Training], base: Training | None, finals: Mapping[int, Training]) -> Iterator[Twin]:
    """Those whose steps are taken by other code, or whose images are altered by other code, than all that are else the
    same."""
    earlier = [base] if base is not None and not base.number else []
    for training in stages:
        twins = [one for one in earlier if not differences(one, training)]
        steps = {step_of(one) for one in twins}
        same = any(same_course(one, training) for one in twins)
        if twins and step_of(training) not in steps and not same and training.number not in finals:
            yield Twin(training, twins[0])
        earlier.append(training)


def step_of(training: Training) -> tuple[str, str]:
    """Which code of the notebook's own takes its steps, and by what names its images are altered at random: of what a
    function does to some batches, the first need not show anything."""
    step, altered = (training.arguments.get(name) or "" for name in ("step", "augmentations"))
    return str(step), str(altered)


def asked(training: Training, evidence: Evidence) -> bool:
    """Whether anything was asked of its model, while it was trained or later: to find a learning rate, nothing is."""
    tested = training.arguments.get("validation_split") or training.arguments.get("validation")
    return (
        bool(tested)
        or training.validation_x is not None
        or any(use.model == training.model for use in evidence.ledger.evaluations)
    )


def preparations(trained: Sequence[Training]) -> Iterator[Training]:
    """Those that give back what they are given, as autoencoders do, where a later one begins with their weights."""
    sources = {number for training in trained for number in training.learnt_from}
    models = {training.model for training in trained if training.number in sources}
    return (training for training in trained if training.model in models and _gives_back(training))


def _gives_back(training: Training) -> bool:
    """No labels are known, and what comes out is as large as an image."""
    if training.y_sample or training.y_classes or not training.outputs or len(training.x.shape) < 2:
        return False
    made, given = ([size or 0 for size in shape[1:]] for shape in (training.outputs[0], training.x.shape))
    return math.prod(made) == math.prod(given) > 1


def _finals(stages: Sequence[Training], base: Training | None) -> dict[int, Training]:
    """Of the trainings at the end, those that are earlier ones on more images: one, or one for each model after folds.

    The baseline's is one only beside another: alone it shows what more images do.
    """
    found: dict[int, Training] = {}
    for place in range(len(stages) - 1, 0, -1):
        of = _of_more_images(stages[place], stages[:place])
        # Folds may differ by an image or two.
        if of is None or (found and _rows(stages[place]) < _MORE_IMAGES * _rows(of)):
            break
        found[stages[place].number] = of
    others = [of for of in found.values() if base is None or differences(base, of)]
    return found if others else {}


def _of_more_images(training: Training, earlier: Sequence[Training]) -> Training | None:
    """The last of these that it is, trained on what was held back from it as well: nothing else was changed."""
    return next((one for one in reversed(earlier) if _is_final(one, training, earlier)), None)


def _is_final(one: Training, training: Training, earlier: Sequence[Training]) -> bool:
    """More images, at most those of its training and validation together, or of all folds that it was trained on;
    without validation, nothing can stop early."""
    used, known = _rows(one), _rows(training)
    held = one.validation_x.shape[0] if one.validation_x is not None and one.validation_x.shape else 0
    if not 0 < used < known <= max(one.x.shape[0], used + held, _of_all_folds(one, earlier)):
        return False
    changes = differences(one, training)
    return all(
        change.name in _FINAL or (change.family is Family.STRATEGY and change.text[0] == "−") for change in changes
    )


def _of_all_folds(one: Training, trained: Sequence[Training]) -> int:
    """Images of which each was left out once by trainings of the same settings; 0 where there was but one of these."""
    folds = {
        other.x.digest: _rows(other)
        for other in trained
        if other.x.digest and all(change.name == "rows" for change in differences(one, other))
    }
    return sum(folds.values()) // (len(folds) - 1) if len(folds) > 1 else 0


def apart(trained: Iterable[Training], *, seeds: bool = False) -> set[str]:
    """Models, of which those that the same settings left on other images, as of folds, are one; with ``seeds`` on the
    same images as well, where layers are known."""
    first: dict[str, Training] = {}
    for training in trained:
        alike = (
            one
            for one in first.values()
            if one.parameters == training.parameters
            and "" not in (one.x.digest, training.x.digest)
            and (one.x.digest != training.x.digest or (seeds and bool(training.layers)))
        )
        if not any(all(change.name == "rows" for change in differences(one, training)) for one in alike):
            first.setdefault(training.model, training)
    return set(first)


def _rows(training: Training) -> int:
    """Images that it learns from; 0 where that is not known."""
    if training.x.kind != "array" or not training.x.shape:
        return 0
    split = training.arguments.get("validation_split")
    share = 1 - split if isinstance(split, int | float) and 0 < split < 1 else 1.0
    return math.floor(training.x.shape[0] * share)


def _sifted(
    stages: Sequence[_Stage], evidence: Evidence, images_per_class: int
) -> tuple[list[_Stage], tuple[Slight, ...], tuple[Slight, ...]]:
    """Those that count, what speaks against the others, and what may speak against some that count."""
    judged = [(stage, slight(stage.parts, evidence, images_per_class)) for stage in stages]
    kept = [stage for stage, found in judged if found is None or not found.sure]
    known = [found for _, found in judged if found is not None]
    return kept, tuple(one for one in known if one.sure), tuple(one for one in known if not one.sure)


def _first(stages: Sequence[Training], evidence: Evidence, own_baseline: bool) -> Training:
    return (_named_baseline(stages, evidence) if own_baseline else None) or stages[0]


def reference_training(evidence: Evidence, *, like: Training) -> Training | None:
    """The reference baseline's training; data are taken to be those of ``like``, unaltered: only the notebook knows."""
    baseline = evidence.baseline
    if baseline is None:
        return None
    x = replace(like.x, altered=None if like.x.altered is None else False)
    if baseline.training is not None:
        return replace(baseline.training, x=x)
    if not baseline.layers:
        return None
    return Training(number=0, model="reference", layers=baseline.layers, optimizer=baseline.optimizer, x=x)


def _stages(trained: Sequence[Training]) -> list[_Stage]:
    """One entry for consecutive trainings of one model with the same settings: ``fit`` in a loop is one training."""
    stages: list[_Stage] = []
    for training in trained:
        last = stages[-1].whole if stages else None
        if last is not None and last.model == training.model and _only_epochs(differences(last, training)):
            stages[-1] = _Stage(_continued(last, training), (*stages[-1].parts, training))
        else:
            stages.append(_Stage(training, (training,)))
    return stages


def _only_epochs(changes: Iterable[Change]) -> bool:
    return all(change.name == "epochs" for change in changes)


def _continued(first: Training, then: Training) -> Training:
    """Epochs add up, unless the second training was told where it begins."""
    epochs = [training.arguments.get("epochs") for training in (first, then)]
    arguments = dict(then.arguments)
    if all(isinstance(count, int) for count in epochs) and not then.arguments.get("initial_epoch"):
        arguments["epochs"] = sum(epochs)
    return replace(then, arguments=arguments, epochs_run=first.epochs_run + then.epochs_run)


def _own_baseline(reference: Training, trained: Sequence[Training]) -> Training | None:
    """The training that is nearest to the reference; another number of epochs or batch size is still the baseline."""
    near = [(differences(reference, training), training) for training in trained]
    same = [(changes, training) for changes, training in near if all(change.name in _PROTOCOL for change in changes)]
    return min(same, key=lambda pair: len(pair[0]))[1] if same else None


def _named_baseline(trained: Sequence[Training], evidence: Evidence) -> Training | None:
    """The first training that the author calls a baseline: modifications are held against what they set out from."""
    return next((training for training in trained if any(map(_says_baseline, _names(training, evidence)))), None)


def _says_baseline(name: str) -> bool:
    folded = fold(re.sub(r"_+", " ", name[:100]))
    return bool(_BASELINE.search(folded)) and not _MORE.search(folded)


def _is_rewritten(training: Training, reference: Training) -> bool:
    """As many parameters and the same settings: the reference as a class of one's own, whose layers have no order."""
    changed = {change for change in differences(reference, training) if change.name not in _PROTOCOL}
    rest = {change for change in changed if change.family is not Family.ARCHITECTURE}
    return training.parameters > 0 and training.parameters == reference.parameters and not rest


def _add(found: list[Trial], new: Trial, sweeps_count_once: bool) -> None:
    for number, known in enumerate(found):
        if any(_same(known, member, new, sweeps_count_once) for member in (known.training, *known.again)):
            found[number] = replace(known, again=(*known.again, new.training))
            return
    found.append(new)


def _same(known: Trial, member: Training, new: Trial, sweeps_count_once: bool) -> bool:
    """Nothing differs, or only numbers of settings that both have changed from the baseline's.

    What goes on where the other ended is that one, trained for longer.
    """
    changes = differences(member, new.training)
    if member.number in new.training.learnt_from:
        changes = tuple(change for change in changes if change.name != STARTING_WEIGHTS)
    if not changes:
        return True
    common = {change.name for change in known.changes} & {change.name for change in new.changes}
    return sweeps_count_once and all(change.numeric and change.name in common for change in changes)


# --- what people call them -----------------------------------------------------------------------------------------


def name_of(training: Training, evidence: Evidence) -> str:
    """As the author calls the model, else by the number of its training; at most 60 characters."""
    return next((name for name in _names(training, evidence) if name), f"model {training.number}")[:60]


def _names(training: Training, evidence: Evidence) -> Iterator[str]:
    yield from (model.name for model in evidence.models if model.training == training.number)
    yield from training.labels.values()
    yield training.builder
    yield from _bound(training, evidence)


def _bound(training: Training, evidence: Evidence) -> Iterable[str]:
    return (name for name, model in evidence.ledger.bindings.items() if model == training.model)

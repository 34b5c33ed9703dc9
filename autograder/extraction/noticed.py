"""What a person should look at in a final model and its story; nothing of it costs a point by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from autograder.extraction import beginnings, measures, swaps
from autograder.extraction.archive import refusal
from autograder.extraction.boasts import boasted
from autograder.extraction.carried import carried
from autograder.extraction.case import BY_HAND, Case
from autograder.extraction.choice import passed_over
from autograder.extraction.contradictions import exchanged
from autograder.extraction.fidelity import beyond_record, exaggerated, too_good
from autograder.extraction.grouping import Scope
from autograder.extraction.leaks import given, kept_back, leaked, looks_up, resembles, split
from autograder.extraction.matching import Candidate, steps_of, validates_on_test
from autograder.extraction.origin import LISTED, origin, packed
from autograder.extraction.probing import Task
from autograder.extraction.stored import of_other_images
from autograder.extraction.supplied import supplied
from autograder.extraction.teachers import taught, untold
from autograder.records import CellKind, Fidelity, FinalMeasures, MeasuredModel, Message, Training, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known once the final model was measured."""

    models: Sequence[MeasuredModel]
    final: FinalMeasures
    within: Scope
    parts: Sequence[Candidate]
    """The weights that the final model is made of: several for an ensemble."""

    @property
    def chosen(self) -> MeasuredModel:
        return next(model for model in self.models if model.chosen)


@dataclass(frozen=True, slots=True)
class Noticed:
    doubts: tuple[Message, ...]
    """Signs that something was brought along rather than learnt, the strongest first."""
    flags: tuple[Message, ...]
    """The doubts, and claims that do not hold."""
    facts: tuple[Message, ...]
    """For the student as well: told without a judgement."""


def noticed(case: Case, seen: Measured, answers: Sequence[Message]) -> Noticed:
    """``answers``: doubts that the model's answers give, which come first."""
    parts = seen.parts
    brought = next((told for one in parts if (told := _origin(case, one)) is not None), None)
    tested = next((told for one in parts if (told := _trained_on_test(case, one)) is not None), None)
    own = next((told for one in parts if (told := _split(case, one)) is not None), None)
    hidden = next((told for one in parts if (told := _kept_back(case, one)) is not None), None)
    unsure = () if hidden or tested else parts
    like = next((told for one in unsure if (told := _resembles(case, one)) is not None), None)
    looked = () if brought else parts
    began = next((told for one in looked if (told := _began(case, one, seen)) is not None), None)
    looked = () if began else looked
    swapped = next((told for one in looked if (told := _swapped(case, one, seen)) is not None), None)
    learnt = None if brought else _taught(case, seen)
    looked_up = carried(case.things, case.bench.data) if seen.chosen.where == "kernel" and not hidden else None
    apart = None if hidden or tested or like else next((told for one in parts if (told := _supplied(case, one))), None)
    put = None if brought or began or swapped else _put(case, seen)
    other = next((told for one in parts if (told := _other_weights(one, seen.models)) is not None), None)
    found = (hidden, looked_up, tested, like, brought or began or swapped, learnt, other, packed(case.things))
    doubts = (*answers, *(doubt for doubt in found if doubt is not None))
    # That a training changed nothing is a reproach; that there was none is a fact.
    untrained = brought if any(one.training is None for one in parts) else None
    validated = next((told for one in parts if (told := _validated_on_test(case, one)) is not None), None)
    against, beside = _tables(case, seen)
    return Noticed(
        doubts=doubts,
        flags=(*doubts, *filter(None, (put, apart)), *_flags(case, seen), *_boasted(case, seen), *against),
        facts=(*(fact for fact in (hidden, tested, own, untrained, validated) if fact is not None), *beside),
    )


def _flags(case: Case, seen: Measured) -> tuple[Message, ...]:
    chosen, prepared = seen.chosen, [case.prepared[one.id] for one in seen.parts]
    found = [_disagreement(chosen), _unconfirmed(chosen)]
    if any(one is not None and one.differs_from_training for one in prepared):
        found.append(
            say("The notebook prepares test images otherwise than training images; it is measured as it evaluates.")
        )
    if case.ledger.unsampled:
        found.append(
            say(
                "Not all of the data that the notebook gave its models could be looked at (not looked at: "
                "{count:int}): it is not known what all of them learnt from.",
                count=case.ledger.unsampled,
            )
        )
    found += [
        passed_over(case.choice, case.ledger, _trained(seen)),
        _by_hand(case, seen),
        _in_use(case),
        untold(_trainings(case, seen), case.ledger),
    ]
    made = _handmade(case, seen)
    if "optimizer" in made:
        found.append(
            say(
                "The final model was trained by an optimizer that the notebook wrote itself: whether its weights were "
                "learnt cannot be followed there."
            )
        )
    if _steps_itself(case, seen):
        found.append(
            say(
                "The final model was trained by a training step that the notebook wrote itself: what it learnt from, "
                "beside the images that the training was given, cannot be followed there."
            )
        )
    found += _unfollowed(case, seen)
    if "loss" in made:
        found.append(
            say(
                "The final model was trained with a loss that the notebook wrote itself: whether its weights were "
                "learnt from the images alone cannot be followed there."
            )
        )
    if "penalty" in made:
        found.append(
            say(
                "The final model was trained with a regularizer or a constraint that the notebook wrote itself: "
                "whether its weights were learnt from the images alone cannot be followed there."
            )
        )
    found.append(next((told for one in seen.parts if (told := _looks_up(case, one)) is not None), None))
    if chosen.where == "kernel":
        found.append(say("The predictions were made in the student's own kernel, since the model could not be saved."))
        found.append(_within_reach(case))
    return tuple(flag for flag in found if flag is not None)


def _supplied(case: Case, one: Candidate) -> Message | None:
    origin = beginnings.Origin(case.execution.artifacts, case.bench.store)
    return supplied(given(one, case.ledger, origin), case.sightings, case.things)


def _within_reach(case: Case) -> Message | None:
    """Code of the notebook's own answers, and may load a model or look something up."""
    names = [thing.told for thing in case.things if thing.name]
    if not names:
        return None
    return say(
        "The model that answered in the student's kernel could read files that were handed in ({files}): whether it "
        "learnt here what it answers is not known.",
        files=", ".join(names[:LISTED]) + (" …" if len(names) > LISTED else ""),
    )


def _in_use(case: Case) -> Message | None:
    """Whatever model it was that learnt: its answers may have taught another."""
    if not case.ledger.learnt_in_use:
        return None
    return say(
        "While a model was only used (evaluate, predict, validation), something else than a callback took steps of an "
        "optimizer: what was learnt there, and what from, cannot be followed."
    )


def _by_hand(case: Case, seen: Measured) -> Message | None:
    """Where nothing on record left its weights, though something took place that may have."""
    if case.ledger.unfollowed < BY_HAND or any(_origin(case, one) for one in seen.parts):
        return None
    if not any(origin(one, case.known, case.things, case.bench.store, followed=True) for one in seen.parts):
        return None
    return say(
        "No training on record left the weights of the final model. Gradients were computed outside of all of these "
        "({count:int} times): whether it learnt by them, and what from, cannot be followed.",
        count=case.ledger.unfollowed,
    )


def _handmade(case: Case, seen: Measured) -> set[str]:
    """Of all trainings of the models that it is made of."""
    models = _trained(seen)
    return {part for training in case.ledger.trainings if training.model in models for part in training.handmade}


def _unfollowed(case: Case, seen: Measured) -> Iterator[Message]:
    """A word on each training of the models that it is made of, within which something else learnt as well."""
    models = _trained(seen)
    for training in case.ledger.trainings:
        if training.model in models and training.unfollowed:
            yield say(
                "While training {number:int} of the final model went on, something else than its steps learnt on the "
                "same weights ({count:int} times at least): what from cannot be followed there.",
                number=training.number,
                count=training.unfollowed,
            )


def _put(case: Case, seen: Measured) -> Message | None:
    """Of the trainings of the models that it is made of, and of what left the weights with which these began; else of
    what it held when it was used."""
    origin, own = beginnings.Origin(case.execution.artifacts, case.bench.store), _trainings(case, seen)
    for part in seen.parts:
        own += () if part.training is None else beginnings.line(part.training, case.ledger, origin)
    uses = [part.use for part in seen.parts if part.use is not None]
    return beginnings.put(own, case.ledger) or beginnings.held(uses)


def _trainings(case: Case, seen: Measured) -> list[Training]:
    models = _trained(seen)
    return [training for training in case.ledger.trainings if training.model in models]


def _trained(seen: Measured) -> set[str]:
    """The models that it is made of, and those whose weights it has: a trained one may stand within another."""
    return {model for one in seen.parts for model in (one.model, one.training.model if one.training else one.model)}


def _steps_itself(case: Case, seen: Measured) -> bool:
    models = _trained(seen)
    return any(training.own_step for training in case.ledger.trainings if training.model in models)


def _unconfirmed(chosen: MeasuredModel) -> Message | None:
    if not chosen.members or chosen.fidelity is not None:
        return None
    return say(
        "The notebook seems to put several models together, and states no accuracy of it on the public test set: it is "
        "measured as the mean of their outputs."
    )


def _origin(case: Case, one: Candidate) -> Message | None:
    followed, artifacts = case.ledger.unfollowed < BY_HAND, case.execution.artifacts
    left = [(each.number, artifacts[each.saved]) for each in case.ledger.trainings if each.saved in artifacts]
    return origin(one, case.known, case.things, case.bench.store, followed=followed, left=left)


def _began(case: Case, one: Candidate, seen: Measured) -> Message | None:
    """Where the line of its trainings began with able weights: what these name rightly of the hidden images."""
    origin = beginnings.Origin(case.execution.artifacts, case.bench.store)
    first = None if one.training is None else beginnings.root(one.training, case.ledger, origin)
    if first is None:
        return None
    measured = _measured_again(case, one, first.start_saved, seen.within)
    if beginnings.explained(first, measured, case.ledger, seen.models, origin):
        return None
    return beginnings.told(first, measured, seen.final.accuracy, seen.final.classes)


def _swapped(case: Case, one: Candidate, seen: Measured) -> Message | None:
    """Where weights were changed in the midst of its trainings: what the model could right before, and right after."""
    if one.training is None:
        return None
    origin = beginnings.Origin(case.execution.artifacts, case.bench.store)
    for found in islice(swaps.sudden(one.training, case.ledger, origin), swaps.MOST):
        names = (found.swap.saved_before, found.swap.saved)
        before, after = (_measured_again(case, one, name, seen.within) for name in names)
        figures = None if before is None or after is None else (before, after)
        if swaps.accounted(found, figures, case.ledger, seen.models, origin):
            continue
        if (told := swaps.told(found, figures, seen.final.accuracy, seen.final.classes)) is not None:
            return told
    return None


def _taught(case: Case, seen: Measured) -> Message | None:
    files = beginnings.Origin(case.execution.artifacts, case.bench.store)
    return taught(seen.parts, case.known, case.ledger, seen.models, seen.final, files)


def _other_weights(one: Candidate, models: Sequence[MeasuredModel]) -> Message | None:
    """What was measured is not what the training is said to have left."""
    if not any(model.id == one.id and exchanged(model, one.training) for model in models):
        return None
    return say(
        "The saved model does not hold the weights that its training left, by the record of its kernel: it was "
        "exchanged while it was saved, or the record is not true."
    )


def _measured_again(case: Case, one: Candidate, name: str, within: Scope) -> float | None:
    """Accuracy on the hidden images of the model as it was at another time, its images prepared alike."""
    model, preparation = case.execution.artifacts.get(name), case.prepared.get(one.id)
    if model is None or preparation is None or refusal(case.bench.store.get(model)) is not None:
        return None
    task = Task(id=name.removesuffix(".keras"), model=model, steps=steps_of(preparation), robustness=False)
    answer = within.of(case.bench.probe([task], case.bench.gallery())[task.id])
    return None if answer.hidden is None else measures.hidden_accuracy(answer.hidden, within.data)


def _validated_on_test(case: Case, one: Candidate) -> Message | None:
    """A third of honest notebooks do so, and it is nothing to look into: a fact, no flag."""
    training = one.training
    if training is None or not validates_on_test(training, case.sightings):
        return None
    return say(
        "The public test set was used for validation during training. That is no training on it; but choosing epochs "
        "or settings by it makes the accuracy on it look a little better than it is."
    )


def _trained_on_test(case: Case, one: Candidate) -> Message | None:
    return leaked(one, case.account, beginnings.Origin(case.execution.artifacts, case.bench.store))


def _split(case: Case, one: Candidate) -> Message | None:
    return split(one, case.account, beginnings.Origin(case.execution.artifacts, case.bench.store))


def _kept_back(case: Case, one: Candidate) -> Message | None:
    return kept_back(one, case.account, beginnings.Origin(case.execution.artifacts, case.bench.store))


def _resembles(case: Case, one: Candidate) -> Message | None:
    return resembles(one, case.account, beginnings.Origin(case.execution.artifacts, case.bench.store))


def _looks_up(case: Case, one: Candidate) -> Message | None:
    return looks_up(one, case.account, beginnings.Origin(case.execution.artifacts, case.bench.store))


def _disagreement(model: MeasuredModel) -> Message | None:
    told = model.fidelity
    if told is None or told.agrees:
        return None
    return say(
        "The notebook's own accuracy on the public test set is {claimed:pct2}, we measure {measured:pct2}.",
        claimed=told.claimed,
        measured=told.measured,
    )


def _boasted(case: Case, seen: Measured) -> Iterator[Message]:
    """Figures too good for the final model that stand beside the one which its measurement was held against, and those
    that were printed after another model had been at work."""
    one, within = seen.parts[0], seen.within
    account, images = case.account_of(one, within), within.data.card.public_images
    measured = {model.id: model.public_accuracy for model in seen.models if model.public_accuracy is not None}
    beside = tuple(measured.values())
    told: list[Fidelity | None] = []
    if len(seen.parts) == 1 and _disagreement(seen.chosen) is None:
        figure = seen.chosen.public_accuracy
        told.append(exaggerated(one, case.prepared[one.id], figure, images, account, beside=beside))
    others = [(whose.id, claim) for whose, claim in beyond_record(account, beside) if whose not in seen.parts]
    told += [too_good(claim, measured[id], images) for id, claim in others if id in measured]
    for found in told:
        if found is not None and found.cell is not None:
            yield say(
                "Cell {cell:int} also states an accuracy of {claimed:pct2} on the public test set, we measure "
                "{measured:pct2}.",
                cell=found.cell + 1,
                claimed=found.claimed,
                measured=found.measured,
            )


def _tables(case: Case, seen: Measured) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """Flags and facts: a word on each table that is too good.

    What was typed into text may be of an earlier run; so may what a cell shows, where the notebook was written for
    other images than are served here. Where a budget cut the trainings, figures of full ones are better.
    """
    account, card = case.account, seen.within.data.card
    if case.execution.share < 1:
        return (), ()
    served = card.name if of_other_images(account.cells, card) else ""
    typed, shown = (
        tuple(
            boasted(
                [cell for cell in account.cells if cell.kind is kind],
                case.execution.cells,
                case.ledger,
                seen.models,
                card.public_images,
                served=served,
            )
        )
        for kind in (CellKind.MARKDOWN, CellKind.CODE)
    )
    return ((), (*shown, *typed)) if served else (shown, typed)

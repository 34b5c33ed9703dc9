"""All models of one notebook: chosen, prepared for, shown the images in room 2, and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from autograder.datasets import DataSet
from autograder.extraction import beginnings, measures, memory, swaps
from autograder.extraction.absences import absences
from autograder.extraction.archive import refusal
from autograder.extraction.choice import Choice, choose, validation_accuracy
from autograder.extraction.contradictions import exchanged
from autograder.extraction.ensembles import Answered, Ensemble, Vote, combined, ensembles, foremost, unexplained
from autograder.extraction.fallback import from_kernel
from autograder.extraction.fidelity import Account, exaggerated, fidelity, held
from autograder.extraction.grouping import Grouping, Scope, another_task, grouping, mislabelled, scope
from autograder.extraction.leaks import leaked
from autograder.extraction.matching import (
    Candidate,
    Preparation,
    Sightings,
    candidates,
    name_of,
    prepare,
    same_as_baseline,
    steps_of,
    unprepared,
    validates_on_test,
)
from autograder.extraction.origin import Brought, origin, packed
from autograder.extraction.probing import Gallery, Probed, Task, gallery, probe
from autograder.extraction.said import answered
from autograder.extraction.unaltered import unaltered
from autograder.recall import Memory
from autograder.records import (
    Baseline,
    Cell,
    Execution,
    FinalMeasures,
    Gap,
    GapKind,
    Ledger,
    MeasuredModel,
    Message,
    Rubric,
    Training,
    say,
)
from autograder.sandbox.room import Sandbox
from autograder.store import Store

MAX_MODELS = 24
TRAINED_ROWS = 100
"""From which on a classifier of scikit-learn's was trained for the task, and not for a picture."""
BY_HAND = 20
"""Gradients from which on something was trained; a picture of what a model looks at takes fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every measurement of a class shares."""

    data: DataSet
    rubric: Rubric
    sandbox: Sandbox
    store: Store
    memory: Memory | None = None
    """Of models that were probed before; without one, every model is probed."""
    cancelled: Callable[[], bool]
    others: Sequence[Path] = ()
    """Further sets that the notebook loads."""

    def gallery(self) -> Gallery:
        images, seed = self.rubric.robustness_images, self.rubric.seed
        return gallery(self.data, robustness_images=images, seed=seed, store=self.store)

    def probe(self, tasks: Sequence[Task], shown: Gallery) -> Mapping[str, Probed]:
        def work(tasks: Sequence[Task]) -> Mapping[str, Probed]:
            limits = self.rubric.limits
            return probe(tasks, shown, sandbox=self.sandbox, store=self.store, limits=limits, cancelled=self.cancelled)

        return work(tasks) if self.memory is None else answered(tasks, shown, self.store, self.memory, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    models: tuple[MeasuredModel, ...] = ()
    final: FinalMeasures | None = None
    gaps: tuple[Gap, ...] = ()
    apart: frozenset[int] = frozenset()
    """Numbers of trainings for another task than naming the images of the data set."""
    mislabelled: tuple[int, ...] = ()
    """Numbers of those whose labels have nothing to do with their images."""
    unaltered: tuple[str, ...] = ()
    """Digests of data that are images of the data set as for training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One notebook's run, and what is known of its models so far."""

    ledger: Ledger
    execution: Execution
    baseline: Baseline | None
    bench: Bench
    sightings: Sightings
    known: tuple[Candidate, ...]
    account: Account
    choice: Choice
    groupings: Mapping[str, Grouping | None]
    """By candidate: the classes that it is about."""
    prepared: Mapping[str, Preparation | None]
    """By candidate, for those that are measured: the final one first."""
    things: Sequence[Brought]
    """What was handed in beside the code that trains."""

    @property
    def chosen(self) -> Candidate:
        return self.choice.candidate


def study(
    ledger: Ledger,
    execution: Execution,
    cells: Sequence[Cell],
    baseline: Baseline | None,
    bench: Bench,
    things: Sequence[Brought] = (),
) -> Studied:
    """Every trained model with its measurements, and all figures of the final one."""
    known = candidates(ledger, execution.artifacts)
    sightings = Sightings(bench.data, execution.artifacts, bench.store, bench.others)
    choice = choose(ledger, known, execution.artifacts, cells, execution, bench.data.card.image_shape, sightings)
    absent = absences(ledger, execution)
    if choice is None:
        return Studied(gaps=(*absent, _nothing(ledger)))
    # The final one first: should time run out, it has been measured.
    measured = (choice.candidate, *(one for one in known if one is not choice.candidate))[:MAX_MODELS]
    classes = bench.data.card.classes
    groupings = {one.id: grouping(one, ledger, known, execution.artifacts, sightings, classes) for one in measured}
    kept = {name: found.classes if found else () for name, found in groupings.items()}
    case = _Case(
        ledger=ledger,
        execution=execution,
        baseline=baseline,
        bench=bench,
        sightings=sightings,
        known=known,
        account=Account(
            ledger=ledger,
            known=known,
            artifacts=execution.artifacts,
            execution=execution,
            cells=cells,
            sightings=sightings,
            test_rows=bench.data.card.test_rows,
        ),
        choice=choice,
        groupings=groupings,
        prepared={
            one.id: prepare(one, ledger, known, execution.artifacts, sightings, kept[one.id]) for one in measured
        },
        things=things,
    )
    studied = _measured(case)
    apart = frozenset(one.number for one in ledger.trainings if another_task(one, sightings))
    return replace(
        studied,
        gaps=(*absent, *studied.gaps),
        apart=apart,
        mislabelled=tuple(one.number for one in ledger.trainings if mislabelled(one, sightings, classes)),
        unaltered=unaltered(ledger, sightings),
    )


def _nothing(ledger: Ledger) -> Gap:
    """No model: none was trained, or for a reason that is no fault of the student's."""
    if by_hand(ledger):
        reason = say(
            "The notebook trains by hand in a way that cannot be followed automatically: a teacher will look at it; "
            "it costs you nothing."
        )
        return Gap(kind=GapKind.LEDGER, reason=reason, ours=True)
    if kinds := sorted({one.kind for one in ledger.estimators if one.rows >= TRAINED_ROWS}):
        reason = say(
            "The notebook trains classifiers of scikit-learn only ({kinds}), which are not measured automatically: a "
            "teacher will look at them; it costs you nothing.",
            kinds=", ".join(kinds),
        )
        return Gap(kind=GapKind.LEDGER, reason=reason, ours=True)
    return Gap(kind=GapKind.MODEL, reason=say("No model was trained in this run."))


def by_hand(ledger: Ledger) -> bool:
    """Whether there are the traces of a training that no entry tells of."""
    return not ledger.trainings and ledger.unfollowed >= BY_HAND


def _measured(case: _Case) -> Studied:
    bench, shown = case.bench, case.bench.gallery()
    answers = _answers(case, shown)
    scopes = {one.id: scope(case.groupings.get(one.id), bench.data, shown) for one in case.known if one.id in answers}
    models = tuple(
        _model(one, number, case, _scoped(answers, scopes, one)) for number, one in enumerate(case.known, start=1)
    )
    answered = Answered(answers=answers, scopes=scopes)
    case, models = _by_measurement(case, models)
    together = ensembles(answered, case.account)
    chosen = next(model for model in models if model.chosen)
    several = _of_several(together, answered, case, stated=chosen.fidelity is not None)
    parts = (case.chosen,) if several is None else several.members
    answered = replace(answered, answers={**answers, **_shown_altered(parts, answered, case)})
    if several is not None:
        models = tuple(replace(model, chosen=False, chosen_because=None) for model in models)
    models += tuple(_ensemble(one, models, answered, case, chosen=one is several) for one in together)
    models = _beyond(models, case)
    chosen = next(model for model in models if model.chosen)
    answer = answered.answers[case.chosen.id]
    if several is not None:
        answer = combined([answered.answers[one.id] for one in parts], several.vote)
    figures = _final(case, models, answer, scopes[parts[0].id], parts)
    return Studied(models=models, final=figures, gaps=_gaps(chosen))


def _by_measurement(case: _Case, models: tuple[MeasuredModel, ...]) -> tuple[_Case, tuple[MeasuredModel, ...]]:
    """Where nothing but their order was known of several models: the most accurate one on the public images."""
    among = [model for model in models if model.id in case.choice.among and model.public_accuracy is not None]
    best = max(reversed(among), key=lambda model: model.public_accuracy or 0.0, default=None)
    if best is None or best.chosen:
        return case, models
    because = say("By our measurement it is the most accurate one; the notebook states no figure to choose by.")
    candidate = next(one for one in case.known if one.id == best.id)
    choice = replace(case.choice, candidate=candidate, because=because, by="accuracy")
    told = tuple(
        replace(model, chosen=model is best, chosen_because=because if model is best else None) for model in models
    )
    return replace(case, choice=choice), told


def _beyond(models: tuple[MeasuredModel, ...], case: _Case) -> tuple[MeasuredModel, ...]:
    """What the notebook reaches with models put together in a way that is not known stands against what we measure."""
    known = [model.public_accuracy for model in models if model.public_accuracy is not None]
    claim = unexplained(known, case.account) if known else None
    images = case.bench.data.card.public_images
    return tuple(
        replace(model, fidelity=held(claim, model.public_accuracy, images))
        if model.chosen and claim is not None and model.public_accuracy is not None
        else model
        for model in models
    )


def _of_several(together: Sequence[Ensemble], answered: Answered, case: _Case, *, stated: bool) -> Ensemble | None:
    """The ensemble that is the final model: not where one model was named, announced or studied as such."""
    if case.choice.by not in ("accuracy", "list", "order", "test"):
        return None
    return foremost(together, answered, case.chosen, stated=stated)


def _shown_altered(parts: Sequence[Candidate], answered: Answered, case: _Case) -> Mapping[str, Probed]:
    """Answers of what the final model is made of, as far as it was not asked for altered images yet."""
    tasks = [
        Task(id=one.id, model=one.artifact, steps=steps_of(preparation), robustness=True)
        for one in parts
        if one.artifact is not None
        and (preparation := case.prepared[one.id]) is not None
        and answered.answers[one.id].public is not None
        and answered.answers[one.id].altered is None
        and answered.answers[one.id].problem is None
    ]
    return case.bench.probe(tasks, case.bench.gallery()) if tasks else {}


def _final(
    case: _Case, models: Sequence[MeasuredModel], answer: Probed, within: Scope, parts: Sequence[Candidate]
) -> FinalMeasures | None:
    """All figures of the final model, with what a person should look at; ``parts``: the weights that it is made of."""
    chosen = next(model for model in models if model.chosen)
    seed, store = case.bench.rubric.seed, case.bench.store
    final = measures.final_measures(answer, within, baseline=case.baseline, seed=seed, store=store)
    if final is None:
        return None
    signs = memory.signs(answer, within, case.baseline, store=store)
    brought = next((told for one in parts if (told := _origin(case, one)) is not None), None)
    tested = next((told for one in parts if (told := _trained_on_test(case, one)) is not None), None)
    looked = () if brought else parts
    began = next((told for one in looked if (told := _began(case, one, models, final, within)) is not None), None)
    looked = () if began else looked
    swapped = next((told for one in looked if (told := _swapped(case, one, models, final, within)) is not None), None)
    other = next((told for one in parts if (told := _other_weights(one, models)) is not None), None)
    found = (tested, brought or began or swapped, other, packed(case.things))
    doubts = (*signs.doubts, *(doubt for doubt in found if doubt is not None))
    # That a training changed nothing is a reproach; that there was none is a fact.
    untrained = brought if any(one.training is None for one in parts) else None
    validated = next((told for one in parts if (told := _validated_on_test(case, one)) is not None), None)
    return replace(
        final,
        loss_ratio=signs.loss_ratio,
        nudges=signs.nudges,
        gap=signs.gap,
        doubts=doubts,
        flags=(*doubts, *flags(case, chosen, parts), *_boasted(case, models, parts, within)),
        facts=tuple(fact for fact in (tested, untrained, validated) if fact is not None),
    )


def _answers(case: _Case, shown: Gallery) -> Mapping[str, Probed]:
    """What room 2 found of each model, or why it was not asked."""
    answers: dict[str, Probed] = {}
    tasks: list[Task] = []
    for one in sorted(case.known, key=lambda one: one is not case.chosen):
        if one.id not in case.prepared:
            continue
        preparation = case.prepared[one.id]
        if not one.scores:
            answers[one.id] = Probed(problem=_no_scores(one))
        elif one.artifact is None:
            bench = case.bench
            answers[one.id] = from_kernel(
                one, case.ledger, case.known, case.execution, data=bench.data, shown=shown, store=bench.store
            )
        elif preparation is None:
            answers[one.id] = Probed(problem=unprepared(one, case.sightings))
        elif (reason := refusal(case.bench.store.get(one.artifact))) is not None:
            answers[one.id] = Probed(problem=reason)
        else:
            final = one is case.chosen
            tasks.append(Task(id=one.id, model=one.artifact, steps=steps_of(preparation), robustness=final))
    return answers | dict(case.bench.probe(tasks, shown))


def _no_scores(one: Candidate) -> Message:
    if one.training is not None and len(one.training.outputs) > 1:
        return say(
            "The model has {ends:int} outputs at once, and which of them gives the classes is not known: use a model "
            "with that output alone in the notebook.",
            ends=len(one.training.outputs),
        )
    return say("The model gives no scores for classes: it rebuilds or describes images.")


# --- records -------------------------------------------------------------------------------------------------------


_Scoped: TypeAlias = tuple[Probed, Scope]


def _scoped(answers: Mapping[str, Probed], scopes: Mapping[str, Scope], one: Candidate) -> _Scoped | None:
    return (answers[one.id], scopes[one.id]) if one.id in answers else None


def _model(one: Candidate, number: int, case: _Case, answer: _Scoped | None) -> MeasuredModel:
    preparation, training = case.prepared.get(one.id), one.training
    described = MeasuredModel(
        id=one.id,
        name=name_of(one, case.ledger, number),
        training=training.number if training else None,
        cell=_cell(one, case.execution),
        chosen=one is case.chosen,
        chosen_because=case.choice.because if one is case.chosen else None,
        is_baseline=same_as_baseline(training, case.baseline),
        layers=training.layers if training else (),
        parameters=training.parameters if training else 0,
        preprocessing=steps_of(preparation) if preparation else None,
        preprocessing_residual=preparation.recipe.residual if preparation else None,
        where="nowhere",
        notebook_accuracy=preparation.accuracy if preparation else None,
        validation_accuracy=validation_accuracy(training, one.epoch) if training else None,
        seconds=_took(training) if training else None,
    )
    if answer is None:
        return replace(described, problem=say("Only {limit:int} models of a notebook are measured.", limit=MAX_MODELS))
    measured = _with_answer(described, one, *answer, case.bench)
    images, account = answer[1].data.card.public_images, _account(one, case, answer[1])
    told = fidelity(one, preparation, measured.public_accuracy, images, account)
    return replace(measured, fidelity=told)


def _account(one: Candidate, case: _Case, within: Scope) -> Account:
    """For the classes that this model is about."""
    found = case.groupings.get(one.id)
    return replace(case.account, test_rows=within.data.card.test_rows, classes=found.classes if found else ())


def _took(training: Training) -> float:
    """When it took place, which may have been in another run."""
    return training.recorded_seconds if training.reused else training.seconds


def _ensemble(
    one: Ensemble, models: Sequence[MeasuredModel], answered: Answered, case: _Case, *, chosen: bool = False
) -> MeasuredModel:
    """As if it were one model; what its members took is summed."""
    members = {member.id for member in one.members}
    parts = [model for model in models if model.id in members]
    best = max(parts, key=lambda model: model.public_accuracy or 0.0)
    answer = combined([answered.answers[member.id] for member in one.members], one.vote)
    described = MeasuredModel(
        id=one.id,
        name=_names([part.name for part in parts]),
        training=None,
        members=tuple(part.id for part in parts),
        cell=one.cell,
        chosen=chosen,
        chosen_because=_because(one) if chosen else None,
        preprocessing=best.preprocessing,
        preprocessing_residual=best.preprocessing_residual,
        seconds=_sum([part.seconds for part in parts]),
        where="nowhere",
    )
    within = answered.scopes[one.members[0].id]
    measured = _with_answer(described, one.members[0], answer, within, case.bench)
    return replace(
        measured,
        where="kernel" if any(part.where == "kernel" for part in parts) else "probe",
        parameters=sum(part.parameters for part in parts),
        bytes=None if None in (sizes := [part.bytes for part in parts]) else sum(size or 0 for size in sizes),
        fidelity=None
        if one.claim is None or measured.public_accuracy is None
        else held(one.claim, measured.public_accuracy, within.data.card.public_images),
    )


def _names(parts: Sequence[str]) -> str:
    """Several states of one model have but one name."""
    names = tuple(dict.fromkeys(parts))
    return " + ".join(names)[:80] if len(names) > 1 else f"{names[0]} × {len(parts)}"


def _because(one: Ensemble) -> Message:
    if one.vote is Vote.MAJORITY:
        return say("The notebook lets {models:int} models vote.", models=len(one.members))
    return say("The notebook puts the answers of {models:int} models together.", models=len(one.members))


def _sum(figures: Sequence[float | None]) -> float | None:
    """None where one is not known."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None


def _with_answer(model: MeasuredModel, one: Candidate, answer: Probed, within: Scope, bench: Bench) -> MeasuredModel:
    if answer.hidden is None:
        return replace(model, problem=answer.problem)
    problem = measures.unfit(answer.hidden, within.data.card.classes)
    if problem is not None:
        return replace(model, problem=problem)
    asked = within.of(answer)
    return replace(
        model,
        where="kernel" if one.artifact is None else "probe",
        problem=answer.problem,
        parameters=model.parameters if answer.parameters is None else answer.parameters,
        bytes=None if one.artifact is None else len(bench.store.get(one.artifact)),
        numbers=answer.numbers,
        ms_per_image=answer.ms_per_image,
        public_accuracy=None if asked.public is None else measures.public_accuracy(asked.public, within.data),
        hidden_accuracy=None if asked.hidden is None else measures.hidden_accuracy(asked.hidden, within.data),
        hidden_predictions=bench.store.put_array(answer.hidden),
    )


def _cell(one: Candidate, execution: Execution) -> int | None:
    runs = (run.index for run in execution.cells if run.execution_count == one.moment)
    return next(runs, None) if one.moment else None


def _gaps(chosen: MeasuredModel) -> tuple[Gap, ...]:
    if chosen.problem is None:
        return ()
    kind = GapKind.PREPROCESSING if chosen.preprocessing is None else GapKind.MODEL
    return (Gap(kind=kind, reason=chosen.problem),)


# --- flags ---------------------------------------------------------------------------------------------------------


def flags(case: _Case, chosen: MeasuredModel, parts: Sequence[Candidate]) -> tuple[Message, ...]:
    """For a person to look at, beside all doubts; none of them costs a point by itself."""
    prepared = [case.prepared[one.id] for one in parts]
    found = [_disagreement(chosen), _unconfirmed(chosen)]
    if any(one is not None and one.differs_from_training for one in prepared):
        found.append(
            say("The notebook prepares test images otherwise than training images; it is measured as it evaluates.")
        )
    if chosen.where == "kernel":
        found.append(say("The predictions were made in the student's own kernel, since the model could not be saved."))
    return tuple(flag for flag in found if flag is not None)


def _unconfirmed(chosen: MeasuredModel) -> Message | None:
    if not chosen.members or chosen.fidelity is not None:
        return None
    return say(
        "The notebook seems to put several models together, and states no accuracy of it on the public test set: it is "
        "measured as the mean of their outputs."
    )


def _origin(case: _Case, one: Candidate) -> Message | None:
    followed = case.ledger.unfollowed < BY_HAND
    return origin(one, case.known, case.things, case.bench.store, followed=followed)


def _began(
    case: _Case, one: Candidate, models: Sequence[MeasuredModel], final: FinalMeasures, within: Scope
) -> Message | None:
    """Where the line of its trainings began with able weights: what these name rightly of the hidden images."""
    origin = beginnings.Origin(case.execution.artifacts, case.bench.store)
    first = None if one.training is None else beginnings.root(one.training, case.ledger, origin)
    if first is None:
        return None
    measured = _measured_again(case, one, first.start_saved, within)
    if beginnings.explained(first, measured, case.ledger, models, origin):
        return None
    return beginnings.told(first, measured, final.accuracy, final.classes)


def _swapped(
    case: _Case, one: Candidate, models: Sequence[MeasuredModel], final: FinalMeasures, within: Scope
) -> Message | None:
    """Where weights were changed in the midst of its trainings: what the model could right before, and right after."""
    if one.training is None:
        return None
    origin = beginnings.Origin(case.execution.artifacts, case.bench.store)
    for found in islice(swaps.sudden(one.training, case.ledger, origin), swaps.MOST):
        names = (found.swap.saved_before, found.swap.saved)
        before, after = (_measured_again(case, one, name, within) for name in names)
        figures = None if before is None or after is None else (before, after)
        if swaps.accounted(found, figures, case.ledger, models, origin):
            continue
        if (told := swaps.told(found, figures, final.accuracy, final.classes)) is not None:
            return told
    return None


def _other_weights(one: Candidate, models: Sequence[MeasuredModel]) -> Message | None:
    """What was measured is not what the training is said to have left."""
    if not any(model.id == one.id and exchanged(model, one.training) for model in models):
        return None
    return say(
        "The saved model does not hold the weights that its training left, by the record of its kernel: it was "
        "exchanged while it was saved, or the record is not true."
    )


def _measured_again(case: _Case, one: Candidate, name: str, within: Scope) -> float | None:
    """Accuracy on the hidden images of the model as it was at another time, its images prepared alike."""
    model, preparation = case.execution.artifacts.get(name), case.prepared.get(one.id)
    if model is None or preparation is None or refusal(case.bench.store.get(model)) is not None:
        return None
    task = Task(id=name.removesuffix(".keras"), model=model, steps=steps_of(preparation), robustness=False)
    answer = within.of(case.bench.probe([task], case.bench.gallery())[task.id])
    return None if answer.hidden is None else measures.hidden_accuracy(answer.hidden, within.data)


def _validated_on_test(case: _Case, one: Candidate) -> Message | None:
    """A third of honest notebooks do so, and it is nothing to look into: a fact, no flag."""
    training = one.training
    if training is None or not validates_on_test(training, case.sightings):
        return None
    return say(
        "The public test set was used for validation during training. That is no training on it; but choosing epochs "
        "or settings by it makes the accuracy on it look a little better than it is."
    )


def _trained_on_test(case: _Case, one: Candidate) -> Message | None:
    return leaked(one, case.ledger, case.sightings, beginnings.Origin(case.execution.artifacts, case.bench.store))


def _disagreement(model: MeasuredModel) -> Message | None:
    told = model.fidelity
    if told is None or told.agrees:
        return None
    return say(
        "The notebook's own accuracy on the public test set is {claimed:pct2}, we measure {measured:pct2}.",
        claimed=told.claimed,
        measured=told.measured,
    )


def _boasted(
    case: _Case, models: Sequence[MeasuredModel], parts: Sequence[Candidate], within: Scope
) -> tuple[Message, ...]:
    """A figure too good for the final model that stands beside the one which its measurement was held against."""
    chosen = next(model for model in models if model.chosen)
    if len(parts) > 1 or _disagreement(chosen) is not None:
        return ()
    one, images = parts[0], within.data.card.public_images
    measured, account = chosen.public_accuracy, _account(one, case, within)
    others = [model.public_accuracy for model in models if model.public_accuracy is not None]
    told = exaggerated(one, case.prepared[one.id], measured, images, account, beside=others)
    if told is None or told.cell is None:
        return ()
    return (
        say(
            "Cell {cell:int} also states an accuracy of {claimed:pct2} on the public test set, we measure "
            "{measured:pct2}.",
            cell=told.cell + 1,
            claimed=told.claimed,
            measured=told.measured,
        ),
    )
